-- Rendered by `make sql`: change the template or the declaration.
create table if not exists dim_plataforma (
    plataforma_id bigint not null primary key,
    plataforma_de_interacao varchar(1000) not null
)
-- redshift: diststyle all sortkey (plataforma_id)
;

comment on table dim_plataforma is 'Plataformas: uma linha por plataforma de interação';
comment on column dim_plataforma.plataforma_id is 'Chave: os primeiros 64 bits do MD5 dos atributos, unidos por quebras de linha';
comment on column dim_plataforma.plataforma_de_interacao is 'Onde a venda foi fechada';

-- Rendered by `make sql`: change the template or the declaration.
create table if not exists dim_campanha (
    campanha_id bigint not null primary key,
    campanha_de_marketing varchar(1000) not null
)
-- redshift: diststyle all sortkey (campanha_id)
;

comment on table dim_campanha is 'Campanhas: uma linha por campanha de marketing';
comment on column dim_campanha.campanha_id is 'Chave: os primeiros 64 bits do MD5 dos atributos, unidos por quebras de linha';
comment on column dim_campanha.campanha_de_marketing is 'Campanha vigente';

-- Rendered by `make sql`: change the template or the declaration.
create table if not exists dim_desconto (
    desconto_id bigint not null primary key,
    codigo_de_desconto_usado varchar(1000) not null,
    desconto_oferecido decimal(5,4) not null
)
-- redshift: diststyle all sortkey (desconto_id)
;

comment on table dim_desconto is 'Descontos: uma linha por código e fração de desconto';
comment on column dim_desconto.desconto_id is 'Chave: os primeiros 64 bits do MD5 dos atributos, unidos por quebras de linha';
comment on column dim_desconto.codigo_de_desconto_usado is 'Código de desconto usado na venda';
comment on column dim_desconto.desconto_oferecido is 'Desconto como fração: 0,1100 é 11 %';

-- Rendered by `make sql`: change the template or the declaration.
create table if not exists dim_vendedor (
    vendedor_id bigint not null primary key,
    vendedor varchar(1000) not null
)
-- redshift: diststyle all sortkey (vendedor_id)
;

comment on table dim_vendedor is 'Vendedores: uma linha por vendedor';
comment on column dim_vendedor.vendedor_id is 'Chave: os primeiros 64 bits do MD5 dos atributos, unidos por quebras de linha';
comment on column dim_vendedor.vendedor is 'Quem atendeu na loja';

-- Rendered by `make sql`: change the template or the declaration.
create table if not exists dim_produto (
    produto_id bigint not null primary key,
    produto_adquirido varchar(1000) not null
)
-- redshift: diststyle all sortkey (produto_id)
;

comment on table dim_produto is 'Produtos: uma linha por produto';
comment on column dim_produto.produto_id is 'Chave: os primeiros 64 bits do MD5 dos atributos, unidos por quebras de linha';
comment on column dim_produto.produto_adquirido is 'Produto vendido';

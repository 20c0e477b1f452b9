-- Rendered by `make sql`: change the template or the declaration.
create table if not exists dim_cliente (
    cliente_id bigint not null primary key,
    nome_completo varchar(2001) not null,
    email varchar(1000) not null,
    dominio_email varchar(1000) not null,
    telefone varchar(1000) not null
)
-- redshift: distkey (cliente_id) sortkey (cliente_id)
;

comment on table dim_cliente is 'Clientes: uma linha por combinação de nome e contatos';
comment on column dim_cliente.cliente_id is 'Chave: os primeiros 64 bits do MD5 dos atributos, unidos por quebras de linha';
comment on column dim_cliente.nome_completo is 'Nome e sobrenome do cliente';
comment on column dim_cliente.email is 'E-mail do cliente, em minúsculas';
comment on column dim_cliente.dominio_email is 'O que segue a última @ do e-mail';
comment on column dim_cliente.telefone is 'Telefone do cliente';

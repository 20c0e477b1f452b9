-- Rendered by `make sql`: change the template or the declaration.
create table if not exists membros_pendentes (
    cliente_id bigint,
    produto_id bigint,
    canal_id bigint,
    plataforma_id bigint,
    campanha_id bigint,
    vendedor_id bigint,
    desconto_id bigint,
    nome_completo varchar(2001),
    email varchar(1000),
    dominio_email varchar(1000),
    telefone varchar(1000),
    produto_adquirido varchar(1000),
    canal varchar(1000),
    plataforma_de_interacao varchar(1000),
    campanha_de_marketing varchar(1000),
    vendedor varchar(1000),
    codigo_de_desconto_usado varchar(1000),
    desconto_oferecido decimal(5,4),
    ano integer
)
-- redshift: diststyle even
;

comment on table membros_pendentes is 'Membros das vendas que uma carga traz, cada linha um de uma dimensão ou um ano; vazia entre cargas';
comment on column membros_pendentes.cliente_id is 'Quem comprou';
comment on column membros_pendentes.produto_id is 'O que foi vendido';
comment on column membros_pendentes.canal_id is 'Canal que trouxe o cliente';
comment on column membros_pendentes.plataforma_id is 'Onde a venda foi fechada';
comment on column membros_pendentes.campanha_id is 'Campanha vigente';
comment on column membros_pendentes.vendedor_id is 'Quem atendeu na loja';
comment on column membros_pendentes.desconto_id is 'Código e fração do desconto';
comment on column membros_pendentes.nome_completo is 'Nome e sobrenome do cliente';
comment on column membros_pendentes.email is 'E-mail do cliente, em minúsculas';
comment on column membros_pendentes.dominio_email is 'O que segue a última @ do e-mail';
comment on column membros_pendentes.telefone is 'Telefone do cliente';
comment on column membros_pendentes.produto_adquirido is 'Produto vendido';
comment on column membros_pendentes.canal is 'Canal que trouxe o cliente';
comment on column membros_pendentes.plataforma_de_interacao is 'Onde a venda foi fechada';
comment on column membros_pendentes.campanha_de_marketing is 'Campanha vigente';
comment on column membros_pendentes.vendedor is 'Quem atendeu na loja';
comment on column membros_pendentes.codigo_de_desconto_usado is 'Código de desconto usado na venda';
comment on column membros_pendentes.desconto_oferecido is 'Desconto como fração: 0,1100 é 11 %';
comment on column membros_pendentes.ano is 'Ano da venda';

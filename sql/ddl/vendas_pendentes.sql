-- Rendered by `make sql`: change the template or the declaration.
create table if not exists vendas_pendentes (
    timestamp_do_registro timestamp not null,
    turno_compra varchar(1000) not null,
    nome_completo varchar(2001) not null,
    email varchar(1000) not null,
    dominio_email varchar(1000) not null,
    telefone varchar(1000) not null,
    produto_adquirido varchar(1000) not null,
    valor_da_compra decimal(12,2) not null,
    desconto_oferecido decimal(5,4) not null,
    valor_com_desconto decimal(12,2) not null,
    canal varchar(1000) not null,
    plataforma_de_interacao varchar(1000) not null,
    campanha_de_marketing varchar(1000) not null,
    vendedor varchar(1000) not null,
    codigo_de_desconto_usado varchar(1000) not null,
    arquivo_de_origem varchar(1000) not null,
    linha_do_arquivo bigint not null,
    ano integer not null,
    venda_id varchar(40) not null,
    data_id integer not null,
    cliente_id bigint not null,
    produto_id bigint not null,
    canal_id bigint not null,
    plataforma_id bigint not null,
    campanha_id bigint not null,
    vendedor_id bigint not null,
    desconto_id bigint not null
)
-- redshift: diststyle even
;

comment on table vendas_pendentes is 'Vendas que uma carga põe na estrela, com as chaves delas; vazia entre cargas';
comment on column vendas_pendentes.timestamp_do_registro is 'Data e hora da venda, como escritas no arquivo';
comment on column vendas_pendentes.turno_compra is 'Turno da venda: a parte do dia em que foi feita';
comment on column vendas_pendentes.nome_completo is 'Nome e sobrenome do cliente';
comment on column vendas_pendentes.email is 'E-mail do cliente, em minúsculas';
comment on column vendas_pendentes.dominio_email is 'O que segue a última @ do e-mail';
comment on column vendas_pendentes.telefone is 'Telefone do cliente';
comment on column vendas_pendentes.produto_adquirido is 'Produto vendido';
comment on column vendas_pendentes.valor_da_compra is 'Valor da venda em reais, antes do desconto';
comment on column vendas_pendentes.desconto_oferecido is 'Desconto como fração: 0,1100 é 11 %';
comment on column vendas_pendentes.valor_com_desconto is 'Valor × (1 − desconto), arredondado meio para cima';
comment on column vendas_pendentes.canal is 'Canal que trouxe o cliente';
comment on column vendas_pendentes.plataforma_de_interacao is 'Onde a venda foi fechada';
comment on column vendas_pendentes.campanha_de_marketing is 'Campanha vigente';
comment on column vendas_pendentes.vendedor is 'Quem atendeu na loja';
comment on column vendas_pendentes.codigo_de_desconto_usado is 'Código de desconto usado na venda';
comment on column vendas_pendentes.arquivo_de_origem is 'Arquivo da camada bronze de onde veio a linha';
comment on column vendas_pendentes.linha_do_arquivo is 'Linha física desse arquivo em que o registro começa, a partir de 1';
comment on column vendas_pendentes.ano is 'Ano da venda';
comment on column vendas_pendentes.venda_id is 'Venda: 16 dígitos do MD5 de arquivo_de_origem, um hífen e linha_do_arquivo';
comment on column vendas_pendentes.data_id is 'Dia da venda';
comment on column vendas_pendentes.cliente_id is 'Quem comprou';
comment on column vendas_pendentes.produto_id is 'O que foi vendido';
comment on column vendas_pendentes.canal_id is 'Canal que trouxe o cliente';
comment on column vendas_pendentes.plataforma_id is 'Onde a venda foi fechada';
comment on column vendas_pendentes.campanha_id is 'Campanha vigente';
comment on column vendas_pendentes.vendedor_id is 'Quem atendeu na loja';
comment on column vendas_pendentes.desconto_id is 'Código e fração do desconto';

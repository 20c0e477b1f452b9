-- Rendered by `make sql`: change the template or the declaration.
create table if not exists registros_vendas (
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
    ano integer not null
)
-- redshift: diststyle even sortkey (arquivo_de_origem)
;

comment on table registros_vendas is 'Vendas como na camada gold; uma linha por venda. Campos sem valor: NÃO INFORMADO em telefone, produto_adquirido, canal, plataforma_de_interacao, campanha_de_marketing, vendedor; NÃO DISPONÍVEL em codigo_de_desconto_usado';
comment on column registros_vendas.timestamp_do_registro is 'Data e hora da venda, como escritas no arquivo';
comment on column registros_vendas.turno_compra is 'Turno da venda: a parte do dia em que foi feita';
comment on column registros_vendas.nome_completo is 'Nome e sobrenome do cliente';
comment on column registros_vendas.email is 'E-mail do cliente, em minúsculas';
comment on column registros_vendas.dominio_email is 'O que segue a última @ do e-mail';
comment on column registros_vendas.telefone is 'Telefone do cliente';
comment on column registros_vendas.produto_adquirido is 'Produto vendido';
comment on column registros_vendas.valor_da_compra is 'Valor da venda em reais, antes do desconto';
comment on column registros_vendas.desconto_oferecido is 'Desconto como fração: 0,1100 é 11 %';
comment on column registros_vendas.valor_com_desconto is 'Valor × (1 − desconto), arredondado meio para cima';
comment on column registros_vendas.canal is 'Canal que trouxe o cliente';
comment on column registros_vendas.plataforma_de_interacao is 'Onde a venda foi fechada';
comment on column registros_vendas.campanha_de_marketing is 'Campanha vigente';
comment on column registros_vendas.vendedor is 'Quem atendeu na loja';
comment on column registros_vendas.codigo_de_desconto_usado is 'Código de desconto usado na venda';
comment on column registros_vendas.arquivo_de_origem is 'Arquivo da camada bronze de onde veio a linha';
comment on column registros_vendas.linha_do_arquivo is 'Linha física desse arquivo em que o registro começa, a partir de 1';
comment on column registros_vendas.ano is 'Ano da venda';

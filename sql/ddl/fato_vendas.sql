-- Rendered by `make sql`: change the template or the declaration.
create table if not exists fato_vendas (
    venda_id varchar(40) not null primary key,
    data_id integer not null references dim_data (data_id) not enforced,
    cliente_id bigint not null references dim_cliente (cliente_id) not enforced,
    produto_id bigint not null references dim_produto (produto_id) not enforced,
    canal_id bigint not null references dim_canal (canal_id) not enforced,
    plataforma_id bigint not null references dim_plataforma (plataforma_id) not enforced,
    campanha_id bigint not null references dim_campanha (campanha_id) not enforced,
    vendedor_id bigint not null references dim_vendedor (vendedor_id) not enforced,
    desconto_id bigint not null references dim_desconto (desconto_id) not enforced,
    timestamp_do_registro timestamp not null,
    ano integer not null,
    turno_compra varchar(1000) not null,
    valor_da_compra decimal(12,2) not null,
    valor_com_desconto decimal(12,2) not null,
    arquivo_de_origem varchar(1000) not null,
    linha_do_arquivo bigint not null
)
-- redshift: distkey (cliente_id) sortkey (timestamp_do_registro)
;

comment on table fato_vendas is 'Vendas da estrela; uma linha por linha de registros_vendas';
comment on column fato_vendas.venda_id is 'Venda: 16 dígitos do MD5 de arquivo_de_origem, um hífen e linha_do_arquivo';
comment on column fato_vendas.data_id is 'Dia da venda';
comment on column fato_vendas.cliente_id is 'Quem comprou';
comment on column fato_vendas.produto_id is 'O que foi vendido';
comment on column fato_vendas.canal_id is 'Canal que trouxe o cliente';
comment on column fato_vendas.plataforma_id is 'Onde a venda foi fechada';
comment on column fato_vendas.campanha_id is 'Campanha vigente';
comment on column fato_vendas.vendedor_id is 'Quem atendeu na loja';
comment on column fato_vendas.desconto_id is 'Código e fração do desconto';
comment on column fato_vendas.timestamp_do_registro is 'Data e hora da venda, como escritas no arquivo';
comment on column fato_vendas.ano is 'Ano da venda';
comment on column fato_vendas.turno_compra is 'Turno da venda: a parte do dia em que foi feita';
comment on column fato_vendas.valor_da_compra is 'Valor da venda em reais, antes do desconto';
comment on column fato_vendas.valor_com_desconto is 'Valor × (1 − desconto), arredondado meio para cima';
comment on column fato_vendas.arquivo_de_origem is 'Arquivo da camada bronze de onde veio a linha';
comment on column fato_vendas.linha_do_arquivo is 'Linha física desse arquivo em que o registro começa, a partir de 1';

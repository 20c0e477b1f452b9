-- Rendered by `make sql`: change the template or the declaration.
create table if not exists vendas_por_dia (
    data_id integer not null,
    canal_id bigint not null,
    turno_compra varchar(1000) not null,
    vendas bigint not null,
    valor_da_compra decimal(22,2) not null,
    valor_com_desconto decimal(22,2) not null
)
-- redshift: diststyle all sortkey (data_id)
;

comment on table vendas_por_dia is 'Somas das vendas de fato_vendas por dia, canal e turno';
comment on column vendas_por_dia.data_id is 'Dia da venda';
comment on column vendas_por_dia.canal_id is 'Canal que trouxe o cliente';
comment on column vendas_por_dia.turno_compra is 'Turno da venda: a parte do dia em que foi feita';
comment on column vendas_por_dia.vendas is 'Número de vendas';
comment on column vendas_por_dia.valor_da_compra is 'Soma: Valor da venda em reais, antes do desconto';
comment on column vendas_por_dia.valor_com_desconto is 'Soma: Valor × (1 − desconto), arredondado meio para cima';

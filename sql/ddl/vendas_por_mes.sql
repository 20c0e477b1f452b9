-- Rendered by `make sql`: change the template or the declaration.
create table if not exists vendas_por_mes (
    mes integer not null,
    canal_id bigint not null,
    dimensao varchar(100) not null,
    membro_id bigint not null,
    vendas bigint not null,
    valor_da_compra decimal(22,2) not null,
    valor_com_desconto decimal(22,2) not null
)
-- redshift: diststyle all sortkey (mes)
;

comment on table vendas_por_mes is 'Somas das vendas de fato_vendas por mês, canal e membro de cada uma das outras dimensões pequenas';
comment on column vendas_por_mes.mes is 'Mês da venda como aaaamm';
comment on column vendas_por_mes.canal_id is 'Canal que trouxe o cliente';
comment on column vendas_por_mes.dimensao is 'Nome da dimensão, sem dim_';
comment on column vendas_por_mes.membro_id is 'Chave do membro na dimensão';
comment on column vendas_por_mes.vendas is 'Número de vendas';
comment on column vendas_por_mes.valor_da_compra is 'Soma: Valor da venda em reais, antes do desconto';
comment on column vendas_por_mes.valor_com_desconto is 'Soma: Valor × (1 − desconto), arredondado meio para cima';

-- Rendered by `make sql`: change the template or the declaration.
create table if not exists somas_pendentes (
    data_id integer,
    canal_id bigint,
    turno_compra varchar(1000),
    mes integer,
    dimensao varchar(100),
    membro_id bigint,
    vendas bigint not null,
    valor_da_compra decimal(22,2) not null,
    valor_com_desconto decimal(22,2) not null
)
-- redshift: diststyle even
;

comment on table somas_pendentes is 'Somas que uma carga acrescenta a vendas_por_dia ou vendas_por_mes, ou, negativas, tira; vazia entre cargas';
comment on column somas_pendentes.data_id is 'Dia da venda';
comment on column somas_pendentes.canal_id is 'Canal que trouxe o cliente';
comment on column somas_pendentes.turno_compra is 'Turno da venda: a parte do dia em que foi feita';
comment on column somas_pendentes.mes is 'Mês da venda como aaaamm';
comment on column somas_pendentes.dimensao is 'Nome da dimensão, sem dim_';
comment on column somas_pendentes.membro_id is 'Chave do membro na dimensão';
comment on column somas_pendentes.vendas is 'Número de vendas';
comment on column somas_pendentes.valor_da_compra is 'Soma: Valor da venda em reais, antes do desconto';
comment on column somas_pendentes.valor_com_desconto is 'Soma: Valor × (1 − desconto), arredondado meio para cima';

-- Rendered by `make sql`: change the template or the declaration.
-- In each month and channel, the members of each dimension together have the sums of the days.
with
dimensoes as (
    select cast('produto' as varchar(100)) as dimensao
    union all
    select cast('plataforma' as varchar(100)) as dimensao
    union all
    select cast('campanha' as varchar(100)) as dimensao
    union all
    select cast('vendedor' as varchar(100)) as dimensao
    union all
    select cast('desconto' as varchar(100)) as dimensao
),
dias as (
    select
        data_id / 100 as mes,
        canal_id,
        sum(vendas) as vendas,
        sum(valor_da_compra) as valor_da_compra,
        sum(valor_com_desconto) as valor_com_desconto
    from vendas_por_dia
    group by data_id / 100, canal_id
),
esperadas as (
    select
        dias.*,
        dimensoes.dimensao
    from dias
    cross join dimensoes
),
meses as (
    select
        mes,
        canal_id,
        dimensao,
        sum(vendas) as vendas,
        sum(valor_da_compra) as valor_da_compra,
        sum(valor_com_desconto) as valor_com_desconto
    from vendas_por_mes
    group by mes, canal_id, dimensao
),
final as (
    select
        coalesce(esperadas.mes, meses.mes) as mes,
        coalesce(esperadas.canal_id, meses.canal_id) as canal_id,
        coalesce(esperadas.dimensao, meses.dimensao) as dimensao,
        coalesce(esperadas.vendas, 0) as vendas_dos_dias,
        coalesce(meses.vendas, 0) as vendas_do_mes,
        coalesce(esperadas.valor_da_compra, 0) as valor_da_compra_dos_dias,
        coalesce(meses.valor_da_compra, 0) as valor_da_compra_do_mes,
        coalesce(esperadas.valor_com_desconto, 0) as valor_com_desconto_dos_dias,
        coalesce(meses.valor_com_desconto, 0) as valor_com_desconto_do_mes
    from esperadas
    full outer join meses
        on esperadas.mes = meses.mes
            and esperadas.canal_id = meses.canal_id
            and esperadas.dimensao = meses.dimensao
    where coalesce(esperadas.vendas, 0) <> coalesce(meses.vendas, 0)
        or coalesce(esperadas.valor_da_compra, 0) <> coalesce(meses.valor_da_compra, 0)
        or coalesce(esperadas.valor_com_desconto, 0) <> coalesce(meses.valor_com_desconto, 0)
)
select * from final

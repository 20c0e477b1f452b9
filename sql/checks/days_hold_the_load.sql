-- Rendered by `make sql`: change the template or the declaration.
-- No cell of vendas_por_dia has less than the facts of the load that belong to it. With `days_equal_files`, which compares
-- all cells together, the first load's cells are its facts' sums exactly, and each later load's are among theirs.
with
fatos as (
    select
        data_id,
        canal_id,
        turno_compra,
        sum(vendas) as vendas,
        sum(valor_da_compra) as valor_da_compra,
        sum(valor_com_desconto) as valor_com_desconto
    from fatos_da_carga
    group by data_id, canal_id, turno_compra
),
final as (
    select
        fatos.data_id,
        fatos.canal_id,
        fatos.turno_compra,
        fatos.vendas,
        coalesce(vendas_por_dia.vendas, 0) as vendas_somadas,
        fatos.valor_da_compra,
        coalesce(vendas_por_dia.valor_da_compra, 0) as valor_da_compra_somado,
        fatos.valor_com_desconto,
        coalesce(vendas_por_dia.valor_com_desconto, 0) as valor_com_desconto_somado
    from fatos
    left join vendas_por_dia
        on fatos.data_id = vendas_por_dia.data_id
            and fatos.canal_id = vendas_por_dia.canal_id
            and fatos.turno_compra = vendas_por_dia.turno_compra
    where coalesce(vendas_por_dia.vendas, 0) < fatos.vendas
        or coalesce(vendas_por_dia.valor_da_compra, 0) < fatos.valor_da_compra
        or coalesce(vendas_por_dia.valor_com_desconto, 0) < fatos.valor_com_desconto
)
select * from final

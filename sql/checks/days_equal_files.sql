-- Rendered by `make sql`: change the template or the declaration.
-- All sums of vendas_por_dia together are those of all files loaded, which other checks compare with gold and with the facts.
with
dias as (
    select
        coalesce(sum(vendas), 0) as vendas,
        coalesce(sum(valor_da_compra), 0) as valor_da_compra,
        coalesce(sum(valor_com_desconto), 0) as valor_com_desconto
    from vendas_por_dia
),
arquivos as (
    select
        coalesce(sum(linhas), 0) as vendas,
        coalesce(sum(valor_da_compra), 0) as valor_da_compra,
        coalesce(sum(valor_com_desconto), 0) as valor_com_desconto
    from arquivos_carregados
),
final as (
    select
        arquivos.vendas as vendas_dos_arquivos,
        dias.vendas as vendas_somadas,
        arquivos.valor_da_compra as valor_da_compra_dos_arquivos,
        dias.valor_da_compra as valor_da_compra_somado,
        arquivos.valor_com_desconto as valor_com_desconto_dos_arquivos,
        dias.valor_com_desconto as valor_com_desconto_somado
    from arquivos
    cross join dias
    where arquivos.vendas <> dias.vendas
        or arquivos.valor_da_compra <> dias.valor_da_compra
        or arquivos.valor_com_desconto <> dias.valor_com_desconto
)
select * from final

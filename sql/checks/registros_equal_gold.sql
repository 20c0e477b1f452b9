-- Rendered by `make sql`: change the template or the declaration.
-- For each file of the load, registros_vendas has as many rows and the same sums as gold.
with
carga as (
    select * from arquivos_da_carga
),
registros as (
    select
        registros_vendas.arquivo_de_origem,
        count(*) as linhas,
        sum(registros_vendas.valor_da_compra) as valor_da_compra,
        sum(registros_vendas.valor_com_desconto) as valor_com_desconto
    from registros_vendas
    inner join carga on registros_vendas.arquivo_de_origem = carga.arquivo_de_origem
    group by registros_vendas.arquivo_de_origem
),
final as (
    select
        carga.arquivo_de_origem,
        carga.linhas as linhas_em_gold,
        coalesce(registros.linhas, 0) as linhas_em_registros,
        carga.valor_da_compra as valor_da_compra_em_gold,
        coalesce(registros.valor_da_compra, 0) as valor_da_compra_em_registros,
        carga.valor_com_desconto as valor_com_desconto_em_gold,
        coalesce(registros.valor_com_desconto, 0) as valor_com_desconto_em_registros
    from carga
    left join registros on carga.arquivo_de_origem = registros.arquivo_de_origem
    where carga.linhas <> coalesce(registros.linhas, 0)
        or carga.valor_da_compra <> coalesce(registros.valor_da_compra, 0)
        or carga.valor_com_desconto <> coalesce(registros.valor_com_desconto, 0)
)
select * from final

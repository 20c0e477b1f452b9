-- Rendered by `make sql`: change the template or the declaration.
-- For each file of the load, fato_vendas has as many rows and the same sums as gold.
with
carga as (
    select * from arquivos_da_carga
),
fatos as (
    select
        fatos_da_carga.arquivo_de_origem,
        sum(fatos_da_carga.vendas) as linhas,
        sum(fatos_da_carga.valor_da_compra) as valor_da_compra,
        sum(fatos_da_carga.valor_com_desconto) as valor_com_desconto
    from fatos_da_carga
    inner join carga on fatos_da_carga.arquivo_de_origem = carga.arquivo_de_origem
    group by fatos_da_carga.arquivo_de_origem
),
final as (
    select
        carga.arquivo_de_origem,
        carga.linhas as linhas_em_gold,
        coalesce(fatos.linhas, 0) as linhas_em_fatos,
        carga.valor_da_compra as valor_da_compra_em_gold,
        coalesce(fatos.valor_da_compra, 0) as valor_da_compra_em_fatos,
        carga.valor_com_desconto as valor_com_desconto_em_gold,
        coalesce(fatos.valor_com_desconto, 0) as valor_com_desconto_em_fatos
    from carga
    left join fatos on carga.arquivo_de_origem = fatos.arquivo_de_origem
    where carga.linhas <> coalesce(fatos.linhas, 0)
        or carga.valor_da_compra <> coalesce(fatos.valor_da_compra, 0)
        or carga.valor_com_desconto <> coalesce(fatos.valor_com_desconto, 0)
)
select * from final

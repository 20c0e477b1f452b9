-- Every file of the load has in fato_vendas the rows and sums that registros_vendas holds of it.
with
carga as (
    select arquivo_de_origem from arquivos_da_carga
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
fatos as (
    select
        fato_vendas.arquivo_de_origem,
        count(*) as linhas,
        sum(fato_vendas.valor_da_compra) as valor_da_compra,
        sum(fato_vendas.valor_com_desconto) as valor_com_desconto
    from fato_vendas
    inner join carga on fato_vendas.arquivo_de_origem = carga.arquivo_de_origem
    group by fato_vendas.arquivo_de_origem
),
final as (
    select
        carga.arquivo_de_origem,
        coalesce(registros.linhas, 0) as linhas_em_registros,
        coalesce(fatos.linhas, 0) as linhas_em_fatos,
        coalesce(registros.valor_da_compra, 0) as valor_em_registros,
        coalesce(fatos.valor_da_compra, 0) as valor_em_fatos,
        coalesce(registros.valor_com_desconto, 0) as valor_com_desconto_em_registros,
        coalesce(fatos.valor_com_desconto, 0) as valor_com_desconto_em_fatos
    from carga
    left join registros on carga.arquivo_de_origem = registros.arquivo_de_origem
    left join fatos on carga.arquivo_de_origem = fatos.arquivo_de_origem
    where coalesce(registros.linhas, 0) <> coalesce(fatos.linhas, 0)
        or coalesce(registros.valor_da_compra, 0) <> coalesce(fatos.valor_da_compra, 0)
        or coalesce(registros.valor_com_desconto, 0) <> coalesce(fatos.valor_com_desconto, 0)
)
select * from final

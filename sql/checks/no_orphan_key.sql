-- Rendered by `make sql`: change the template or the declaration.
-- Every foreign key of the load's facts has a member in its dimension.
with
fatos as (
    select fato_vendas.*
    from fato_vendas
    inner join arquivos_da_carga on fato_vendas.arquivo_de_origem = arquivos_da_carga.arquivo_de_origem
),
final as (
    select
        fatos.venda_id,
        fatos.arquivo_de_origem,
        case when dim_data.data_id is null then fatos.data_id end as data_id_sem_membro,
        case when dim_cliente.cliente_id is null then fatos.cliente_id end as cliente_id_sem_membro,
        case when dim_produto.produto_id is null then fatos.produto_id end as produto_id_sem_membro,
        case when dim_canal.canal_id is null then fatos.canal_id end as canal_id_sem_membro,
        case when dim_plataforma.plataforma_id is null then fatos.plataforma_id end as plataforma_id_sem_membro,
        case when dim_campanha.campanha_id is null then fatos.campanha_id end as campanha_id_sem_membro,
        case when dim_vendedor.vendedor_id is null then fatos.vendedor_id end as vendedor_id_sem_membro,
        case when dim_desconto.desconto_id is null then fatos.desconto_id end as desconto_id_sem_membro
    from fatos
    left join dim_data on fatos.data_id = dim_data.data_id
    left join dim_cliente on fatos.cliente_id = dim_cliente.cliente_id
    left join dim_produto on fatos.produto_id = dim_produto.produto_id
    left join dim_canal on fatos.canal_id = dim_canal.canal_id
    left join dim_plataforma on fatos.plataforma_id = dim_plataforma.plataforma_id
    left join dim_campanha on fatos.campanha_id = dim_campanha.campanha_id
    left join dim_vendedor on fatos.vendedor_id = dim_vendedor.vendedor_id
    left join dim_desconto on fatos.desconto_id = dim_desconto.desconto_id
    where dim_data.data_id is null
        or dim_cliente.cliente_id is null
        or dim_produto.produto_id is null
        or dim_canal.canal_id is null
        or dim_plataforma.plataforma_id is null
        or dim_campanha.campanha_id is null
        or dim_vendedor.vendedor_id is null
        or dim_desconto.desconto_id is null
)
select * from final

-- Rendered by `make sql`: change the template or the declaration.
-- The load's facts in one pass, for the checks: what each file has in each cell of vendas_por_dia, and how many of these
-- facts lack a member in each dimension.
create table fatos_da_carga as
select
    fato_vendas.arquivo_de_origem,
    fato_vendas.data_id,
    fato_vendas.canal_id,
    fato_vendas.turno_compra,
    count(*) as vendas,
    sum(fato_vendas.valor_da_compra) as valor_da_compra,
    sum(fato_vendas.valor_com_desconto) as valor_com_desconto,
    count(*) - count(dim_data.data_id) as sem_data,
    count(*) - count(dim_cliente.cliente_id) as sem_cliente,
    count(*) - count(dim_produto.produto_id) as sem_produto,
    count(*) - count(dim_canal.canal_id) as sem_canal,
    count(*) - count(dim_plataforma.plataforma_id) as sem_plataforma,
    count(*) - count(dim_campanha.campanha_id) as sem_campanha,
    count(*) - count(dim_vendedor.vendedor_id) as sem_vendedor,
    count(*) - count(dim_desconto.desconto_id) as sem_desconto
from fato_vendas
inner join arquivos_da_carga on fato_vendas.arquivo_de_origem = arquivos_da_carga.arquivo_de_origem
left join dim_data on fato_vendas.data_id = dim_data.data_id
left join dim_cliente on fato_vendas.cliente_id = dim_cliente.cliente_id
left join dim_produto on fato_vendas.produto_id = dim_produto.produto_id
left join dim_canal on fato_vendas.canal_id = dim_canal.canal_id
left join dim_plataforma on fato_vendas.plataforma_id = dim_plataforma.plataforma_id
left join dim_campanha on fato_vendas.campanha_id = dim_campanha.campanha_id
left join dim_vendedor on fato_vendas.vendedor_id = dim_vendedor.vendedor_id
left join dim_desconto on fato_vendas.desconto_id = dim_desconto.desconto_id
group by fato_vendas.arquivo_de_origem, fato_vendas.data_id, fato_vendas.canal_id, fato_vendas.turno_compra;

-- Rendered by `make sql`: change the template or the declaration.
-- Pend the sums of the facts that the load is about to delete, negative, so that the refresh takes them out.
insert into somas_pendentes (data_id, canal_id, turno_compra, vendas, valor_da_compra, valor_com_desconto)
select
    data_id,
    canal_id,
    turno_compra,
    -count(*) as vendas,
    -sum(valor_da_compra) as valor_da_compra,
    -sum(valor_com_desconto) as valor_com_desconto
from fato_vendas
where arquivo_de_origem in (select arquivo_de_origem from arquivos_da_carga)
group by data_id, canal_id, turno_compra;

insert into somas_pendentes (mes, canal_id, dimensao, membro_id, vendas, valor_da_compra, valor_com_desconto)
with
antigas as (
    select
        data_id / 100 as mes,
        canal_id,
        produto_id,
        plataforma_id,
        campanha_id,
        vendedor_id,
        desconto_id,
        valor_da_compra,
        valor_com_desconto
    from fato_vendas
    where arquivo_de_origem in (select arquivo_de_origem from arquivos_da_carga)
),
por_produto as (
    select
        mes,
        canal_id,
        cast('produto' as varchar(100)) as dimensao,
        produto_id as membro_id,
        -count(*) as vendas,
        -sum(valor_da_compra) as valor_da_compra,
        -sum(valor_com_desconto) as valor_com_desconto
    from antigas
    group by mes, canal_id, produto_id
),
por_plataforma as (
    select
        mes,
        canal_id,
        cast('plataforma' as varchar(100)) as dimensao,
        plataforma_id as membro_id,
        -count(*) as vendas,
        -sum(valor_da_compra) as valor_da_compra,
        -sum(valor_com_desconto) as valor_com_desconto
    from antigas
    group by mes, canal_id, plataforma_id
),
por_campanha as (
    select
        mes,
        canal_id,
        cast('campanha' as varchar(100)) as dimensao,
        campanha_id as membro_id,
        -count(*) as vendas,
        -sum(valor_da_compra) as valor_da_compra,
        -sum(valor_com_desconto) as valor_com_desconto
    from antigas
    group by mes, canal_id, campanha_id
),
por_vendedor as (
    select
        mes,
        canal_id,
        cast('vendedor' as varchar(100)) as dimensao,
        vendedor_id as membro_id,
        -count(*) as vendas,
        -sum(valor_da_compra) as valor_da_compra,
        -sum(valor_com_desconto) as valor_com_desconto
    from antigas
    group by mes, canal_id, vendedor_id
),
por_desconto as (
    select
        mes,
        canal_id,
        cast('desconto' as varchar(100)) as dimensao,
        desconto_id as membro_id,
        -count(*) as vendas,
        -sum(valor_da_compra) as valor_da_compra,
        -sum(valor_com_desconto) as valor_com_desconto
    from antigas
    group by mes, canal_id, desconto_id
),
final as (
    select * from por_produto
    union all
    select * from por_plataforma
    union all
    select * from por_campanha
    union all
    select * from por_vendedor
    union all
    select * from por_desconto
)
select * from final;

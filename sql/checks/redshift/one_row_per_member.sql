-- Rendered by `make sql`: change the template or the declaration.
-- No key occurs twice in a dimension. PostgreSQL needs no such check, because its primary keys prevent it.
with
data_repetida as (
    select
        cast('dim_data' as varchar(100)) as dimensao,
        data_id as chave,
        count(*) as linhas
    from dim_data
    group by data_id
    having count(*) > 1
),
cliente_repetida as (
    select
        cast('dim_cliente' as varchar(100)) as dimensao,
        cliente_id as chave,
        count(*) as linhas
    from dim_cliente
    group by cliente_id
    having count(*) > 1
),
produto_repetida as (
    select
        cast('dim_produto' as varchar(100)) as dimensao,
        produto_id as chave,
        count(*) as linhas
    from dim_produto
    group by produto_id
    having count(*) > 1
),
canal_repetida as (
    select
        cast('dim_canal' as varchar(100)) as dimensao,
        canal_id as chave,
        count(*) as linhas
    from dim_canal
    group by canal_id
    having count(*) > 1
),
plataforma_repetida as (
    select
        cast('dim_plataforma' as varchar(100)) as dimensao,
        plataforma_id as chave,
        count(*) as linhas
    from dim_plataforma
    group by plataforma_id
    having count(*) > 1
),
campanha_repetida as (
    select
        cast('dim_campanha' as varchar(100)) as dimensao,
        campanha_id as chave,
        count(*) as linhas
    from dim_campanha
    group by campanha_id
    having count(*) > 1
),
vendedor_repetida as (
    select
        cast('dim_vendedor' as varchar(100)) as dimensao,
        vendedor_id as chave,
        count(*) as linhas
    from dim_vendedor
    group by vendedor_id
    having count(*) > 1
),
desconto_repetida as (
    select
        cast('dim_desconto' as varchar(100)) as dimensao,
        desconto_id as chave,
        count(*) as linhas
    from dim_desconto
    group by desconto_id
    having count(*) > 1
),
final as (
    select * from data_repetida
    union all
    select * from cliente_repetida
    union all
    select * from produto_repetida
    union all
    select * from canal_repetida
    union all
    select * from plataforma_repetida
    union all
    select * from campanha_repetida
    union all
    select * from vendedor_repetida
    union all
    select * from desconto_repetida
)
select * from final

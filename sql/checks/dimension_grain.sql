-- No two members of a dimension have equal attributes. Clients are many, and new ones always have facts in the load that
-- brought them, so looking at those that the load's facts refer to is enough; the other dimensions are small.
-- The casts are for Redshift, where a literal in a CTE has no type, and UNION ALL of such fails.
with
cliente_repetido as (
    select
        cast('dim_cliente' as varchar(20)) as dimensao,
        usado.cliente_id as membro,
        outro.cliente_id as membro_igual
    from dim_cliente as usado
    inner join dim_cliente as outro
        on md5(usado.nome_completo || '|' || usado.email || '|' || usado.telefone)
        = md5(outro.nome_completo || '|' || outro.email || '|' || outro.telefone)
        and usado.nome_completo = outro.nome_completo
        and usado.email = outro.email
        and usado.dominio_email = outro.dominio_email
        and usado.telefone = outro.telefone
        and usado.cliente_id <> outro.cliente_id
    where usado.cliente_id in (
        select fato_vendas.cliente_id
        from fato_vendas
        inner join arquivos_da_carga on fato_vendas.arquivo_de_origem = arquivos_da_carga.arquivo_de_origem
    )
),
data_repetido as (
    select
        cast('dim_data' as varchar(20)) as dimensao,
        min(data_id) as membro,
        max(data_id) as membro_igual
    from dim_data
    group by data
    having count(*) > 1
),
produto_repetido as (
    select
        cast('dim_produto' as varchar(20)) as dimensao,
        min(produto_id) as membro,
        max(produto_id) as membro_igual
    from dim_produto
    group by produto_adquirido
    having count(*) > 1
),
canal_repetido as (
    select
        cast('dim_canal' as varchar(20)) as dimensao,
        min(canal_id) as membro,
        max(canal_id) as membro_igual
    from dim_canal
    group by canal
    having count(*) > 1
),
plataforma_repetido as (
    select
        cast('dim_plataforma' as varchar(20)) as dimensao,
        min(plataforma_id) as membro,
        max(plataforma_id) as membro_igual
    from dim_plataforma
    group by plataforma_de_interacao
    having count(*) > 1
),
campanha_repetido as (
    select
        cast('dim_campanha' as varchar(20)) as dimensao,
        min(campanha_id) as membro,
        max(campanha_id) as membro_igual
    from dim_campanha
    group by campanha_de_marketing
    having count(*) > 1
),
vendedor_repetido as (
    select
        cast('dim_vendedor' as varchar(20)) as dimensao,
        min(vendedor_id) as membro,
        max(vendedor_id) as membro_igual
    from dim_vendedor
    group by vendedor
    having count(*) > 1
),
desconto_repetido as (
    select
        cast('dim_desconto' as varchar(20)) as dimensao,
        min(desconto_id) as membro,
        max(desconto_id) as membro_igual
    from dim_desconto
    group by codigo_de_desconto_usado, desconto_oferecido
    having count(*) > 1
),
final as (
    select * from data_repetido
    union all
    select * from cliente_repetido
    union all
    select * from produto_repetido
    union all
    select * from canal_repetido
    union all
    select * from plataforma_repetido
    union all
    select * from campanha_repetido
    union all
    select * from vendedor_repetido
    union all
    select * from desconto_repetido
)
select * from final

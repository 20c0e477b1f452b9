-- No two members of a dimension have equal attributes. New members always have facts in the load that brought them,
-- so looking at the members that the load's facts refer to is enough.
with
fatos as (
    select fato_vendas.*
    from fato_vendas
    inner join arquivos_da_carga on fato_vendas.arquivo_de_origem = arquivos_da_carga.arquivo_de_origem
),
data_repetido as (
    select 'dim_data' as dimensao, usado.data_id as membro, outro.data_id as membro_igual
    from dim_data as usado
    inner join dim_data as outro
        on usado.data = outro.data
        and usado.data_id <> outro.data_id
    where usado.data_id in (select data_id from fatos)
),
cliente_repetido as (
    select 'dim_cliente' as dimensao, usado.cliente_id as membro, outro.cliente_id as membro_igual
    from dim_cliente as usado
    inner join dim_cliente as outro
        on usado.nome_completo = outro.nome_completo
        and usado.email = outro.email
        and usado.dominio_email = outro.dominio_email
        and usado.telefone = outro.telefone
        and usado.cliente_id <> outro.cliente_id
    where usado.cliente_id in (select cliente_id from fatos)
),
produto_repetido as (
    select 'dim_produto' as dimensao, usado.produto_id as membro, outro.produto_id as membro_igual
    from dim_produto as usado
    inner join dim_produto as outro
        on usado.produto_adquirido = outro.produto_adquirido
        and usado.produto_id <> outro.produto_id
    where usado.produto_id in (select produto_id from fatos)
),
canal_repetido as (
    select 'dim_canal' as dimensao, usado.canal_id as membro, outro.canal_id as membro_igual
    from dim_canal as usado
    inner join dim_canal as outro
        on usado.canal = outro.canal
        and usado.canal_id <> outro.canal_id
    where usado.canal_id in (select canal_id from fatos)
),
plataforma_repetido as (
    select 'dim_plataforma' as dimensao, usado.plataforma_id as membro, outro.plataforma_id as membro_igual
    from dim_plataforma as usado
    inner join dim_plataforma as outro
        on usado.plataforma_de_interacao = outro.plataforma_de_interacao
        and usado.plataforma_id <> outro.plataforma_id
    where usado.plataforma_id in (select plataforma_id from fatos)
),
campanha_repetido as (
    select 'dim_campanha' as dimensao, usado.campanha_id as membro, outro.campanha_id as membro_igual
    from dim_campanha as usado
    inner join dim_campanha as outro
        on usado.campanha_de_marketing = outro.campanha_de_marketing
        and usado.campanha_id <> outro.campanha_id
    where usado.campanha_id in (select campanha_id from fatos)
),
vendedor_repetido as (
    select 'dim_vendedor' as dimensao, usado.vendedor_id as membro, outro.vendedor_id as membro_igual
    from dim_vendedor as usado
    inner join dim_vendedor as outro
        on usado.vendedor = outro.vendedor
        and usado.vendedor_id <> outro.vendedor_id
    where usado.vendedor_id in (select vendedor_id from fatos)
),
desconto_repetido as (
    select 'dim_desconto' as dimensao, usado.desconto_id as membro, outro.desconto_id as membro_igual
    from dim_desconto as usado
    inner join dim_desconto as outro
        on usado.codigo_de_desconto_usado = outro.codigo_de_desconto_usado
        and usado.desconto_oferecido = outro.desconto_oferecido
        and usado.desconto_id <> outro.desconto_id
    where usado.desconto_id in (select desconto_id from fatos)
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

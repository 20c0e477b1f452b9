-- Rendered by `make sql`: change the template or the declaration.
-- The member of each key of the load has exactly the attributes from which the key was computed. If the keys of two
-- members collide, one of them has the other's attributes, which this check finds.
with
cliente_alheio as (
    select
        cast('dim_cliente' as varchar(100)) as dimensao,
        membros_pendentes.cliente_id as chave
    from membros_pendentes
    inner join dim_cliente on membros_pendentes.cliente_id = dim_cliente.cliente_id
    where membros_pendentes.nome_completo <> dim_cliente.nome_completo
        or membros_pendentes.email <> dim_cliente.email
        or membros_pendentes.dominio_email <> dim_cliente.dominio_email
        or membros_pendentes.telefone <> dim_cliente.telefone
),
produto_alheio as (
    select
        cast('dim_produto' as varchar(100)) as dimensao,
        membros_pendentes.produto_id as chave
    from membros_pendentes
    inner join dim_produto on membros_pendentes.produto_id = dim_produto.produto_id
    where membros_pendentes.produto_adquirido <> dim_produto.produto_adquirido
),
canal_alheio as (
    select
        cast('dim_canal' as varchar(100)) as dimensao,
        membros_pendentes.canal_id as chave
    from membros_pendentes
    inner join dim_canal on membros_pendentes.canal_id = dim_canal.canal_id
    where membros_pendentes.canal <> dim_canal.canal
),
plataforma_alheio as (
    select
        cast('dim_plataforma' as varchar(100)) as dimensao,
        membros_pendentes.plataforma_id as chave
    from membros_pendentes
    inner join dim_plataforma on membros_pendentes.plataforma_id = dim_plataforma.plataforma_id
    where membros_pendentes.plataforma_de_interacao <> dim_plataforma.plataforma_de_interacao
),
campanha_alheio as (
    select
        cast('dim_campanha' as varchar(100)) as dimensao,
        membros_pendentes.campanha_id as chave
    from membros_pendentes
    inner join dim_campanha on membros_pendentes.campanha_id = dim_campanha.campanha_id
    where membros_pendentes.campanha_de_marketing <> dim_campanha.campanha_de_marketing
),
vendedor_alheio as (
    select
        cast('dim_vendedor' as varchar(100)) as dimensao,
        membros_pendentes.vendedor_id as chave
    from membros_pendentes
    inner join dim_vendedor on membros_pendentes.vendedor_id = dim_vendedor.vendedor_id
    where membros_pendentes.vendedor <> dim_vendedor.vendedor
),
desconto_alheio as (
    select
        cast('dim_desconto' as varchar(100)) as dimensao,
        membros_pendentes.desconto_id as chave
    from membros_pendentes
    inner join dim_desconto on membros_pendentes.desconto_id = dim_desconto.desconto_id
    where membros_pendentes.codigo_de_desconto_usado <> dim_desconto.codigo_de_desconto_usado
        or membros_pendentes.desconto_oferecido <> dim_desconto.desconto_oferecido
),
final as (
    select * from cliente_alheio
    union all
    select * from produto_alheio
    union all
    select * from canal_alheio
    union all
    select * from plataforma_alheio
    union all
    select * from campanha_alheio
    union all
    select * from vendedor_alheio
    union all
    select * from desconto_alheio
)
select * from final

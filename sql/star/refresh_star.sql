-- Rendered by `make sql`: change the template or the declaration.
-- Add to each dimension the members in membros_pendentes that it lacks; their keys are already computed.
-- All rows of a key have the same attributes; if not, the check `one_member_per_key` ends the load.
create or replace procedure refresh_star() as $$
begin
    insert into dim_cliente (cliente_id, nome_completo, email, dominio_email, telefone)
    select
        cliente_id,
        min(nome_completo) as nome_completo,
        min(email) as email,
        min(dominio_email) as dominio_email,
        min(telefone) as telefone
    from membros_pendentes
    where cliente_id is not null and not exists (
        select 1 from dim_cliente where dim_cliente.cliente_id = membros_pendentes.cliente_id
    )
    group by cliente_id;

    insert into dim_produto (produto_id, produto_adquirido)
    select
        produto_id,
        min(produto_adquirido) as produto_adquirido
    from membros_pendentes
    where produto_id is not null and not exists (
        select 1 from dim_produto where dim_produto.produto_id = membros_pendentes.produto_id
    )
    group by produto_id;

    insert into dim_canal (canal_id, canal)
    select
        canal_id,
        min(canal) as canal
    from membros_pendentes
    where canal_id is not null and not exists (
        select 1 from dim_canal where dim_canal.canal_id = membros_pendentes.canal_id
    )
    group by canal_id;

    insert into dim_plataforma (plataforma_id, plataforma_de_interacao)
    select
        plataforma_id,
        min(plataforma_de_interacao) as plataforma_de_interacao
    from membros_pendentes
    where plataforma_id is not null and not exists (
        select 1 from dim_plataforma where dim_plataforma.plataforma_id = membros_pendentes.plataforma_id
    )
    group by plataforma_id;

    insert into dim_campanha (campanha_id, campanha_de_marketing)
    select
        campanha_id,
        min(campanha_de_marketing) as campanha_de_marketing
    from membros_pendentes
    where campanha_id is not null and not exists (
        select 1 from dim_campanha where dim_campanha.campanha_id = membros_pendentes.campanha_id
    )
    group by campanha_id;

    insert into dim_vendedor (vendedor_id, vendedor)
    select
        vendedor_id,
        min(vendedor) as vendedor
    from membros_pendentes
    where vendedor_id is not null and not exists (
        select 1 from dim_vendedor where dim_vendedor.vendedor_id = membros_pendentes.vendedor_id
    )
    group by vendedor_id;

    insert into dim_desconto (desconto_id, codigo_de_desconto_usado, desconto_oferecido)
    select
        desconto_id,
        min(codigo_de_desconto_usado) as codigo_de_desconto_usado,
        min(desconto_oferecido) as desconto_oferecido
    from membros_pendentes
    where desconto_id is not null and not exists (
        select 1 from dim_desconto where dim_desconto.desconto_id = membros_pendentes.desconto_id
    )
    group by desconto_id;

    call refresh_dim_data();
end;
$$ language plpgsql;

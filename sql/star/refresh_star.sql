-- Rendered by `make sql`: change the template or the declaration.
-- Adds the sales in vendas_pendentes to the star, and the members that it lacks of them. Their keys came with them.
-- A key's attributes are equal in all its rows; if they are not, `one_member_per_key` ends the load.
create or replace procedure refresh_star() as $$
begin
    insert into dim_cliente (cliente_id, nome_completo, email, dominio_email, telefone)
    select
        cliente_id,
        min(nome_completo) as nome_completo,
        min(email) as email,
        min(dominio_email) as dominio_email,
        min(telefone) as telefone
    from vendas_pendentes
    where not exists (
        select 1 from dim_cliente where dim_cliente.cliente_id = vendas_pendentes.cliente_id
    )
    group by cliente_id;

    insert into dim_produto (produto_id, produto_adquirido)
    select
        produto_id,
        min(produto_adquirido) as produto_adquirido
    from vendas_pendentes
    where not exists (
        select 1 from dim_produto where dim_produto.produto_id = vendas_pendentes.produto_id
    )
    group by produto_id;

    insert into dim_canal (canal_id, canal)
    select
        canal_id,
        min(canal) as canal
    from vendas_pendentes
    where not exists (
        select 1 from dim_canal where dim_canal.canal_id = vendas_pendentes.canal_id
    )
    group by canal_id;

    insert into dim_plataforma (plataforma_id, plataforma_de_interacao)
    select
        plataforma_id,
        min(plataforma_de_interacao) as plataforma_de_interacao
    from vendas_pendentes
    where not exists (
        select 1 from dim_plataforma where dim_plataforma.plataforma_id = vendas_pendentes.plataforma_id
    )
    group by plataforma_id;

    insert into dim_campanha (campanha_id, campanha_de_marketing)
    select
        campanha_id,
        min(campanha_de_marketing) as campanha_de_marketing
    from vendas_pendentes
    where not exists (
        select 1 from dim_campanha where dim_campanha.campanha_id = vendas_pendentes.campanha_id
    )
    group by campanha_id;

    insert into dim_vendedor (vendedor_id, vendedor)
    select
        vendedor_id,
        min(vendedor) as vendedor
    from vendas_pendentes
    where not exists (
        select 1 from dim_vendedor where dim_vendedor.vendedor_id = vendas_pendentes.vendedor_id
    )
    group by vendedor_id;

    insert into dim_desconto (desconto_id, codigo_de_desconto_usado, desconto_oferecido)
    select
        desconto_id,
        min(codigo_de_desconto_usado) as codigo_de_desconto_usado,
        min(desconto_oferecido) as desconto_oferecido
    from vendas_pendentes
    where not exists (
        select 1 from dim_desconto where dim_desconto.desconto_id = vendas_pendentes.desconto_id
    )
    group by desconto_id;

    call refresh_dim_data();

    insert into fato_vendas (
        venda_id,
        data_id,
        cliente_id,
        produto_id,
        canal_id,
        plataforma_id,
        campanha_id,
        vendedor_id,
        desconto_id,
        timestamp_do_registro,
        ano,
        turno_compra,
        valor_da_compra,
        valor_com_desconto,
        arquivo_de_origem,
        linha_do_arquivo
    )
    select
        venda_id,
        data_id,
        cliente_id,
        produto_id,
        canal_id,
        plataforma_id,
        campanha_id,
        vendedor_id,
        desconto_id,
        timestamp_do_registro,
        ano,
        turno_compra,
        valor_da_compra,
        valor_com_desconto,
        arquivo_de_origem,
        linha_do_arquivo
    from vendas_pendentes;
end;
$$ language plpgsql;

-- Rendered by `make sql`: change the template or the declaration.
-- Add to each dimension the members in membros_pendentes that it lacks; their keys are already computed. In the order of
-- their keys, because these are hashes, and an index grows fast only at its end.
-- All rows of a key have the same attributes; if not, the check `one_member_per_key` ends the load.
-- Then add what is in somas_pendentes to the sums of the sales, and forget it.
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
    group by cliente_id
    order by cliente_id;

    insert into dim_produto (produto_id, produto_adquirido)
    select
        produto_id,
        min(produto_adquirido) as produto_adquirido
    from membros_pendentes
    where produto_id is not null and not exists (
        select 1 from dim_produto where dim_produto.produto_id = membros_pendentes.produto_id
    )
    group by produto_id
    order by produto_id;

    insert into dim_canal (canal_id, canal)
    select
        canal_id,
        min(canal) as canal
    from membros_pendentes
    where canal_id is not null and not exists (
        select 1 from dim_canal where dim_canal.canal_id = membros_pendentes.canal_id
    )
    group by canal_id
    order by canal_id;

    insert into dim_plataforma (plataforma_id, plataforma_de_interacao)
    select
        plataforma_id,
        min(plataforma_de_interacao) as plataforma_de_interacao
    from membros_pendentes
    where plataforma_id is not null and not exists (
        select 1 from dim_plataforma where dim_plataforma.plataforma_id = membros_pendentes.plataforma_id
    )
    group by plataforma_id
    order by plataforma_id;

    insert into dim_campanha (campanha_id, campanha_de_marketing)
    select
        campanha_id,
        min(campanha_de_marketing) as campanha_de_marketing
    from membros_pendentes
    where campanha_id is not null and not exists (
        select 1 from dim_campanha where dim_campanha.campanha_id = membros_pendentes.campanha_id
    )
    group by campanha_id
    order by campanha_id;

    insert into dim_vendedor (vendedor_id, vendedor)
    select
        vendedor_id,
        min(vendedor) as vendedor
    from membros_pendentes
    where vendedor_id is not null and not exists (
        select 1 from dim_vendedor where dim_vendedor.vendedor_id = membros_pendentes.vendedor_id
    )
    group by vendedor_id
    order by vendedor_id;

    insert into dim_desconto (desconto_id, codigo_de_desconto_usado, desconto_oferecido)
    select
        desconto_id,
        min(codigo_de_desconto_usado) as codigo_de_desconto_usado,
        min(desconto_oferecido) as desconto_oferecido
    from membros_pendentes
    where desconto_id is not null and not exists (
        select 1 from dim_desconto where dim_desconto.desconto_id = membros_pendentes.desconto_id
    )
    group by desconto_id
    order by desconto_id;

    call refresh_dim_data();

    update vendas_por_dia
    set
        vendas = vendas_por_dia.vendas + somas.vendas,
        valor_da_compra = vendas_por_dia.valor_da_compra + somas.valor_da_compra,
        valor_com_desconto = vendas_por_dia.valor_com_desconto + somas.valor_com_desconto
    from (
        select
            data_id,
            canal_id,
            turno_compra,
            cast(sum(vendas) as bigint) as vendas,
            sum(valor_da_compra) as valor_da_compra,
            sum(valor_com_desconto) as valor_com_desconto
        from somas_pendentes
        where data_id is not null
        group by data_id, canal_id, turno_compra
    ) as somas
    where vendas_por_dia.data_id = somas.data_id
        and vendas_por_dia.canal_id = somas.canal_id
        and vendas_por_dia.turno_compra = somas.turno_compra;

    insert into vendas_por_dia (data_id, canal_id, turno_compra, vendas, valor_da_compra, valor_com_desconto)
    select
        data_id,
        canal_id,
        turno_compra,
        sum(vendas) as vendas,
        sum(valor_da_compra) as valor_da_compra,
        sum(valor_com_desconto) as valor_com_desconto
    from somas_pendentes
    where data_id is not null and not exists (
        select 1
        from vendas_por_dia
        where vendas_por_dia.data_id = somas_pendentes.data_id
            and vendas_por_dia.canal_id = somas_pendentes.canal_id
            and vendas_por_dia.turno_compra = somas_pendentes.turno_compra
    )
    group by data_id, canal_id, turno_compra;

    delete from vendas_por_dia where vendas = 0;

    update vendas_por_mes
    set
        vendas = vendas_por_mes.vendas + somas.vendas,
        valor_da_compra = vendas_por_mes.valor_da_compra + somas.valor_da_compra,
        valor_com_desconto = vendas_por_mes.valor_com_desconto + somas.valor_com_desconto
    from (
        select
            mes,
            canal_id,
            dimensao,
            membro_id,
            cast(sum(vendas) as bigint) as vendas,
            sum(valor_da_compra) as valor_da_compra,
            sum(valor_com_desconto) as valor_com_desconto
        from somas_pendentes
        where mes is not null
        group by mes, canal_id, dimensao, membro_id
    ) as somas
    where vendas_por_mes.mes = somas.mes
        and vendas_por_mes.canal_id = somas.canal_id
        and vendas_por_mes.dimensao = somas.dimensao
        and vendas_por_mes.membro_id = somas.membro_id;

    insert into vendas_por_mes (mes, canal_id, dimensao, membro_id, vendas, valor_da_compra, valor_com_desconto)
    select
        mes,
        canal_id,
        dimensao,
        membro_id,
        sum(vendas) as vendas,
        sum(valor_da_compra) as valor_da_compra,
        sum(valor_com_desconto) as valor_com_desconto
    from somas_pendentes
    where mes is not null and not exists (
        select 1
        from vendas_por_mes
        where vendas_por_mes.mes = somas_pendentes.mes
            and vendas_por_mes.canal_id = somas_pendentes.canal_id
            and vendas_por_mes.dimensao = somas_pendentes.dimensao
            and vendas_por_mes.membro_id = somas_pendentes.membro_id
    )
    group by mes, canal_id, dimensao, membro_id;

    delete from vendas_por_mes where vendas = 0;

    delete from somas_pendentes;
end;
$$ language plpgsql;

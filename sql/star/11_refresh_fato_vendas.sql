-- Left joins: a sale without its member must break a not-null key, never vanish.
-- Inserted in the order of venda_id, which its index takes several times faster than random order. A temporary table
-- between, for PostgreSQL computes and sorts one with all processors, and what it inserts elsewhere with one.
create or replace procedure refresh_fato_vendas() as $$
begin
    delete from fato_vendas
    where arquivo_de_origem in (select arquivo_de_origem from arquivos_carregados where not na_estrela);

    create temporary table vendas_novas as
    with
    final as (
        select
            md5(
                vendas_pendentes.arquivo_de_origem
                || '|' || cast(vendas_pendentes.linha_do_arquivo as varchar(20))
            ) as venda_id,
            dim_data.data_id,
            clientes_pendentes.cliente_id,
            dim_produto.produto_id,
            dim_canal.canal_id,
            dim_plataforma.plataforma_id,
            dim_campanha.campanha_id,
            dim_vendedor.vendedor_id,
            dim_desconto.desconto_id,
            vendas_pendentes.timestamp_do_registro,
            vendas_pendentes.ano,
            vendas_pendentes.turno_compra,
            vendas_pendentes.valor_da_compra,
            vendas_pendentes.valor_com_desconto,
            vendas_pendentes.arquivo_de_origem,
            vendas_pendentes.linha_do_arquivo
        from vendas_pendentes
        left join dim_data
            on cast(vendas_pendentes.timestamp_do_registro as date) = dim_data.data
        left join clientes_pendentes
            on vendas_pendentes.nome_completo || '|' || vendas_pendentes.email || '|' || vendas_pendentes.telefone
            = clientes_pendentes.chave
            and vendas_pendentes.nome_completo = clientes_pendentes.nome_completo
            and vendas_pendentes.email = clientes_pendentes.email
            and vendas_pendentes.dominio_email = clientes_pendentes.dominio_email
            and vendas_pendentes.telefone = clientes_pendentes.telefone
        left join dim_produto
            on vendas_pendentes.produto_adquirido = dim_produto.produto_adquirido
        left join dim_canal
            on vendas_pendentes.canal = dim_canal.canal
        left join dim_plataforma
            on vendas_pendentes.plataforma_de_interacao = dim_plataforma.plataforma_de_interacao
        left join dim_campanha
            on vendas_pendentes.campanha_de_marketing = dim_campanha.campanha_de_marketing
        left join dim_vendedor
            on vendas_pendentes.vendedor = dim_vendedor.vendedor
        left join dim_desconto
            on vendas_pendentes.codigo_de_desconto_usado = dim_desconto.codigo_de_desconto_usado
            and vendas_pendentes.desconto_oferecido = dim_desconto.desconto_oferecido
    )
    select * from final
    order by venda_id;

    insert into fato_vendas (
        venda_id, data_id, cliente_id, produto_id, canal_id, plataforma_id, campanha_id, vendedor_id, desconto_id,
        timestamp_do_registro, ano, turno_compra, valor_da_compra, valor_com_desconto, arquivo_de_origem,
        linha_do_arquivo
    )
    select
        venda_id, data_id, cliente_id, produto_id, canal_id, plataforma_id, campanha_id, vendedor_id, desconto_id,
        timestamp_do_registro, ano, turno_compra, valor_da_compra, valor_com_desconto, arquivo_de_origem,
        linha_do_arquivo
    from vendas_novas;

    drop table vendas_novas;
end;
$$ language plpgsql;

-- Left joins: a sale without its member must break a not-null key, never vanish.
-- Each text goes into the MD5 behind its length, so that no text can imitate the border between two.
-- Equal rows are numbered from 1; numbering them by what they would get as first inserts venda_id in order, which its
-- index takes several times faster than random order. A temporary table between, for PostgreSQL computes one with all
-- processors, and what it inserts elsewhere with one.
create or replace procedure refresh_fato_vendas() as $$
begin
    delete from fato_vendas
    where arquivo_de_origem in (select arquivo_de_origem from arquivos_carregados where not na_estrela);

    create temporary table vendas_novas as
    with
    pendentes as (
        select
            vendas_pendentes.*,
            md5(
                to_char(timestamp_do_registro, 'YYYY-MM-DD HH24:MI:SS.US')
                || '|' || cast(valor_da_compra as varchar(20))
                || '|' || cast(desconto_oferecido as varchar(20))
                || '|' || cast(valor_com_desconto as varchar(20))
                || '|' || cast(octet_length(turno_compra) as varchar(20)) || ':' || turno_compra
                || '|' || cast(octet_length(nome_completo) as varchar(20)) || ':' || nome_completo
                || '|' || cast(octet_length(email) as varchar(20)) || ':' || email
                || '|' || cast(octet_length(dominio_email) as varchar(20)) || ':' || dominio_email
                || '|' || cast(octet_length(telefone) as varchar(20)) || ':' || telefone
                || '|' || cast(octet_length(produto_adquirido) as varchar(20)) || ':' || produto_adquirido
                || '|' || cast(octet_length(canal) as varchar(20)) || ':' || canal
                || '|' || cast(octet_length(plataforma_de_interacao) as varchar(20)) || ':' || plataforma_de_interacao
                || '|' || cast(octet_length(campanha_de_marketing) as varchar(20)) || ':' || campanha_de_marketing
                || '|' || cast(octet_length(vendedor) as varchar(20)) || ':' || vendedor
                || '|' || cast(octet_length(codigo_de_desconto_usado) as varchar(20)) || ':' || codigo_de_desconto_usado
                || '|' || cast(octet_length(arquivo_de_origem) as varchar(20)) || ':' || arquivo_de_origem
                || '|1'
            ) as primeiro_id
        from vendas_pendentes
    ),
    final as (
        select
            pendentes.primeiro_id,
            row_number() over (partition by pendentes.primeiro_id order by pendentes.primeiro_id) as ordinal,
            dim_data.data_id,
            clientes_pendentes.cliente_id,
            dim_produto.produto_id,
            dim_canal.canal_id,
            dim_plataforma.plataforma_id,
            dim_campanha.campanha_id,
            dim_vendedor.vendedor_id,
            dim_desconto.desconto_id,
            pendentes.timestamp_do_registro,
            pendentes.ano,
            pendentes.turno_compra,
            pendentes.valor_da_compra,
            pendentes.valor_com_desconto,
            pendentes.arquivo_de_origem
        from pendentes
        left join dim_data
            on cast(pendentes.timestamp_do_registro as date) = dim_data.data
        left join clientes_pendentes
            on pendentes.nome_completo || '|' || pendentes.email || '|' || pendentes.telefone = clientes_pendentes.chave
            and pendentes.nome_completo = clientes_pendentes.nome_completo
            and pendentes.email = clientes_pendentes.email
            and pendentes.dominio_email = clientes_pendentes.dominio_email
            and pendentes.telefone = clientes_pendentes.telefone
        left join dim_produto
            on pendentes.produto_adquirido = dim_produto.produto_adquirido
        left join dim_canal
            on pendentes.canal = dim_canal.canal
        left join dim_plataforma
            on pendentes.plataforma_de_interacao = dim_plataforma.plataforma_de_interacao
        left join dim_campanha
            on pendentes.campanha_de_marketing = dim_campanha.campanha_de_marketing
        left join dim_vendedor
            on pendentes.vendedor = dim_vendedor.vendedor
        left join dim_desconto
            on pendentes.codigo_de_desconto_usado = dim_desconto.codigo_de_desconto_usado
            and pendentes.desconto_oferecido = dim_desconto.desconto_oferecido
    )
    select * from final;

    insert into fato_vendas (
        venda_id, data_id, cliente_id, produto_id, canal_id, plataforma_id, campanha_id, vendedor_id, desconto_id,
        timestamp_do_registro, ano, turno_compra, valor_da_compra, valor_com_desconto, arquivo_de_origem
    )
    select
        case ordinal
            when 1 then primeiro_id
            else md5(primeiro_id || '|' || cast(ordinal as varchar(20)))
        end,
        data_id, cliente_id, produto_id, canal_id, plataforma_id, campanha_id, vendedor_id, desconto_id,
        timestamp_do_registro, ano, turno_compra, valor_da_compra, valor_com_desconto, arquivo_de_origem
    from vendas_novas;

    drop table vendas_novas;
end;
$$ language plpgsql;

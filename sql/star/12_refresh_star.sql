-- Takes up the files that the star does not have; does nothing if it has them all.
-- Small dimensions find their new members in a table that holds what these sales have in common, once each; each of them
-- would read all sales otherwise.
-- The first update claims them: a second refresh waits for it and then finds nothing left to do.
create or replace procedure refresh_star() as $$
begin
    update arquivos_carregados set na_estrela = false where not na_estrela;
    if not found then
        return;
    end if;

    create temporary table membros_pendentes as
    select distinct
        ano,
        produto_adquirido,
        canal,
        plataforma_de_interacao,
        campanha_de_marketing,
        vendedor,
        codigo_de_desconto_usado,
        desconto_oferecido
    from vendas_pendentes;

    call refresh_dim_cliente();
    call refresh_dim_produto();
    call refresh_dim_canal();
    call refresh_dim_plataforma();
    call refresh_dim_campanha();
    call refresh_dim_vendedor();
    call refresh_dim_desconto();
    call refresh_dim_data();
    drop table membros_pendentes;
    call refresh_fato_vendas();
    drop table clientes_pendentes;

    update arquivos_carregados set na_estrela = true where not na_estrela;
end;
$$ language plpgsql;

create or replace procedure refresh_dim_produto() as $$
begin
    insert into dim_produto (produto_id, produto_adquirido)
    with
    ausentes as (
        select produto_adquirido from membros_pendentes
        except
        select produto_adquirido from dim_produto
    ),
    final as (
        select
            cast((select coalesce(max(produto_id), 0) from dim_produto)
                + row_number() over (order by produto_adquirido) as integer) as produto_id,
            produto_adquirido
        from ausentes
    )
    select * from final;
end;
$$ language plpgsql;

create or replace procedure refresh_dim_vendedor() as $$
begin
    insert into dim_vendedor (vendedor_id, vendedor)
    with
    ausentes as (
        select vendedor from membros_pendentes
        except
        select vendedor from dim_vendedor
    ),
    final as (
        select
            cast((select coalesce(max(vendedor_id), 0) from dim_vendedor)
                + row_number() over (order by vendedor) as integer) as vendedor_id,
            vendedor
        from ausentes
    )
    select * from final;
end;
$$ language plpgsql;

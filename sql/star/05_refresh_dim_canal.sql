create or replace procedure refresh_dim_canal() as $$
begin
    insert into dim_canal (canal_id, canal)
    with
    ausentes as (
        select canal from membros_pendentes
        except
        select canal from dim_canal
    ),
    final as (
        select
            cast((select coalesce(max(canal_id), 0) from dim_canal)
                + row_number() over (order by canal) as integer) as canal_id,
            canal
        from ausentes
    )
    select * from final;
end;
$$ language plpgsql;

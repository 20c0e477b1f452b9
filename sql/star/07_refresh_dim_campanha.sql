create or replace procedure refresh_dim_campanha() as $$
begin
    insert into dim_campanha (campanha_id, campanha_de_marketing)
    with
    ausentes as (
        select campanha_de_marketing from membros_pendentes
        except
        select campanha_de_marketing from dim_campanha
    ),
    final as (
        select
            cast((select coalesce(max(campanha_id), 0) from dim_campanha)
                + row_number() over (order by campanha_de_marketing) as integer) as campanha_id,
            campanha_de_marketing
        from ausentes
    )
    select * from final;
end;
$$ language plpgsql;

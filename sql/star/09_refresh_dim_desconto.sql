create or replace procedure refresh_dim_desconto() as $$
begin
    insert into dim_desconto (desconto_id, codigo_de_desconto_usado, desconto_oferecido)
    with
    ausentes as (
        select codigo_de_desconto_usado, desconto_oferecido from membros_pendentes
        except
        select codigo_de_desconto_usado, desconto_oferecido from dim_desconto
    ),
    final as (
        select
            cast((select coalesce(max(desconto_id), 0) from dim_desconto)
                + row_number() over (order by codigo_de_desconto_usado, desconto_oferecido) as integer) as desconto_id,
            codigo_de_desconto_usado,
            desconto_oferecido
        from ausentes
    )
    select * from final;
end;
$$ language plpgsql;

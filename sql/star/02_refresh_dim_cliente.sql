create or replace procedure refresh_dim_cliente() as $$
begin
    insert into dim_cliente (cliente_id, nome_completo, email, dominio_email, telefone)
    with
    ausentes as (
        select nome_completo, email, dominio_email, telefone from vendas_pendentes
        except
        select nome_completo, email, dominio_email, telefone from dim_cliente
    ),
    final as (
        select
            cast((select coalesce(max(cliente_id), 0) from dim_cliente)
                + row_number() over (order by nome_completo, email, dominio_email, telefone) as integer) as cliente_id,
            nome_completo,
            email,
            dominio_email,
            telefone
        from ausentes
    )
    select * from final;
end;
$$ language plpgsql;

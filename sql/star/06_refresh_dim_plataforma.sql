create or replace procedure refresh_dim_plataforma() as $$
begin
    insert into dim_plataforma (plataforma_id, plataforma_de_interacao)
    with
    ausentes as (
        select plataforma_de_interacao from membros_pendentes
        except
        select plataforma_de_interacao from dim_plataforma
    ),
    final as (
        select
            cast((select coalesce(max(plataforma_id), 0) from dim_plataforma)
                + row_number() over (order by plataforma_de_interacao) as integer) as plataforma_id,
            plataforma_de_interacao
        from ausentes
    )
    select * from final;
end;
$$ language plpgsql;

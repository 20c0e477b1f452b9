-- Leaves in clientes_pendentes, for the fact to join, the clients of these sales with their keys: whether they are many
-- or few, no other member has to be read, for PostgreSQL finds them by its index of the MD5. (Texts of 1,000 bytes each
-- are too long for an index of their own.) No temporary table, for those PostgreSQL joins with one processor.
create or replace procedure refresh_dim_cliente() as $$
begin
    create table clientes_pendentes as
    with
    distintos as (
        select distinct nome_completo, email, dominio_email, telefone from vendas_pendentes
    ),
    achados as (
        select
            distintos.*,
            dim_cliente.cliente_id as conhecido
        from distintos
        left join dim_cliente
            on md5(distintos.nome_completo || '|' || distintos.email || '|' || distintos.telefone)
            = md5(dim_cliente.nome_completo || '|' || dim_cliente.email || '|' || dim_cliente.telefone)
            and distintos.nome_completo = dim_cliente.nome_completo
            and distintos.email = dim_cliente.email
            and distintos.dominio_email = dim_cliente.dominio_email
            and distintos.telefone = dim_cliente.telefone
    ),
    numerados as (
        select
            achados.*,
            row_number() over (
                partition by conhecido order by nome_completo, email, dominio_email, telefone
            ) as ordinal
        from achados
    ),
    final as (
        select
            coalesce(
                conhecido,
                cast((select coalesce(max(cliente_id), 0) from dim_cliente) + ordinal as integer)
            ) as cliente_id,
            conhecido is null as novo,
            nome_completo,
            email,
            dominio_email,
            telefone
        from numerados
    )
    select * from final;

    insert into dim_cliente (cliente_id, nome_completo, email, dominio_email, telefone)
    select cliente_id, nome_completo, email, dominio_email, telefone from clientes_pendentes
    where novo;
end;
$$ language plpgsql;

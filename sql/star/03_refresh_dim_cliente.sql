-- Leaves in clientes_pendentes, for the fact to join, the clients of these sales with their keys: whether they are many
-- or few, no other member has to be read, for PostgreSQL finds them by its index of the MD5. (Texts of 1,000 bytes each
-- are too long for an index of their own.) No temporary table, for those PostgreSQL joins with one processor.
create or replace procedure refresh_dim_cliente() as $$
begin
    call find_ultimo_cliente();

    create table clientes_pendentes as
    with
    distintos as (
        select distinct nome_completo, email, dominio_email, telefone from vendas_pendentes
    ),
    com_chave as (
        select distintos.*, nome_completo || '|' || email || '|' || telefone as chave from distintos
    ),
    achados as (
        select
            com_chave.*,
            dim_cliente.cliente_id as conhecido
        from com_chave
        left join dim_cliente
            on md5(com_chave.chave)
            = md5(dim_cliente.nome_completo || '|' || dim_cliente.email || '|' || dim_cliente.telefone)
            and com_chave.nome_completo = dim_cliente.nome_completo
            and com_chave.email = dim_cliente.email
            and com_chave.dominio_email = dim_cliente.dominio_email
            and com_chave.telefone = dim_cliente.telefone
    ),
    numerados as (
        select
            achados.*,
            sum(case when conhecido is null then 1 else 0 end) over (
                order by email, nome_completo, dominio_email, telefone rows unbounded preceding
            ) as ordinal
        from achados
    ),
    final as (
        select
            coalesce(
                conhecido,
                cast((select cliente_id from ultimo_cliente) + ordinal as integer)
            ) as cliente_id,
            conhecido is null as novo,
            chave,
            nome_completo,
            email,
            dominio_email,
            telefone
        from numerados
    )
    select * from final;

    drop table ultimo_cliente;
    analyze clientes_pendentes;

    insert into dim_cliente (cliente_id, nome_completo, email, dominio_email, telefone)
    select cliente_id, nome_completo, email, dominio_email, telefone from clientes_pendentes
    where novo;
end;
$$ language plpgsql;

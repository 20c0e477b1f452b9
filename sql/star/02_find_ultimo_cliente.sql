-- In a procedure of its own, for what PostgreSQL plans by in a small load would have it read all clients.
create or replace procedure find_ultimo_cliente() as $$
begin
    create table ultimo_cliente as
    select coalesce(max(cliente_id), 0) as cliente_id
    from dim_cliente;
end;
$$ language plpgsql;

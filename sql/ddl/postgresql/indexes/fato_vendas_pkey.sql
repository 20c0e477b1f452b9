-- Missing if this load is the first: load/postgresql/empty_fact.sql tells why.
do $$
begin
    if not exists (
        select 1 from pg_constraint where conname = 'fato_vendas_pkey' and conrelid = to_regclass('fato_vendas')
    ) then
        alter table fato_vendas add constraint fato_vendas_pkey primary key (venda_id);
    end if;
end $$;

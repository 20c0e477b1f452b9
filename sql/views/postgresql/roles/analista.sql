-- Rendered by `make sql`: change the template or the declaration.
-- The role for those who need sales and no names: `create user … in role analista`. It reads the star without
-- registros_vendas, and of dimensions with personal columns the masked view.
do $$
begin
    if not exists (select 1 from pg_roles where rolname = 'analista') then
        create role analista nologin;
    end if;
end $$;

grant select on arquivos_carregados to analista;
grant select on dim_produto to analista;
grant select on dim_canal to analista;
grant select on dim_plataforma to analista;
grant select on dim_campanha to analista;
grant select on dim_vendedor to analista;
grant select on dim_desconto to analista;
grant select on dim_data to analista;
grant select on fato_vendas to analista;
grant select on vendas_por_dia to analista;
grant select on vendas_por_mes to analista;
grant select on dim_cliente_mascarada to analista;

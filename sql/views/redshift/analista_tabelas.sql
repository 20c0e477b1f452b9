-- Rendered by `make sql`: change the template or the declaration.
-- What the role analista reads: the star without registros_vendas, personal columns masked. The masks come before the
-- right to read. To be run after analista.sql, and anew whenever other columns or defaults have made the tables anew.
attach masking policy mascara_nome_completo on dim_cliente (nome_completo) to role analista priority 10;
attach masking policy mascara_email on dim_cliente (email) to role analista priority 10;
attach masking policy mascara_telefone on dim_cliente (telefone) to role analista priority 10;

grant select on arquivos_carregados to role analista;
grant select on dim_cliente to role analista;
grant select on dim_produto to role analista;
grant select on dim_canal to role analista;
grant select on dim_plataforma to role analista;
grant select on dim_campanha to role analista;
grant select on dim_vendedor to role analista;
grant select on dim_desconto to role analista;
grant select on dim_data to role analista;
grant select on fato_vendas to role analista;
grant select on vendas_por_dia to role analista;
grant select on vendas_por_mes to role analista;

create index if not exists dim_cliente_md5 on dim_cliente (
    md5(nome_completo || '|' || email || '|' || telefone)
);

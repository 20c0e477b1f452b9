create index if not exists fato_vendas_arquivo_de_origem on fato_vendas (arquivo_de_origem);

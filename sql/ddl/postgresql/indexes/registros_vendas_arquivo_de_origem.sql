create index if not exists registros_vendas_arquivo_de_origem on registros_vendas (arquivo_de_origem);

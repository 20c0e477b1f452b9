create or replace view vendas_pendentes as
select registros_vendas.*
from registros_vendas
inner join arquivos_carregados
    on registros_vendas.arquivo_de_origem = arquivos_carregados.arquivo_de_origem
where not arquivos_carregados.na_estrela;

comment on view vendas_pendentes is 'Vendas dos arquivos que a estrela ainda não tem';

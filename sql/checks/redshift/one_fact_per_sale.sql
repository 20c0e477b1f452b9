-- No venda_id occurs twice. PostgreSQL needs no such check, because its primary key prevents it. The hash in venda_id
-- is of the file's name, so equal ones come from one file, and checking the files of the load is enough.
with
fatos as (
    select fato_vendas.venda_id, fato_vendas.arquivo_de_origem
    from fato_vendas
    inner join arquivos_da_carga on fato_vendas.arquivo_de_origem = arquivos_da_carga.arquivo_de_origem
),
final as (
    select venda_id, min(arquivo_de_origem) as arquivo_de_origem, count(*) as fatos
    from fatos
    group by venda_id
    having count(*) > 1
)
select * from final

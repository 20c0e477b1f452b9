-- Rendered by `make sql`: change the template or the declaration.
-- Every foreign key of the load's facts has a member in its dimension.
with
final as (
    select
        arquivo_de_origem,
        data_id,
        canal_id,
        turno_compra,
        sem_data,
        sem_cliente,
        sem_produto,
        sem_canal,
        sem_plataforma,
        sem_campanha,
        sem_vendedor,
        sem_desconto
    from fatos_da_carga
    where sem_data > 0
        or sem_cliente > 0
        or sem_produto > 0
        or sem_canal > 0
        or sem_plataforma > 0
        or sem_campanha > 0
        or sem_vendedor > 0
        or sem_desconto > 0
)
select * from final

-- A cell occurs once; and a small load finds its cells by it.
create unique index if not exists vendas_por_dia_celulas on vendas_por_dia (data_id, canal_id, turno_compra);

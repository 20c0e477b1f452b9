-- A cell occurs once; and a small load finds its cells by it.
create unique index if not exists vendas_por_mes_celulas on vendas_por_mes (mes, canal_id, dimensao, membro_id);

-- Rendered by `make sql`: change the template or the declaration.
create table if not exists arquivos_carregados (
    arquivo_de_origem varchar(1000) not null primary key,
    linhas bigint not null,
    carregado_em timestamp not null,
    valor_da_compra decimal(22,2) not null,
    valor_com_desconto decimal(22,2) not null
)
-- redshift: diststyle all
;

comment on table arquivos_carregados is 'Arquivos carregados; uma linha por arquivo da camada bronze, mesmo sem vendas';
comment on column arquivos_carregados.arquivo_de_origem is 'Arquivo da camada bronze';
comment on column arquivos_carregados.linhas is 'Linhas do arquivo em registros_vendas';
comment on column arquivos_carregados.carregado_em is 'Quando a última carga do arquivo começou (UTC)';
comment on column arquivos_carregados.valor_da_compra is 'Soma: Valor da venda em reais, antes do desconto';
comment on column arquivos_carregados.valor_com_desconto is 'Soma: Valor × (1 − desconto), arredondado meio para cima';

-- Rendered by `make sql`: change the template or the declaration.
create table if not exists arquivos_carregados (
    arquivo_de_origem varchar(1000) not null primary key,
    linhas bigint not null,
    carregado_em timestamp not null
)
-- redshift: diststyle all
;

comment on table arquivos_carregados is 'Arquivos carregados; uma linha por arquivo da camada bronze, mesmo sem vendas';
comment on column arquivos_carregados.arquivo_de_origem is 'Arquivo da camada bronze';
comment on column arquivos_carregados.linhas is 'Linhas do arquivo em registros_vendas';
comment on column arquivos_carregados.carregado_em is 'Quando a última carga do arquivo começou (UTC)';

-- Rendered by `make sql`: change the template or the declaration.
create table if not exists dim_canal (
    canal_id bigint not null primary key,
    canal varchar(1000) not null
)
-- redshift: diststyle all sortkey (canal_id)
;

comment on table dim_canal is 'Canais: uma linha por canal que trouxe clientes';
comment on column dim_canal.canal_id is 'Chave: os primeiros 64 bits do MD5 dos atributos, unidos por quebras de linha';
comment on column dim_canal.canal is 'Canal que trouxe o cliente';

create table if not exists dim_campanha (
    campanha_id integer not null primary key,
    campanha_de_marketing varchar(1000) not null
)
-- redshift: diststyle all sortkey (campanha_id)
;

comment on table dim_campanha is 'Campanhas: uma linha por campanha de marketing';
comment on column dim_campanha.campanha_id is 'Chave substituta; uma vez dada, nunca muda';
comment on column dim_campanha.campanha_de_marketing is 'Campanha vigente';

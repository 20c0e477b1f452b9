-- Rendered by `make sql`: change the template or the declaration.
create table if not exists dim_data (
    data_id integer not null primary key,
    data date not null,
    ano integer not null,
    semestre integer not null,
    trimestre integer not null,
    mes integer not null,
    nome_mes varchar(20) not null,
    dia integer not null,
    dia_da_semana varchar(20) not null,
    fim_de_semana boolean not null
)
-- redshift: diststyle all sortkey (data_id)
;

comment on table dim_data is 'Calendário: todos os dias, do primeiro ao último ano com vendas';
comment on column dim_data.data_id is 'O dia como aaaammdd';
comment on column dim_data.data is 'O dia';
comment on column dim_data.ano is 'Ano';
comment on column dim_data.semestre is 'Semestre: 1 ou 2';
comment on column dim_data.trimestre is 'Trimestre: 1 a 4';
comment on column dim_data.mes is 'Mês: 1 a 12';
comment on column dim_data.nome_mes is 'Nome do mês: janeiro a dezembro';
comment on column dim_data.dia is 'Dia do mês';
comment on column dim_data.dia_da_semana is 'Dia da semana: segunda-feira a domingo';
comment on column dim_data.fim_de_semana is 'Se é sábado ou domingo';

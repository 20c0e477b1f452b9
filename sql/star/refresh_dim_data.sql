create or replace procedure refresh_dim_data() as $$
begin
    insert into dim_data (
        data_id, data, ano, semestre, trimestre, mes, nome_mes, dia, dia_da_semana, fim_de_semana
    )
    with
    anos as (
        select ano from membros_pendentes where ano is not null
        union
        select ano from dim_data
    ),
    periodo as (
        select
            cast(cast(min(ano) as varchar(4)) || '-01-01' as date) as primeiro_dia,
            cast(cast(max(ano) as varchar(4)) || '-12-31' as date) as ultimo_dia
        from anos
    ),
    algarismos as (
        select cast(0 as integer) as n
        union all
        select cast(1 as integer)
        union all
        select cast(2 as integer)
        union all
        select cast(3 as integer)
        union all
        select cast(4 as integer)
        union all
        select cast(5 as integer)
        union all
        select cast(6 as integer)
        union all
        select cast(7 as integer)
        union all
        select cast(8 as integer)
        union all
        select cast(9 as integer)
    ),
    numeros as (
        select um.n + 10 * dez.n + 100 * cem.n + 1000 * mil.n + 10000 * dez_mil.n as n
        from algarismos as um
        cross join algarismos as dez
        cross join algarismos as cem
        cross join algarismos as mil
        cross join algarismos as dez_mil
    ),
    dias as (
        select periodo.primeiro_dia + numeros.n as data
        from periodo
        inner join numeros on numeros.n <= periodo.ultimo_dia - periodo.primeiro_dia
    ),
    ausentes as (
        select data from dias
        except
        select data from dim_data
    ),
    partes as (
        select
            data,
            cast(extract(year from data) as integer) as ano,
            cast(extract(month from data) as integer) as mes,
            cast(extract(day from data) as integer) as dia,
            cast(extract(dow from data) as integer) as numero_do_dia
        from ausentes
    ),
    final as (
        select
            10000 * ano + 100 * mes + dia as data_id,
            data,
            ano,
            (mes + 5) / 6 as semestre,
            (mes + 2) / 3 as trimestre,
            mes,
            case mes
                when 1 then 'janeiro' when 2 then 'fevereiro' when 3 then 'março' when 4 then 'abril'
                when 5 then 'maio' when 6 then 'junho' when 7 then 'julho' when 8 then 'agosto'
                when 9 then 'setembro' when 10 then 'outubro' when 11 then 'novembro' else 'dezembro'
            end as nome_mes,
            dia,
            case numero_do_dia
                when 0 then 'domingo' when 1 then 'segunda-feira' when 2 then 'terça-feira'
                when 3 then 'quarta-feira' when 4 then 'quinta-feira' when 5 then 'sexta-feira' else 'sábado'
            end as dia_da_semana,
            numero_do_dia in (0, 6) as fim_de_semana
        from partes
    )
    select * from final;
end;
$$ language plpgsql;

select distinct
    data_id,
    timestamp_do_registro::date as data,
    ano,
    extract(month from timestamp_do_registro)::integer as mes,
    extract(day from timestamp_do_registro)::integer as dia,
    extract(isodow from timestamp_do_registro)::integer as dia_da_semana
from {{ ref('vendas') }}

-- The sales that can be typed; of equal ones a single one stays, which one is left to chance.
with filled as (
    select
        {% for name in ('nome', 'sobrenome', 'email', 'telefone', 'produto_adquirido', 'canal',
                        'plataforma_de_interacao', 'campanha_de_marketing', 'vendedor') %}
        coalesce(nullif(trim({{ name }}), ''), 'NÃO INFORMADO') as {{ name }},
        {% endfor %}
        coalesce(nullif(trim(codigo_de_desconto_usado), ''), 'NÃO DISPONÍVEL') as codigo_de_desconto_usado,
        trim(timestamp_do_registro) as moment,
        trim(valor_da_compra) as value,
        coalesce(nullif(replace(trim(desconto_oferecido), '%', ''), ''), '0') as discount,
        arquivo_de_origem
    from bruto.vendas
),
typed as (
    select
        case when moment ~ '^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$' then moment::timestamp end as timestamp_do_registro,
        case when value ~ '^\d+(\.\d{1,2})?$' then value::numeric(12, 2) end as valor_da_compra,
        case when discount ~ '^\d+(\.\d+)?$' then (discount::numeric / 100)::numeric(7, 4) end as desconto_oferecido,
        filled.*
    from filled
),
sales as (
    select distinct on (
        timestamp_do_registro, nome, sobrenome, email, telefone, produto_adquirido, valor_da_compra, canal,
        plataforma_de_interacao, campanha_de_marketing, vendedor, desconto_oferecido, codigo_de_desconto_usado
    ) *
    from typed
    where timestamp_do_registro is not null and valor_da_compra is not null and desconto_oferecido <= 1
)
select
    timestamp_do_registro,
    to_char(timestamp_do_registro, 'yyyymmdd')::integer as data_id,
    extract(year from timestamp_do_registro)::integer as ano,
    case
        when extract(hour from timestamp_do_registro) < 6 then 'Madrugada'
        when extract(hour from timestamp_do_registro) < 12 then 'Manhã'
        when extract(hour from timestamp_do_registro) < 18 then 'Tarde'
        else 'Noite'
    end as turno_compra,
    coalesce(
        nullif(concat_ws(' ', nullif(nome, 'NÃO INFORMADO'), nullif(sobrenome, 'NÃO INFORMADO')), ''), 'NÃO INFORMADO'
    ) as nome_completo,
    case when email = 'NÃO INFORMADO' then email else lower(email) end as email,
    case when position('@' in email) > 0 then lower(split_part(email, '@', -1)) else 'NÃO INFORMADO' end
        as dominio_email,
    telefone, produto_adquirido, canal, plataforma_de_interacao, campanha_de_marketing, vendedor,
    codigo_de_desconto_usado, valor_da_compra, desconto_oferecido,
    round(valor_da_compra * (1 - desconto_oferecido), 2)::numeric(12, 2) as valor_com_desconto,
    arquivo_de_origem
from sales

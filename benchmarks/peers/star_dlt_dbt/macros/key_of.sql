{% macro key_of(columns) %}md5(concat_ws('-', {{ columns | join(', ') }})){% endmacro %}

{% macro dimension(key, columns) %}
select distinct {{ key_of(columns) }} as {{ key }}, {{ columns | join(', ') }} from {{ ref('vendas') }}
{% endmacro %}

select
    data_id,
    {{ key_of(['nome_completo', 'email', 'dominio_email', 'telefone']) }} as cliente_id,
    {{ key_of(['produto_adquirido']) }} as produto_id,
    {{ key_of(['canal']) }} as canal_id,
    {{ key_of(['plataforma_de_interacao']) }} as plataforma_id,
    {{ key_of(['campanha_de_marketing']) }} as campanha_id,
    {{ key_of(['vendedor']) }} as vendedor_id,
    {{ key_of(['codigo_de_desconto_usado', 'desconto_oferecido']) }} as desconto_id,
    timestamp_do_registro, ano, turno_compra, valor_da_compra, valor_com_desconto, arquivo_de_origem
from {{ ref('vendas') }}

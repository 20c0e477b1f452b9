{{ dimension('desconto_id', ['codigo_de_desconto_usado', 'desconto_oferecido']) }}

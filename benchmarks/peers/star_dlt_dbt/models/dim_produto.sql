{{ dimension('produto_id', ['produto_adquirido']) }}

{{ dimension('cliente_id', ['nome_completo', 'email', 'dominio_email', 'telefone']) }}

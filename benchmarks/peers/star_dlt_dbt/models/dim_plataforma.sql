{{ dimension('plataforma_id', ['plataforma_de_interacao']) }}

{{ dimension('campanha_id', ['campanha_de_marketing']) }}

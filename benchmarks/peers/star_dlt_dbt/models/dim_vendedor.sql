{{ dimension('vendedor_id', ['vendedor']) }}

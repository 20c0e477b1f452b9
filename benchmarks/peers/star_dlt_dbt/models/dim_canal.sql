{{ dimension('canal_id', ['canal']) }}

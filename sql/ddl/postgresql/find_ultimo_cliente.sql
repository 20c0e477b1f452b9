-- Only an index scan finds the last key at once, and a small load plans without them (see `engines`).
alter procedure find_ultimo_cliente() set enable_indexscan = on;

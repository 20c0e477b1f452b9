"""Turn gold's rows into the star's: a fact is a sale with keys, dimensions hold distinct members. Pure Arrow."""

import pyarrow as pa

from vendas import schema
from vendas.rules.keys import day_key, member_key, sale_id
from vendas.warehouse.star import FACT_TABLE, MEMBERS_TABLE, RECORDS_TABLE, TABLES

COLUMNS = {table.name: [column.name for column in table.columns] for table in TABLES}


def to_star(gold: pa.Table) -> dict[str, pa.Table]:
    """Return the rows of registros_vendas, fato_vendas and membros_pendentes for these rows of gold, by table."""
    batches = gold.combine_chunks().to_batches()
    keyed = pa.Table.from_batches([_with_keys(batch) for batch in batches])
    return {
        RECORDS_TABLE: gold.select(COLUMNS[RECORDS_TABLE]),
        FACT_TABLE: keyed.select(COLUMNS[FACT_TABLE]),
        MEMBERS_TABLE: _members(keyed),
    }


def _with_keys(rows: pa.RecordBatch) -> pa.RecordBatch:
    keys = {
        "venda_id": sale_id(rows["arquivo_de_origem"], rows["linha_do_arquivo"]),
        "data_id": day_key(rows["timestamp_do_registro"]),
    }
    for dimension in schema.SALES.dimensions:
        keys[dimension.key] = member_key(*(rows[name] for name in dimension.attributes))
    return pa.record_batch([*rows.columns, *keys.values()], [*rows.schema.names, *keys])


def _members(keyed: pa.Table) -> pa.Table:
    """Return one row per distinct member of each dimension and one per year; columns of other dimensions are null."""
    kinds = [[dimension.key, *dimension.attributes] for dimension in schema.SALES.dimensions]
    distinct = [
        keyed.select(names).group_by(names, use_threads=False).aggregate([]) for names in (*kinds, [schema.ANO.name])
    ]
    held = keyed.schema
    empty = pa.schema([held.field(name) for name in COLUMNS[MEMBERS_TABLE]]).empty_table()
    return pa.concat_tables([empty, *distinct], promote_options="default")

"""Turn gold's rows into the star's: a fact is a sale with keys, dimensions hold distinct members. Pure Arrow."""

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.rules.keys import day_key, member_key, sale_id
from vendas.warehouse.star import (
    CHANNEL_KEY,
    DAY_CELL,
    FACT_TABLE,
    MEMBERS_TABLE,
    RECORDS_TABLE,
    SUMS_TABLE,
    TABLES,
    summed_dimensions,
)

COLUMNS = {table.name: [column.name for column in table.columns] for table in TABLES}
_KEYS = {dimension.key for dimension in schema.SALES.dimensions}
_GOLD_SCHEMA = schema.arrow_schema(schema.GOLD_COLUMNS)
EXACT = pa.decimal128(38, 2)  # while measures are summed
_SUM = pa.decimal128(22, 2)
_MEMBERS_SCHEMA = pa.schema(
    [pa.field(name, pa.int64()) if name in _KEYS else _GOLD_SCHEMA.field(name) for name in COLUMNS[MEMBERS_TABLE]]
)


def to_star(gold: pa.Table) -> dict[str, pa.Table]:
    """Return the rows of registros_vendas, fato_vendas, and of members and sums pending, for gold's rows, by table."""
    batches = gold.combine_chunks().to_batches()
    keyed = pa.Table.from_batches([_with_keys(batch) for batch in batches])
    return {
        RECORDS_TABLE: gold.select(COLUMNS[RECORDS_TABLE]),
        FACT_TABLE: keyed.select(COLUMNS[FACT_TABLE]),
        MEMBERS_TABLE: _members(keyed),
        SUMS_TABLE: _sums(keyed),
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
    """Return one row per distinct member of each dimension and one per year."""
    kinds = [[dimension.key, *dimension.attributes] for dimension in schema.SALES.dimensions]
    return pending_members(distinct_rows(keyed.select(names)) for names in (*kinds, [schema.ANO.name]))


def distinct_rows(rows: pa.Table) -> pa.Table:
    """Return each row once."""
    return rows.group_by(rows.column_names, use_threads=False).aggregate([])


def pending_members(members: Iterable[pa.Table]) -> pa.Table:
    """Return members of several dimensions as rows of one table; columns of other dimensions are null."""
    return pa.concat_tables([_MEMBERS_SCHEMA.empty_table(), *members], promote_options="default")


def _sums(keyed: pa.Table) -> pa.Table:
    """Return the sums of these sales by day, and by month and member; columns of the other kind of sum are null."""
    months = pc.divide(keyed["data_id"], pa.scalar(100, pa.int32()))
    measures = {name: keyed[name].cast(EXACT) for name in schema.SALES.measures}
    sales = pa.table({name: keyed[name] for name in keyed.column_names if name not in measures} | measures)
    sales = sales.append_column("mes", months)
    summed = [_summed(sales, DAY_CELL)]
    for dimension in summed_dimensions(schema.SALES):
        of_members = _summed(sales, ("mes", CHANNEL_KEY, dimension.key)).rename_columns({dimension.key: "membro_id"})
        named = pa.array([dimension.name] * len(of_members), pa.string())
        summed.append(of_members.append_column("dimensao", named))
    return pa.concat_tables(summed, promote_options="default").select(COLUMNS[SUMS_TABLE])


def _summed(sales: pa.Table, cell: Sequence[str]) -> pa.Table:
    measures = schema.SALES.measures
    summed = sales.group_by(cell, use_threads=False).aggregate(
        [([], "count_all"), *((name, "sum") for name in measures)]
    )
    sums = {name: summed[f"{name}_sum"].cast(_SUM) for name in measures}
    return pa.table({name: summed[name] for name in cell} | {"vendas": summed["count_all"]} | sums)

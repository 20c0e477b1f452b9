"""Previews of 03_gold: silver's columns beside gold's, one rule at a time."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.lake.events import Event
from vendas.lake.tables import GOLD_TABLE, SILVER_TABLE
from vendas.reports.masking import mask_email, mask_row
from vendas.reports.preview import NO_SALES, PLACE_COLUMNS, Preview, examples, note_cut, note_sample, reading, showing
from vendas.rules.gold import TURNOS
from vendas.tuning import PREVIEW_ROWS

SILVER_PLACE, GOLD_PLACE = (list(PLACE_COLUMNS[table]) for table in (SILVER_TABLE, GOLD_TABLE))
_BEFORE = "antes: "  # prefix of silver's columns beside gold's


@reading
def side_by_side(silver: pa.Table, gold: pa.Table) -> pa.Table:
    """Return gold's rows joined with silver's rows that they come from, with silver's columns named `antes: …`."""
    before = silver.rename_columns([_before(name) for name in silver.column_names])
    for name in SILVER_PLACE:  # copies, because the join drops its keys
        before = before.append_column(f"{name} ", silver[name])
    keys = [f"{name} " for name in SILVER_PLACE]
    numbered = gold.append_column("_ordem", pa.array(range(len(gold)), pa.int64()))
    return numbered.join(before, GOLD_PLACE, keys, join_type="inner").sort_by("_ordem").drop_columns("_ordem")


@showing
def show_names(sales: pa.Table) -> Preview:
    """Show one sale by column: names and values in silver and in gold; e-mail and telephone masked."""
    if not len(sales):
        return Preview.of([], note=NO_SALES)
    (sale,) = sales.slice(0, 1).to_pylist()
    before = mask_row({name.removeprefix(_BEFORE): sale[name] for name in sale if name.startswith(_BEFORE)})
    after = mask_row({name: sale[name] for name in sale if not name.startswith(_BEFORE)})
    source = {column.gold_name: column.name for column in schema.SILVER_COLUMNS}
    rows = [
        {
            "coluna em silver": source.get(name, "—"),
            "valor em silver": before.get(source.get(name, ""), ""),
            "coluna em gold": name,
            "valor em gold": value,
        }
        for name, value in after.items()
    ]
    joined = [name for gold_name, name in source.items() if gold_name not in after]
    return Preview.of(rows, note=f"— é calculada. Entram em outra coluna: {', '.join(joined)}." if joined else "")


@showing
def show_full_names(sales: pa.Table, events: Sequence[Event]) -> Preview:
    """Show an example and the number of sales for each combination of present and missing first name and surname."""
    nome, sobrenome = _before(schema.NOME.name), _before(schema.SOBRENOME.name)
    kinds = pc.binary_join_element_wise(
        *(pc.equal(sales[name], schema.MISSING).cast(pa.string()) for name in (nome, sobrenome)), " "
    )
    rows = [
        {
            schema.NOME.name: sale[nome],
            schema.SOBRENOME.name: sale[sobrenome],
            "nome_completo": sale["nome_completo"],
            "vendas assim": count,
        }
        for _, count, sale in examples(sales, kinds)
    ]
    return Preview.of(rows, note=_note(sales, events))


@showing
def show_domains(sales: pa.Table, events: Sequence[Event]) -> Preview:
    """Show the e-mail domains, most sales first, each with an e-mail that it was taken from, masked."""
    found = examples(sales, sales["dominio_email"])
    rows = [
        {
            schema.EMAIL.name: mask_email(sale[_before(schema.EMAIL.name)]),
            "email": mask_email(sale["email"]),
            "dominio_email": sale["dominio_email"],
            "vendas": count,
        }
        for _, count, sale in found
    ]
    return Preview.of(rows[:PREVIEW_ROWS], note=_note(sales, events, note_cut(PREVIEW_ROWS, len(rows), "domínios")))


@showing
def show_turnos(sales: pa.Table, events: Sequence[Event]) -> Preview:
    """Show the parts of the day in order, each with the hour at which it begins, its sales, and an example."""
    moment = _before(schema.TIMESTAMP.name)
    found = {sale["turno_compra"]: (count, sale) for _, count, sale in examples(sales, sales["turno_compra"])}
    rows = [
        {
            "exemplo: " + schema.TIMESTAMP.name: found[turno][1][moment] if turno in found else "",
            "turno_compra": turno,
            "desde": f"{TURNOS[turno]} h" if turno in TURNOS else "",
            "vendas": found[turno][0] if turno in found else 0,
        }
        for turno in [*TURNOS, *sorted(set(found) - set(TURNOS))]
    ]
    return Preview.of(rows if len(sales) else [], note=_note(sales, events))


@showing
def show_discounts(sales: pa.Table, events: Sequence[Event]) -> Preview:
    """Show the effect of each discount: an example, and the sums of all its sales, before and after."""
    sums = sales.group_by("desconto_oferecido", use_threads=False).aggregate(
        [([], "count_all"), ("valor_da_compra", "sum"), ("valor_com_desconto", "sum")]
    )
    totals = {row["desconto_oferecido"]: row for row in sums.to_pylist()}
    rows = [
        {
            "desconto_oferecido": sale["desconto_oferecido"],
            "exemplo: valor_da_compra": sale["valor_da_compra"],
            "valor_com_desconto": sale["valor_com_desconto"],
            "vendas": count,
            "soma antes": totals[sale["desconto_oferecido"]]["valor_da_compra_sum"],
            "soma depois": totals[sale["desconto_oferecido"]]["valor_com_desconto_sum"],
        }
        for _, count, sale in examples(sales, sales["desconto_oferecido"])
    ]
    return Preview.of(rows[:PREVIEW_ROWS], note=_note(sales, events, note_cut(PREVIEW_ROWS, len(rows), "descontos")))


def _note(sales: pa.Table, events: Sequence[Event], cut: str = "") -> str:
    """Return the note below a table: that there is nothing to show, or which part is not shown."""
    return " ".join(filter(None, [cut, note_sample(sales, GOLD_TABLE, events)])) if len(sales) else NO_SALES


def _before(name: str) -> str:
    return f"{_BEFORE}{name}"

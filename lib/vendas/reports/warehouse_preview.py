"""Previews of 04_dw: what the warehouse holds of the files just loaded, queried in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from vendas.formatting import format_number
from vendas.lake.events import Event
from vendas.lake.workers import Workers
from vendas.reports.masking import mask_row
from vendas.reports.preview import NO_SALES, Preview, ShownEvents, reading, showing
from vendas.tuning import PREVIEW_LOADED_ROWS, PREVIEW_ROWS
from vendas.warehouse.endpoint import Endpoint
from vendas.warehouse.transactions import Cells, transaction

FACT, FACT_KEY, FILE = "fato_vendas", "venda_id", "arquivo_de_origem"
_SALES_SHOWN = PREVIEW_ROWS // 2
_TOO_LARGE = (
    f"Arquivos com mais de {format_number(PREVIEW_LOADED_ROWS)} linhas juntos não são somados aqui; veja 05_exploracao."
)


@dataclass(frozen=True)
class Loaded:
    """The warehouse's contents for some files: rows and sums by file in both tables, sales of one, members by key."""

    registros: dict[str, dict[str, str]] = field(default_factory=dict)
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    example: str = ""  # the file of the sales
    sales: list[dict[str, str]] = field(default_factory=list)
    members: dict[str, str] = field(default_factory=dict)


@reading
def read_loaded(workers: Workers, endpoint: Endpoint, events: Sequence[Event]) -> Loaded:
    """Query what the warehouse holds of the events' files, restricted to the smallest, of PREVIEW_LOADED_ROWS rows."""
    with_sales, files = [event.arquivo for event in events if event.gravadas], small_files(events)
    if not with_sales:
        return Loaded()
    example = (files or with_sales)[0]
    with transaction(workers, endpoint) as opened:
        keys = [name for name in opened.columns(FACT) if name.endswith("_id") and name != FACT_KEY]
        rows = opened.cells(star_query(keys, in_order=example in files), [example])
        sales = [name_star_columns(row, keys) for row in rows]
        if not files:
            return Loaded(example=example, sales=sales)
        sums = [opened.cells(sums_query(table, len(files)), files) for table in ("registros_vendas", FACT)]
        registros, facts = ({row[FILE]: row for row in map(dict, rows)} for rows in sums)
        (members,) = opened.cells(members_query(keys, len(files)), files)
    return Loaded(registros, facts, example, sales, dict(members))


@showing
def show_loaded(loaded: Loaded, events: ShownEvents) -> Preview:
    """Show each file's rows in gold, registros_vendas and the star, and the sums of its values in the star."""
    rows = [
        {
            "arquivo recebido": event.arquivo_recebido,
            "linhas em gold": event.gravadas,
            "em registros_vendas": _number(loaded.registros, event, "linhas"),
            f"em {FACT}": _number(loaded.facts, event, "linhas"),
            "valor_da_compra": _number(loaded.facts, event, "valor_da_compra"),
            "valor_com_desconto": _number(loaded.facts, event, "valor_com_desconto"),
            "arquivo na bronze": event.arquivo,
        }
        for event in events
    ]
    left_out = [event for event in events if event.gravadas and event.arquivo not in loaded.facts]
    return Preview.of(rows, note=" ".join(filter(None, [events.note, _TOO_LARGE if left_out else ""])))


@showing
def show_star(loaded: Loaded) -> Preview:
    """Show sales of one file in the star: the fact's columns, and attributes of the dimensions by its keys."""
    rows = [mask_row(sale) for sale in loaded.sales]
    return Preview.of(rows, note=f"Do arquivo {loaded.example}." if rows else NO_SALES)


@showing
def show_members(loaded: Loaded) -> Preview:
    """Show how many members of each dimension the sales of these files refer to."""
    rows = [{"dimensão": _dimension(key), "membros nestes arquivos": int(said)} for key, said in loaded.members.items()]
    return Preview.of(rows, note="" if rows else _TOO_LARGE if loaded.sales else NO_SALES)


def small_files(events: Iterable[Event], limit: int = PREVIEW_LOADED_ROWS) -> list[str]:
    """Return the smallest files with rows, `limit` rows together at most, in the events' order."""
    chosen, rows = set(), 0
    events = list(events)
    for event in sorted(events, key=lambda event: event.gravadas):
        rows += event.gravadas
        if event.gravadas and rows <= limit:
            chosen.add(event.arquivo)
    return [event.arquivo for event in events if event.arquivo in chosen]


def sums_query(table: str, files: int) -> str:
    """Return the query for a table's number of rows and sums by file; the files are its parameters."""
    return (
        f"select {FILE}, count(*) as linhas, sum(valor_da_compra) as valor_da_compra, "
        f"sum(valor_com_desconto) as valor_com_desconto from {table} where {_of_files(FILE, files)} group by {FILE}"
    )


def star_query(keys: Sequence[str], in_order: bool) -> str:
    """Return the query for some sales of a file with all columns of their members; the file is its parameter.

    With `in_order` these are the sales of its first lines, which requires reading all of the file's sales.
    """
    order = "order by linha_do_arquivo " if in_order else ""
    sales = f"(select * from {FACT} where {_of_files(FILE, 1)} {order}limit {_SALES_SHOWN}) as vendas"
    joins = " ".join(f"left join {_dimension(key)} on vendas.{key} = {_dimension(key)}.{key}" for key in keys)
    columns = ", ".join(["vendas.*", *(f"{_dimension(key)}.*" for key in keys)])
    return f"select {columns} from {sales} {joins} order by vendas.linha_do_arquivo"


def members_query(keys: Sequence[str], files: int) -> str:
    """Return the query for the number of members by key; the files are its parameters."""
    counts = ", ".join(f"count(distinct {key}) as {key}" for key in keys)
    return f"select {counts} from {FACT} where {_of_files(FILE, files)}"


def name_star_columns(row: Cells, keys: Sequence[str]) -> dict[str, str]:
    """Return the fact's columns without keys, and each dimension's first attribute, from a row of `star_query`.

    Each key is in the row twice: among the fact's columns, and before its dimension's attributes.
    """
    width = next(place for place, (name, _) in enumerate(row) if place and name in dict(row[:place]))
    fact = {name: text for name, text in row[:width] if name not in (FACT_KEY, FILE, *keys)}
    attributes = dict(row[place + 1] for place in range(width, len(row) - 1) if row[place][0] in keys)
    return fact | attributes


def _number(sums: dict[str, dict[str, str]], event: Event, name: str) -> Decimal | None:
    """Return a file's value in a table: None if the file was not queried, 0 if it has no sales."""
    return Decimal(sums[event.arquivo][name]) if event.arquivo in sums else None if event.gravadas else Decimal(0)


def _of_files(column: str, files: int) -> str:
    """Return the condition that a column is one of `files` parameters; PostgreSQL's index does not support `in`."""
    return f"({' or '.join([f'{column} = ?'] * files)})"


def _dimension(key: str) -> str:
    return f"dim_{key.removesuffix('_id')}"

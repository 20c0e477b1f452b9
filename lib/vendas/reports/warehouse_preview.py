"""What 04_dw shows: what the warehouse holds of the files that it loaded, asked in one transaction."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal

from pyspark.sql import SparkSession

from vendas.lake.ledger import Event
from vendas.limits import PREVIEW_LOADED_ROWS, PREVIEW_ROWS
from vendas.reports.masking import mask_row
from vendas.reports.preview import NO_SALES, Preview, ShownEvents, reading, showing
from vendas.text import format_number
from vendas.warehouse.endpoint import Endpoint
from vendas.warehouse.jdbc import Transaction, transaction

FACT, FACT_KEY, FILE = "fato_vendas", "venda_id", "arquivo_de_origem"
_SALES_SHOWN = PREVIEW_ROWS // 2

Cells = list[tuple[str, str]]  # a row as its columns' names, which may repeat, each with its text


@dataclass(frozen=True)
class Loaded:
    """What the warehouse holds of some files: rows and sums by file in both tables, sales of one, members by key."""

    registros: dict[str, dict[str, str]] = field(default_factory=dict)
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    example: str = ""  # the file that the sales are of
    sales: list[dict[str, str]] = field(default_factory=list)
    members: dict[str, str] = field(default_factory=dict)


@reading
def read_loaded(spark: SparkSession, endpoint: Endpoint, events: Sequence[Event]) -> Loaded:
    """Ask the warehouse what it holds of the events' files: the smallest, of PREVIEW_LOADED_ROWS rows together."""
    files = small_files(events)
    if not files:
        return Loaded()
    with transaction(spark, endpoint) as opened:
        keys = [name for name, _, _ in opened.shape(FACT) if name.endswith("_id") and name != FACT_KEY]
        sums = [_ask(opened, sums_query(table, len(files)), files) for table in ("registros_vendas", FACT)]
        registros, facts = ({row[FILE]: row for row in map(dict, rows)} for rows in sums)
        sales = [name_star_columns(row, keys) for row in _ask(opened, star_query(keys), files[:1])]
        (members,) = _ask(opened, members_query(keys, len(files)), files)
    return Loaded(registros, facts, files[0], sales, dict(members))


@showing
def show_loaded(loaded: Loaded, events: ShownEvents) -> Preview:
    """Show the rows of each file in gold, in registros_vendas and in the star, and the sums of their values there."""
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
    limit = format_number(PREVIEW_LOADED_ROWS)
    note = f"Arquivos com mais de {limit} linhas juntos não são somados aqui; veja 05_exploracao." if left_out else ""
    return Preview.of(rows, note=" ".join(filter(None, [events.note, note])))


@showing
def show_star(loaded: Loaded) -> Preview:
    """Show sales of one file as the star has them: the fact, and by its keys what the dimensions say."""
    rows = [mask_row(sale) for sale in loaded.sales]
    return Preview.of(rows, note=f"Do arquivo {loaded.example}." if rows else NO_SALES)


@showing
def show_members(loaded: Loaded) -> Preview:
    """Show how many members of each dimension the sales of these files have."""
    rows = [{"dimensão": _dimension(key), "membros nestes arquivos": int(said)} for key, said in loaded.members.items()]
    return Preview.of(rows, note="" if rows else NO_SALES)


def small_files(events: Iterable[Event], limit: int = PREVIEW_LOADED_ROWS) -> list[str]:
    """Return the smallest files that have rows, of so many rows together, in the events' order."""
    chosen, rows = set(), 0
    events = list(events)
    for event in sorted(events, key=lambda event: event.gravadas):
        rows += event.gravadas
        if event.gravadas and rows <= limit:
            chosen.add(event.arquivo)
    return [event.arquivo for event in events if event.arquivo in chosen]


def sums_query(table: str, files: int) -> str:
    """Return the query of rows and sums of a table by file; the files are its parameters."""
    return (
        f"select {FILE}, count(*) as linhas, sum(valor_da_compra) as valor_da_compra, "
        f"sum(valor_com_desconto) as valor_com_desconto from {table} where {_of_files(FILE, files)} group by {FILE}"
    )


def star_query(keys: Sequence[str]) -> str:
    """Return the query of a file's first sales with all columns of their members; the file is its parameter."""
    joins = " ".join(f"left join {_dimension(key)} on {FACT}.{key} = {_dimension(key)}.{key}" for key in keys)
    columns = ", ".join([f"{FACT}.*", *(f"{_dimension(key)}.*" for key in keys)])
    return (
        f"select {columns} from {FACT} {joins} where {_of_files(f'{FACT}.{FILE}', 1)} "
        f"order by {FACT}.linha_do_arquivo limit {_SALES_SHOWN}"
    )


def members_query(keys: Sequence[str], files: int) -> str:
    """Return the query of the number of members by key; the files are its parameters."""
    counts = ", ".join(f"count(distinct {key}) as {key}" for key in keys)
    return f"select {counts} from {FACT} where {_of_files(FILE, files)}"


def name_star_columns(row: Cells, keys: Sequence[str]) -> dict[str, str]:
    """Return of a row of `star_query` the fact's columns without keys, and of each dimension the first attribute.

    A key stands in the row twice: among the fact's columns, and before its dimension's attributes.
    """
    width = next(place for place, (name, _) in enumerate(row) if place and name in dict(row[:place]))
    fact = {name: text for name, text in row[:width] if name not in (FACT_KEY, FILE, *keys)}
    attributes = dict(row[place + 1] for place in range(width, len(row) - 1) if row[place][0] in keys)
    return fact | attributes


def _number(sums: dict[str, dict[str, str]], event: Event, name: str) -> Decimal | None:
    """Return what a table has of a file: nothing where it was not asked, 0 where there is nothing to ask for."""
    return Decimal(sums[event.arquivo][name]) if event.arquivo in sums else None if event.gravadas else Decimal(0)


def _of_files(column: str, files: int) -> str:
    """Return the condition that a column is one of so many files. PostgreSQL's index of files knows no `in`."""
    return f"({' or '.join([f'{column} = ?'] * files)})"


def _dimension(key: str) -> str:
    return f"dim_{key.removesuffix('_id')}"


def _ask(opened: Transaction, query: str, files: Sequence[str]) -> list[Cells]:
    """Return the rows of a query whose parameters are names of files, which may hold any character."""
    with closing(opened.connection.prepareStatement(query)) as statement:
        for place, file in enumerate(files, start=1):
            statement.setString(place, file)
        found = statement.executeQuery()
        described = found.getMetaData()
        places = range(1, described.getColumnCount() + 1)
        names, rows = [described.getColumnLabel(place) for place in places], []
        while found.next():
            rows.append([(name, found.getString(place)) for name, place in zip(names, places, strict=True)])
        return rows

"""Renders the SQL that follows from the declaration of sales: `make sql`. What it writes is committed and compared."""

from collections.abc import Callable, Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vendas.declaration import MISSING, SALES
from vendas.declaration_types import Declaration
from vendas.rules.anonymized import TOKEN_PREFIX
from vendas.warehouse.star import (
    CHANNEL_KEY,
    DAY_CELL,
    DAYS_TABLE,
    FACT_TABLE,
    MEMBERS_TABLE,
    MONTH_CELL,
    MONTHS_TABLE,
    RECORDS_TABLE,
    SUMS_TABLE,
    summed_dimensions,
    tables,
)

SQL = Path(__file__).parent
RENDERED = "-- Rendered by `make sql`: change the template or the declaration.\n"  # the first line of each file


def render(sales: Declaration) -> Iterator[tuple[Path, str]]:
    """Yield the path of each rendered file below sql/, and its text."""
    templates = Environment(loader=FileSystemLoader(SQL / "templates"), undefined=StrictUndefined)
    templates.filters["literal"] = _literal

    def text(template: str, **values: object) -> str:
        return RENDERED + templates.get_template(f"{template}.jinja").render(sales=sales, **values) + "\n"

    for table in tables(sales):
        yield Path("ddl", f"{table.name}.sql"), text("table", table=table)
    yield from _for_analysts(sales, text)
    cells = {DAYS_TABLE: DAY_CELL, MONTHS_TABLE: MONTH_CELL}
    summed = {"channel": CHANNEL_KEY, "summed": summed_dimensions(sales)}
    yield Path("star/refresh_star.sql"), text("refresh_star", pending=SUMS_TABLE, cells=cells)
    yield (
        Path("load/subtract_replaced.sql"),
        text("subtract_replaced", pending=SUMS_TABLE, day_cell=DAY_CELL, **summed),
    )
    dimensions = ["data", *(dimension.name for dimension in sales.dimensions)]
    of_load = {"cell": DAY_CELL, "dimensions": dimensions}
    yield Path("facts/fatos_da_carga.sql"), text("facts_of_load", days=DAYS_TABLE, **of_load)
    yield Path("checks/no_orphan_key.sql"), text("no_orphan_key", **of_load)
    yield Path("checks/one_member_per_key.sql"), text("one_member_per_key")
    yield Path("checks/redshift/one_row_per_member.sql"), text("one_row_per_member", dimensions=dimensions)
    yield (
        Path("checks/fact_equals_gold.sql"),
        text(
            "equals_gold", rows="fatos", table=FACT_TABLE, counted="fatos_da_carga", count="sum(fatos_da_carga.vendas)"
        ),
    )
    yield (
        Path("checks/registros_equal_gold.sql"),
        text("equals_gold", rows="registros", table=RECORDS_TABLE, counted=RECORDS_TABLE, count="count(*)"),
    )
    yield Path("checks/days_hold_the_load.sql"), text("days_hold_the_load", table=DAYS_TABLE, cell=DAY_CELL)
    yield Path("checks/days_equal_files.sql"), text("days_equal_files", table=DAYS_TABLE)
    yield (
        Path("checks/months_equal_days.sql"),
        text("months_equal_days", days=DAYS_TABLE, months=MONTHS_TABLE, **summed),
    )


def _for_analysts(sales: Declaration, text: Callable[..., str]) -> Iterator[tuple[Path, str]]:
    """Yield the role of analysts, who read personal columns of dimensions masked.

    On PostgreSQL they read a view of such a dimension, on Redshift the dimension itself through masking policies.
    """
    by_name = {table.name: table for table in tables(sales)}
    masked = [d for d in sales.dimensions if any(column.personal for column in by_name[d.table].columns)]
    marks = {"missing": MISSING, "token": TOKEN_PREFIX}
    for dimension in masked:
        values = {"dimension": dimension, "columns": by_name[dimension.table].columns[1:]}
        view = f"{dimension.table}_mascarada"
        yield Path(f"views/postgresql/{view}.sql"), text("masked", **marks, **values)
        # Redshift takes no comments on the columns of a view.
        yield Path(f"views/postgresql/{view}_comments.sql"), text("masked_comments", **values)
    hidden = {RECORDS_TABLE, MEMBERS_TABLE, SUMS_TABLE}
    readable = [name for name in by_name if name not in hidden]
    views = {dimension.table: f"{dimension.table}_mascarada" for dimension in masked}
    of_views = [name for name in readable if name not in views] + [*views.values()]
    yield Path("views/postgresql/roles/analista.sql"), text("analyst", readable=of_views)
    personal = [(d, [column for column in by_name[d.table].columns if column.personal]) for d in masked]
    columns = {column.name: column for _, of_table in personal for column in of_table}
    yield Path("views/redshift/analista.sql"), text("masking_policies", columns=columns.values(), **marks)
    yield Path("views/redshift/analista_tabelas.sql"), text("masked_tables", masked=personal, readable=readable)


def _literal(text: str) -> str:
    """Return a text as SQL's literal."""
    return "'{}'".format(text.replace("'", "''"))


def main() -> None:
    """Write the files, and delete those that were rendered and are declared no more."""
    rendered = dict(render(SALES))
    for path, text in rendered.items():
        (SQL / path).write_text(text, encoding="utf-8")
    for path in were_rendered() - rendered.keys():
        (SQL / path).unlink()


def were_rendered() -> set[Path]:
    """Return the files that say they are rendered."""
    files = (file for file in SQL.rglob("*.sql") if file.read_text(encoding="utf-8").startswith(RENDERED))
    return {file.relative_to(SQL) for file in files}


if __name__ == "__main__":
    main()

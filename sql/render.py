"""Renders the SQL that follows from the declaration of sales: `make sql`. What it writes is committed and compared."""

from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vendas.declaration import SALES
from vendas.declaration_types import Declaration
from vendas.warehouse.star import (
    CHANNEL_KEY,
    DAY_CELL,
    DAYS_TABLE,
    FACT_TABLE,
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

    def text(template: str, **values: object) -> str:
        return RENDERED + templates.get_template(f"{template}.jinja").render(sales=sales, **values) + "\n"

    for table in tables(sales):
        yield Path("ddl", f"{table.name}.sql"), text("table", table=table)
    cells = {DAYS_TABLE: DAY_CELL, MONTHS_TABLE: MONTH_CELL}
    summed = {"channel": CHANNEL_KEY, "summed": summed_dimensions(sales)}
    yield Path("star/refresh_star.sql"), text("refresh_star", pending=SUMS_TABLE, cells=cells)
    yield (
        Path("load/subtract_replaced.sql"),
        text("subtract_replaced", pending=SUMS_TABLE, day_cell=DAY_CELL, **summed),
    )
    dimensions = ["data", *(dimension.name for dimension in sales.dimensions)]
    yield Path("checks/no_orphan_key.sql"), text("no_orphan_key", dimensions=dimensions)
    yield Path("checks/one_member_per_key.sql"), text("one_member_per_key")
    yield Path("checks/redshift/one_row_per_member.sql"), text("one_row_per_member", dimensions=dimensions)
    yield Path("checks/fact_equals_gold.sql"), text("equals_gold", rows="fatos", table=FACT_TABLE)
    yield Path("checks/registros_equal_gold.sql"), text("equals_gold", rows="registros", table=RECORDS_TABLE)
    yield Path("checks/days_hold_the_load.sql"), text("days_hold_the_load", table=DAYS_TABLE, cell=DAY_CELL)
    yield Path("checks/days_equal_files.sql"), text("days_equal_files", table=DAYS_TABLE)
    yield (
        Path("checks/months_equal_days.sql"),
        text("months_equal_days", days=DAYS_TABLE, months=MONTHS_TABLE, **summed),
    )


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

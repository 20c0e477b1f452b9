"""Renders the SQL that follows from the declaration of sales: `make sql`. What it writes is committed and compared."""

from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vendas.declaration import Declaration
from vendas.sales import SALES
from vendas.warehouse.star import fact_names, tables

SQL = Path(__file__).parent


def render(sales: Declaration) -> Iterator[tuple[Path, str]]:
    """Yield the path of each rendered file below sql/, and its text."""
    templates = Environment(loader=FileSystemLoader(SQL / "templates"), undefined=StrictUndefined)

    def text(template: str, **values: object) -> str:
        return templates.get_template(f"{template}.jinja").render(sales=sales, **values) + "\n"

    for table in tables(sales):
        yield Path("ddl", f"{table.name}.sql"), text("table", table=table)
    yield Path("star/refresh_star.sql"), text("refresh_star", fact=fact_names(sales))
    dimensions = ["data", *(dimension.name for dimension in sales.dimensions)]
    yield Path("checks/no_orphan_key.sql"), text("no_orphan_key", dimensions=dimensions)
    yield Path("checks/one_member_per_key.sql"), text("one_member_per_key")
    yield Path("checks/redshift/one_row_per_member.sql"), text("one_row_per_member", dimensions=dimensions)
    for rows, table, name in (("fatos", "fato_vendas", "fact"), ("registros", "registros_vendas", "registros")):
        verb = "equals" if name == "fact" else "equal"
        yield Path(f"checks/{name}_{verb}_gold.sql"), text("equals_gold", rows=rows, table=table)


def main() -> None:
    """Write the files, and delete rendered ones whose table or check is declared no more."""
    rendered = dict(render(SALES))
    for path, text in rendered.items():
        (SQL / path).write_text(text, encoding="utf-8")
    for file in (SQL / "ddl").glob("*.sql"):
        if file.relative_to(SQL) not in rendered:
            file.unlink()


if __name__ == "__main__":
    main()

"""What is rendered from the declaration and committed: SQL, tables of docs/contract.md, the data contract (ODCS)."""

import pytest

from sql import render as sql
from vendas.sales import SALES

RENDERED = dict(sql.render(SALES))
BY_HAND = {
    "checks/redshift/one_fact_per_sale.sql",
    "ddl/postgresql/indexes/fato_vendas_arquivos.sql",
    "ddl/postgresql/indexes/registros_vendas_arquivos.sql",
    "ddl/postgresql/vendas_pendentes.sql",
    "star/refresh_dim_data.sql",
}


@pytest.mark.parametrize("path", RENDERED, ids=str)
def test_sql_is_as_make_sql_renders_it(path):
    assert (sql.SQL / path).read_text(encoding="utf-8") == RENDERED[path], "say `make sql`"


def test_sql_has_no_other_files():
    files = {str(file.relative_to(sql.SQL)) for file in sql.SQL.rglob("*.sql")}
    assert files == BY_HAND | {str(path) for path in RENDERED}

"""sql/ is valid for Redshift: checked with sqlfluff, independently of the double, and with the double's refusals."""

import re

import pytest
import sqlfluff
from sqlfluff.api.simple import APIParsingError

from helpers.redshift_queries import problem
from vendas import resources
from vendas.warehouse.redshift import Redshift

SQL = resources.folder("sql")
FILES = [file for kind in ("ddl", "star", "checks", "checks/redshift") for file in sorted((SQL / kind).glob("*.sql"))]
FOR_ANALYSTS = sorted((SQL / "views" / "redshift").glob("*.sql"))
# sqlfluff parses a procedure's body as a literal, so its statements are checked alone, without those of PL/pgSQL.
BODY = re.compile(r"\$\$\s*begin\s(.*)\send;\s*\$\$", re.DOTALL)
PL_SQL = re.compile(r"^\s*(if not found then\s+return|end if|return)?\s*$")


def statements(sql):
    yield sql
    if body := BODY.search(sql):
        yield from (part for part in body[1].split(";") if not PL_SQL.match(part))


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES + FOR_ANALYSTS, ids=lambda file: file.stem)
def test_redshift_can_parse_it(file):
    for statement in statements(Redshift.ddl(file.read_text(encoding="utf-8"))):
        assert sqlfluff.parse(statement, dialect="redshift")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_query_is_of_those_that_redshift_refuses(file):
    for statement in statements(Redshift.ddl(file.read_text(encoding="utf-8"))):
        if not statement.lstrip().startswith(("create or replace procedure", "create table if not exists")):
            assert problem(statement.strip().rstrip(";")) is None


def test_what_only_postgresql_says_is_seen():
    with pytest.raises(APIParsingError):
        sqlfluff.parse("create table t (a integer references u (b) not enforced)", dialect="redshift")

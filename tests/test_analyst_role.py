"""The role `analista` reads the star, and of customers only what is masked."""

import re

import psycopg
import pytest

from helpers.workers import alone
from vendas import resources
from vendas.warehouse.embedded import ensure_running, stop
from vendas.warehouse.load import apply_ddl

pytestmark = pytest.mark.engine

POLICIES, TABLES = (
    (resources.folder("sql") / "views" / "redshift" / f"{name}.sql").read_text(encoding="utf-8")
    for name in ("analista", "analista_tabelas")
)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    """Return a warehouse with three customers, and a user in the role."""
    folder = tmp_path_factory.mktemp("papel") / "dw"
    endpoint = ensure_running(folder)
    for _ in range(2):  # as each load does
        apply_ddl(alone(), endpoint)
    with psycopg.connect(endpoint.url) as owner:
        owner.execute("""
            insert into dim_cliente values
                (1, 'Zuleica Quaresma', 'zuleica@exemplo.com.br', 'exemplo.com.br', '(11) 98765-4321'),
                (2, 'NÃO INFORMADO', 'sem arroba', 'NÃO INFORMADO', '190'),
                (3, 'ANONIMIZADO-0123456789ab', 'ANONIMIZADO-0123456789ab', 'NÃO INFORMADO', 'NÃO INFORMADO')
        """)
        owner.execute("create user maria in role analista password 'segredo'")
    yield endpoint
    stop(folder)


@pytest.fixture(scope="module")
def analyst(endpoint):
    with psycopg.connect(endpoint.url, user="maria", password="segredo", autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def owner(endpoint):
    with psycopg.connect(endpoint.url, autocommit=True) as connection:
        yield connection


def test_customers_are_masked(analyst):
    rows = analyst.execute("select * from dim_cliente_mascarada order by cliente_id").fetchall()
    assert rows == [
        (1, "Z***", "z***@exemplo.com.br", "exemplo.com.br", "*** 4321"),
        (2, "NÃO INFORMADO", "s***", "NÃO INFORMADO", "***"),
        (3, "ANONIMIZADO-0123456789ab", "ANONIMIZADO-0123456789ab", "NÃO INFORMADO", "NÃO INFORMADO"),
    ]


def test_the_rest_of_the_star_can_be_read(analyst):
    query = (
        "select count(*) from fato_vendas join dim_cliente_mascarada using (cliente_id) join dim_data using (data_id)"
    )
    assert analyst.execute(query).fetchone() == (0,)


def test_redshifts_policies_mask_as_the_view_does(analyst, owner):
    """Each policy's expression, evaluated here, since PostgreSQL has no policies of columns."""
    policies = re.findall(r"create masking policy mascara_(\w+) .*? using \(\n(.*?)\n\);", POLICIES, re.DOTALL)
    masked = ", ".join(f"{expression} as {column}" for column, expression in policies)
    rows = owner.execute(f"select {masked} from dim_cliente order by cliente_id").fetchall()
    columns = ", ".join(column for column, _ in policies)
    assert rows == analyst.execute(f"select {columns} from dim_cliente_mascarada order by cliente_id").fetchall()
    assert {column for column, _ in policies} == {"nome_completo", "email", "telefone"}


def test_on_redshift_masks_come_before_the_right_to_read():
    statements = [line for line in TABLES.splitlines() if not line.startswith("--") and line]
    attached = [words.split()[3] for words in statements if words.startswith("attach")]
    assert attached == re.findall(r"create masking policy (\w+)", POLICIES)
    granted = [words for words in statements if words.startswith("grant")]
    assert statements == [*statements[: len(attached)], *granted]
    assert "grant select on dim_cliente to role analista;" in granted
    assert not [words for words in granted if "registros_vendas" in words or "pendentes" in words]


@pytest.mark.parametrize("table", ["dim_cliente", "registros_vendas", "membros_pendentes"])
def test_no_table_with_personal_columns_can_be_read(analyst, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        analyst.execute(f"select * from {table}")

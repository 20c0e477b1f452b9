"""The role `analista` reads the star, and of customers only what is masked."""

import psycopg
import pytest

from vendas.warehouse.embedded import ensure_running, stop
from vendas.warehouse.load import apply_ddl

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def analyst(spark, tmp_path_factory):
    """Return a connection of a user in the role, to a star with three customers."""
    folder = tmp_path_factory.mktemp("papel") / "dw"
    endpoint = ensure_running(folder)
    for _ in range(2):  # as each load does
        apply_ddl(spark, endpoint)
    with psycopg.connect(endpoint.url) as owner:
        owner.execute("""
            insert into dim_cliente values
                (1, 'Zuleica Quaresma', 'zuleica@exemplo.com.br', 'exemplo.com.br', '(11) 98765-4321'),
                (2, 'NÃO INFORMADO', 'sem arroba', 'NÃO INFORMADO', '190'),
                (3, 'ANONIMIZADO-0123456789ab', 'ANONIMIZADO-0123456789ab', 'NÃO INFORMADO', 'NÃO INFORMADO')
        """)
        owner.execute("create user maria in role analista password 'segredo'")
    with psycopg.connect(endpoint.url, user="maria", password="segredo", autocommit=True) as connection:
        yield connection
    stop(folder)


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


@pytest.mark.parametrize("table", ["dim_cliente", "registros_vendas", "membros_pendentes"])
def test_no_table_with_personal_columns_can_be_read(analyst, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        analyst.execute(f"select * from {table}")

from datetime import datetime
from decimal import Decimal

import pyarrow as pa
from hypothesis import given, strategies as st

from helpers import rules_twin as twin
from helpers.rows import FILE, silver_row
from vendas import schema
from vendas.rules.gold import to_gold

GOLD_ROW = {
    "timestamp_do_registro": datetime(2024, 3, 31, 14, 5),
    "turno_compra": "Tarde",
    "nome_completo": "Ana Souza",
    "email": "ana@exemplo.com",
    "dominio_email": "exemplo.com",
    "telefone": "11987654321",
    "produto_adquirido": "Notebook",
    "valor_da_compra": Decimal("100.00"),
    "desconto_oferecido": Decimal("0.1100"),
    "valor_com_desconto": Decimal("89.00"),
    "canal": "Redes Sociais",
    "plataforma_de_interacao": "Website",
    "campanha_de_marketing": "Campanha Verão",
    "vendedor": "Rita",
    "codigo_de_desconto_usado": "VERAO",
    "arquivo_de_origem": FILE,
    "linha_do_arquivo": 2,
}
MORE = {column.gold_name: column.default_value for column in schema.INPUT_COLUMNS if column.optional}
TWINS = {
    "turno_compra": (twin.turno, ["Timestamp do Registro"]),
    "nome_completo": (twin.nome_completo, ["Nome", "Sobrenome"]),
    "email": (twin.email, ["Email"]),
    "dominio_email": (twin.dominio_email, ["Email"]),
    "valor_com_desconto": (twin.valor_com_desconto, ["Valor da Compra", "Desconto Oferecido"]),
}
MISSING_NAMES = dict.fromkeys(("Nome", "Sobrenome", "Email"), schema.MISSING)


def silver(*rows):
    return pa.Table.from_pylist(list(rows), schema.arrow_schema(schema.SILVER_COLUMNS))


def test_a_sale_gets_its_business_columns():
    (row,) = to_gold(silver(silver_row())).to_pylist()
    assert list(row.items()) == [*GOLD_ROW.items(), *MORE.items(), ("ano", 2024)]


def test_gold_has_the_contracts_columns_and_types():
    assert to_gold(silver()).schema == to_gold(silver(silver_row())).schema == schema.arrow_schema(schema.GOLD_COLUMNS)


def test_one_row_in_one_row_out_even_where_rows_become_equal():
    rows = [silver_row(Nome="Ana Rita", Sobrenome="Souza"), silver_row(Nome="Ana", Sobrenome="Rita Souza")]
    assert to_gold(silver(*rows))["nome_completo"].to_pylist() == ["Ana Rita Souza"] * 2


def test_missing_names_and_email_stay_missing():
    (row,) = to_gold(silver(silver_row(**MISSING_NAMES))).to_pylist()
    assert [row[name] for name in ("nome_completo", "email", "dominio_email")] == [schema.MISSING] * 3


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "Timestamp do Registro": st.datetimes(datetime(1990, 1, 1), datetime(2100, 12, 31)),
                "Nome": st.sampled_from(["Ana", "José", schema.MISSING]),
                "Sobrenome": st.sampled_from(["Souza", "da Silva", schema.MISSING]),
                "Email": st.sampled_from(["A@B.c", "É@", "x", "a@b@C", schema.MISSING]),
                "Valor da Compra": st.decimals(0, 9999999999, places=2),
                "Desconto Oferecido": st.decimals(0, 1, places=4),
            }
        )
    ),
    st.integers(0, 5),
)
def test_gold_is_its_twin_however_silver_is_cut(sales, cut):
    table = silver(*(silver_row(**sale) for sale in sales))
    table = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    got = zip(*(to_gold(table)[name].to_pylist() for name in TWINS), strict=True)
    assert list(got) == [
        tuple(rule(*(sale[name] for name in names)) for rule, names in TWINS.values()) for sale in sales
    ]

from datetime import datetime
from decimal import Decimal
from random import Random

import pyarrow as pa
from hypothesis import given, strategies as st

from helpers import rules_twin as twin
from helpers.rows import FILE, silver_row
from helpers.rule_outcomes import A_BATCH, itself, outcomes, texts_array
from vendas import schema
from vendas.rules import gold
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


# --- the rules of its columns


def test_turno_of_every_hour():
    moments = [datetime(2024, 1, 1, hour, minute) for hour in range(24) for minute in (0, 59)]
    turnos = gold.turno(pa.array(moments, pa.timestamp("us"))).to_pylist()
    got = {f"{moment:%H:%M}": name for moment, name in zip(moments, turnos, strict=True)}
    assert got == {f"{moment:%H:%M}": twin.turno(moment) for moment in moments}


NAMES = [
    ("João", "da Silva", "João da Silva"),
    ("João", schema.MISSING, "João"),
    (schema.MISSING, "da Silva", "da Silva"),
    (schema.MISSING, schema.MISSING, schema.MISSING),
    ("ANONIMIZADO-0123456789ab", "ANONIMIZADO-0123456789ab", "ANONIMIZADO-0123456789ab"),
    ("ANONIMIZADO-0123456789ab", "ANONIMIZADO-ba9876543210", "ANONIMIZADO-0123456789ab ANONIMIZADO-ba9876543210"),
    ("ANONIMIZADO", "ANONIMIZADO", "ANONIMIZADO ANONIMIZADO"),
]


def test_nome_completo():
    nome, sobrenome, expected = zip(*NAMES, strict=True)
    assert gold.nome_completo(texts_array(nome), texts_array(sobrenome)).to_pylist() == [*expected]
    assert tuple(map(twin.nome_completo, nome, sobrenome)) == expected


EMAILS = [
    ("Ana@Correio.Example", "ana@correio.example", "correio.example"),
    ("a@b@C.example", "a@b@c.example", "c.example"),
    ("JOSÉ.ÇÃO@É.example", "josé.ção@é.example", "é.example"),
    ("İI@x.example", "i\u0307i@x.example", "x.example"),  # the dot of a Turkish İ becomes a separate character
    ("ΟΔΟΣ@ΣΟΣ", "οδος@σος", "σος"),  # a Σ at the end of a word becomes another letter
    (f"A@{schema.MISSING}", "a@não informado", "não informado"),
    ("ana@", "ana@", schema.MISSING),
    ("@", "@", schema.MISSING),
    ("@x.example", "@x.example", "x.example"),
    ("sem arroba", "sem arroba", schema.MISSING),
    ("ana@ x.example", "ana@ x.example", " x.example"),
    ("ana@b\nc@d", "ana@b\nc@d", "d"),
    (schema.MISSING, schema.MISSING, schema.MISSING),
    ("ANONIMIZADO-0123456789ab", "ANONIMIZADO-0123456789ab", schema.MISSING),
    ("ANONIMIZADO-0123456789AB", "anonimizado-0123456789ab", schema.MISSING),
]


def test_email_and_its_domain():
    texts = [text for text, _, _ in EMAILS]
    assert outcomes(texts, itself, gold.email, gold.dominio_email) == EMAILS
    lowered = [text for _, text, _ in EMAILS]
    assert outcomes(lowered, gold.dominio_email) == [(domain,) for _, _, domain in EMAILS]
    assert [(text, twin.email(text), twin.dominio_email(text)) for text in texts] == EMAILS


@A_BATCH
@given(st.lists(st.text(st.sampled_from("Aa@.ÉéİΣß") | st.characters(exclude_categories=["Cs"])), min_size=1))
def test_email_is_its_twin(texts):
    texts = [twin.clean_text(text, schema.MISSING) for text in texts]
    expected = [(twin.email(text), twin.dominio_email(text)) for text in texts]
    assert outcomes(texts, gold.email, gold.dominio_email) == expected


def test_valor_com_desconto_rounds_half_up():
    random = Random(3)
    sales = [("0.05", "0.1"), ("0.15", "0.1"), ("100", "1"), ("9999999999.99", "0"), ("9999999999.99", "0.0001")]
    sales = [(Decimal(valor), Decimal(desconto)) for valor, desconto in sales]
    sales += [(Decimal(random.randrange(10**8)) / 100, Decimal(random.randrange(10**4)) / 10**4) for _ in range(5000)]
    valor, desconto = (
        pa.array(values, kind)
        for values, kind in zip(
            zip(*sales, strict=True), schema.arrow_schema((schema.VALOR, schema.DESCONTO)).types, strict=True
        )
    )
    got = gold.valor_com_desconto(valor, desconto).to_pylist()
    assert got == [twin.valor_com_desconto(*sale) for sale in sales]
    assert got[:3] == [Decimal("0.05"), Decimal("0.14"), Decimal("0.00")]

"""Gold's rows as rows of the star, against literal rows; nothing here follows from the declaration."""

import hashlib

import pyarrow as pa

from helpers.star import SALE
from vendas import schema
from vendas.warehouse.star_rows import to_star


def star(*sales):
    rows = [{**SALE, "linha_do_arquivo": line, **sale} for line, sale in enumerate(sales, start=2)]
    gold = pa.Table.from_pylist(rows, schema.arrow_schema(schema.GOLD_COLUMNS))
    return {name: table.to_pylist() for name, table in to_star(gold).items()}


def key_of(*attributes):
    return int.from_bytes(hashlib.md5("\n".join(attributes).encode()).digest()[:8], "big", signed=True)


def test_the_fact_is_this():
    (fact,) = star({})["fato_vendas"]
    assert list(fact.items()) == [
        ("venda_id", f"{hashlib.md5(b'a.csv').hexdigest()[:16]}-2"),
        ("data_id", 20240229),
        ("cliente_id", key_of("Ana Souza", "ana@exemplo.com", "exemplo.com", "11 99999-0000")),
        ("produto_id", key_of("Tênis")),
        ("canal_id", key_of("Loja")),
        ("plataforma_id", key_of("Balcão")),
        ("campanha_id", key_of("Verão")),
        ("vendedor_id", key_of("Rui")),
        ("desconto_id", key_of("VERAO11", "0.1100")),
        ("timestamp_do_registro", SALE["timestamp_do_registro"]),
        ("ano", 2024),
        ("turno_compra", "Noite"),
        ("valor_da_compra", SALE["valor_da_compra"]),
        ("valor_com_desconto", SALE["valor_com_desconto"]),
        ("arquivo_de_origem", "a.csv"),
        ("linha_do_arquivo", 2),
    ]


def test_registros_are_golds_rows():
    assert star({}, {"canal": "Site"})["registros_vendas"] == [SALE, {**SALE, "linha_do_arquivo": 3, "canal": "Site"}]


def test_each_member_and_year_comes_once_with_its_attributes_alone():
    members = star({}, {}, {"canal": "Site", "ano": 2025})["membros_pendentes"]
    of_canal = [row for row in members if row["canal_id"] is not None]
    assert [{name: value for name, value in row.items() if value is not None} for row in of_canal] == [
        {"canal_id": key_of("Loja"), "canal": "Loja"},
        {"canal_id": key_of("Site"), "canal": "Site"},
    ]
    assert [row["ano"] for row in members if row["ano"] is not None] == [2024, 2025]
    others = len(schema.SALES.dimensions) - 1
    assert len(members) == others + 2 + 2  # the other dimensions have one member, canal and the years two

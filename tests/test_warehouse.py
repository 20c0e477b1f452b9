"""The warehouse with a real PostgreSQL: what a load leaves, what it never does, what its checks find."""

import hashlib
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings as hypothesis_settings, strategies as st

from helpers.star import (
    DIMENSIONS,
    HARD_TEXTS,
    PEND_AGAIN,
    PREVIEWED,
    SALE,
    TABLES,
    Warehouse,
    gold_file,
    make_outdated,
)
from helpers.workers import alone, workers_of
from vendas import resources, schema
from vendas.declared_names import RESERVED
from vendas.errors import CheckFailed, WarehouseError
from vendas.reports import dictionary
from vendas.tuning import WAREHOUSE_BATCH_ROWS
from vendas.warehouse import embedded, load as warehouse_load
from vendas.warehouse.postgresql import PostgreSQL
from vendas.warehouse.star import DEFAULTS, FACT_TABLE
from vendas.warehouse.star_rows import COLUMNS

TEXTS = [
    column.name for column in schema.GOLD_COLUMNS if column.type == "string" and column.name != "arquivo_de_origem"
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("warehouse")


@pytest.fixture(scope="module")
def endpoint(folder, engine):
    yield embedded.ensure_running(folder / "dw")
    embedded.stop(folder / "dw")


@pytest.fixture(scope="module")
def workers():
    return alone()


@pytest.fixture
def dw(workers, endpoint, folder):
    """Return an empty warehouse."""
    with psycopg.connect(endpoint.url) as connection:
        connection.execute("drop schema public cascade; create schema public")
    warehouse_load.apply_ddl(workers, endpoint)
    return Warehouse(workers, endpoint, folder / "área [1] {2} *?")


# --- tables


def test_every_word_that_the_database_reserves_is_known_as_reserved(endpoint):
    with psycopg.connect(endpoint.url) as connection:
        found = connection.execute("select word from pg_get_keywords() where catcode in ('R', 'T')").fetchall()
    assert found and {word for (word,) in found} <= RESERVED


def test_ddl_may_be_applied_again_and_again(dw, workers, endpoint):
    dw.load({})
    before = dw.everything()
    warehouse_load.apply_ddl(workers, endpoint)
    assert dw.everything() == before


def test_registros_vendas_has_golds_columns_described_as_in_the_schema(dw):
    described = dw.ask(
        "select attname, col_description(attrelid, attnum) from pg_attribute "
        "where attrelid = 'registros_vendas'::regclass and attnum > 0 order by attnum"
    )
    assert described == [(column.name, column.comment) for column in schema.GOLD_COLUMNS]


def test_fato_vendas_has_the_columns_of_its_rows_in_order(dw):
    columns = dw.ask(
        "select column_name from information_schema.columns where table_name = 'fato_vendas' order by ordinal_position"
    )
    assert [name for (name,) in columns] == COLUMNS[FACT_TABLE]  # which test_star_rows spells


def test_every_table_and_column_is_described_and_not_null(dw):
    lacking = dw.ask(
        "select relname, attname from pg_class join pg_attribute on attrelid = pg_class.oid and attnum > 0 "
        "where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm') "
        "and (obj_description(pg_class.oid) is null or col_description(attrelid, attnum) is null "
        "or relkind = 'r' and relname not like '%_pendentes' and not attnotnull)"
    )
    assert lacking == []


def test_the_dictionary_says_what_any_sql_client_says(dw):
    tables = dictionary.warehouse().tables
    # PostgreSQL has its own names for types, so create tables with the dictionary's types and compare its names for
    # them.
    for table in tables:
        columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
        dw.tell(f"create table as_told_{table.name} ({columns})")
    asked = (
        "select attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) from pg_attribute "
        "where attrelid = '{}'::regclass and attnum > 0 order by attnum"
    )
    for table in tables:
        types = [type for _, type, _ in dw.ask(asked.format(f"as_told_{table.name}"))]
        said = [(column.name, type, column.comment) for column, type in zip(table.columns, types, strict=True)]
        assert dw.ask(asked.format(table.name)) == said
    described = dw.ask(
        "select relname, obj_description(oid) from pg_class where relkind = 'r' "
        "and relnamespace = 'public'::regnamespace and relname not like 'as_told_%'"
    )
    assert sorted(described) == sorted((table.name, table.comment) for table in tables)


def test_keys_are_declared(dw):
    declared = dw.ask(
        "select conrelid::regclass::text, contype::text, count(*) from pg_constraint "
        "where connamespace = 'public'::regnamespace and contype in ('p', 'f') group by 1, 2"
    )
    keyed = [table for table in TABLES if table.startswith("dim_") or table in ("fato_vendas", "arquivos_carregados")]
    primary = [(table, "p", 1) for table in keyed]
    assert sorted(declared) == sorted([*primary, ("fato_vendas", "f", 8)])


# --- rows


def test_a_sale_arrives_exactly_in_registros_and_star(dw):
    assert dw.load({}) == {"a.csv": 1}
    assert dw.ask("select * from registros_vendas") == [tuple(SALE.values())]
    star = (
        "select data_id, nome_completo, email, dominio_email, telefone, produto_adquirido, canal, "
        "plataforma_de_interacao, campanha_de_marketing, vendedor, codigo_de_desconto_usado, desconto_oferecido, "
        "timestamp_do_registro, fato_vendas.ano, turno_compra, valor_da_compra, valor_com_desconto, arquivo_de_origem, "
        "linha_do_arquivo from fato_vendas natural join dim_cliente natural join dim_produto natural join dim_canal "
        "natural join dim_plataforma natural join dim_campanha natural join dim_vendedor natural join dim_desconto"
    )
    expected = (
        20240229, "Ana Souza", "ana@exemplo.com", "exemplo.com", "11 99999-0000", "Tênis", "Loja", "Balcão", "Verão",
        "Rui", "VERAO11", Decimal("0.1100"), SALE["timestamp_do_registro"], 2024, "Noite", Decimal("100.00"),
        Decimal("89.00"), "a.csv", 2,
    )  # fmt: skip
    assert dw.ask(star) == [expected]


def test_hard_texts_arrive_exactly(dw):
    dw.load(*({"produto_adquirido": text, "codigo_de_desconto_usado": text} for text in HARD_TEXTS))
    arrived = dw.ask("select produto_adquirido, codigo_de_desconto_usado from registros_vendas")
    assert sorted(arrived) == sorted((text, text) for text in HARD_TEXTS)


any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
any_sale = st.fixed_dictionaries(
    dict.fromkeys(TEXTS, any_text)
    | {
        "timestamp_do_registro": st.datetimes(datetime(1990, 1, 1), datetime(2100, 12, 31, 23, 59, 59)),
        "valor_da_compra": st.decimals(0, Decimal("9999999999.99"), places=2),
        "desconto_oferecido": st.decimals(0, 1, places=4),
    }
)


# Each example is a whole load, so use few examples with many sales each, and no shrinking.
@hypothesis_settings(max_examples=4, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(sales=st.lists(any_sale, min_size=20, max_size=40))
def test_any_sale_arrives_exactly(dw, sales):
    sales = [
        {**SALE, **sale, "linha_do_arquivo": line, "ano": sale["timestamp_do_registro"].year}
        for line, sale in enumerate(sales, start=2)
    ]
    dw.load(*sales)
    arrived = dw.ask("select * from registros_vendas")
    assert Counter(arrived) == Counter(tuple(sale.values()) for sale in sales)


def test_staged_rows_need_not_be_where_the_server_may_look(engine, workers, tmp_path):
    """If root starts the server, it runs as another user, who cannot read `tmp_path`."""
    tmp_path.chmod(0o700)
    with tempfile.TemporaryDirectory() as open_to_all:
        Path(open_to_all).chmod(0o755)
        endpoint = embedded.ensure_running(Path(open_to_all) / "dw")
        try:
            warehouse_load.apply_ddl(workers, endpoint)
            assert Warehouse(workers, endpoint, tmp_path / "staging").load({}) == {"a.csv": 1}
        finally:
            embedded.stop(Path(open_to_all) / "dw")


KEY_OF_FACT = "select count(*) from pg_constraint where conname = 'fato_vendas_pkey'"


@pytest.mark.parametrize("of_spark", [False, True], ids=["this process", "Spark"])
def test_parts_of_a_load_arrive_as_one(dw, endpoint, tmp_path, request, of_spark):
    """Gold's files are so large here that each is a part; both have a customer of the other."""
    workers = workers_of(request.getfixturevalue("spark")) if of_spark else dw.workers
    names = [["Ana", "Bia"], ["Bia", "Caio"], ["Ana", "Ana"]]
    sales = [
        [{**SALE, "linha_do_arquivo": 10 * part + line, "nome_completo": name} for line, name in enumerate(of_part)]
        for part, of_part in enumerate(names)
    ]
    gold = [replace(gold_file(tmp_path, rows), count=WAREHOUSE_BATCH_ROWS) for rows in sales]
    assert warehouse_load.load(workers, endpoint, gold, ["a.csv"], dw.staging) == {"a.csv": 6}
    joined = "select linha_do_arquivo, nome_completo from fato_vendas natural join dim_cliente order by 1"
    assert dw.ask(joined) == [(row["linha_do_arquivo"], row["nome_completo"]) for rows in sales for row in rows]
    assert dw.ask("select nome_completo from dim_cliente order by 1") == [("Ana",), ("Bia",), ("Caio",)]
    assert dw.unequal_sums() == [[], []]
    assert (dw.ask(KEY_OF_FACT), dw.staging.exists()) == ([(1,)], False)


def test_a_problem_in_one_part_loads_nothing(dw, workers, endpoint, tmp_path):
    sales = [SALE, {**SALE, "linha_do_arquivo": 3, "canal": None}, {**SALE, "linha_do_arquivo": 4}]
    gold = [replace(gold_file(tmp_path, [sale]), count=WAREHOUSE_BATCH_ROWS) for sale in sales]
    with pytest.raises(WarehouseError, match="without canal"):
        warehouse_load.load(workers, endpoint, gold, ["a.csv"], dw.staging)
    assert dw.ask("select count(*) from fato_vendas") == [(0,)]
    assert (dw.ask(KEY_OF_FACT), dw.staging.exists()) == ([(1,)], False)


@pytest.mark.parametrize(
    "uses",
    [
        "select * from fato_vendas",
        "create view por_venda as select venda_id, ano from fato_vendas group by venda_id",
    ],
    ids=["a reader", "a view"],
)
def test_the_first_load_does_without_what_an_empty_fact_is_used_for(dw, endpoint, uses):
    with psycopg.connect(endpoint.url, autocommit=uses.startswith("create")) as other:
        other.execute(uses)
        assert dw.load({}) == {"a.csv": 1}
    assert dw.ask(KEY_OF_FACT) == [(1,)]


def test_a_missing_value_is_refused_and_not_made_an_empty_text(dw):
    with pytest.raises(WarehouseError, match="gold holds a sale without produto_adquirido"):
        dw.load({"produto_adquirido": None})
    assert dw.ask("select count(*) from registros_vendas") == [(0,)]


def test_a_file_without_sales_is_recorded(dw, workers, endpoint):
    assert dw.load({}, files=["a.csv", "vazio.csv"]) == {"a.csv": 1, "vazio.csv": 0}
    assert warehouse_load.count_loaded_rows(workers, endpoint) == {"a.csv": 1, "vazio.csv": 0}


def test_a_load_without_any_sale_is_recorded(dw, workers, endpoint):
    assert warehouse_load.load(workers, endpoint, [], ["vazio.csv"], dw.staging) == {"vazio.csv": 0}


def test_loading_a_file_again_replaces_its_rows(dw, workers, endpoint):
    dw.load({}, {"canal": "Site"}, {"arquivo_de_origem": "b.csv"})
    assert dw.load({"canal": "Feira"}) == {"a.csv": 1}
    canais = "select canal from fato_vendas natural join dim_canal where arquivo_de_origem = 'a.csv'"
    assert dw.ask(canais) == [("Feira",)]
    assert warehouse_load.count_loaded_rows(workers, endpoint) == {"a.csv": 1, "b.csv": 1}


def test_loading_the_same_again_changes_no_sale(dw):
    dw.load({}, {}, {"canal": "Site"})
    before = dw.everything()
    dw.load({}, {}, {"canal": "Site"})
    assert {**dw.everything(), "arquivos_carregados": None} == {**before, "arquivos_carregados": None}


def test_a_preview_reads_what_was_loaded(dw):
    assert dw.preview() == PREVIEWED


def test_rows_of_a_file_that_was_not_named_are_left_out(dw):
    assert dw.load({"arquivo_de_origem": "b.csv"}, {}, files=["a.csv"]) == {"a.csv": 1}
    assert dw.ask("select arquivo_de_origem from registros_vendas") == [("a.csv",)]


def test_an_audit_that_raises_ends_the_load(dw, workers, endpoint, tmp_path):
    def refuse(held):
        raise ValueError(held)

    with pytest.raises(ValueError, match="'a.csv': 2, 'b.csv': 0"):
        gold = [gold_file(tmp_path, [SALE]), gold_file(tmp_path, [SALE])]
        warehouse_load.load(workers, endpoint, gold, ["a.csv", "b.csv"], dw.staging, audit=refuse)
    assert dw.ask("select count(*) from registros_vendas") == [(0,)] and not dw.staging.exists()


def test_sums_larger_than_any_value_are_exact(dw):
    value = Decimal("9999999999.99")
    dw.load(*[{"valor_da_compra": value, "valor_com_desconto": value}] * 20)
    assert dw.ask("select sum(valor_da_compra) from fato_vendas") == [(20 * value,)]


def test_equal_rows_are_sales_of_their_own(dw):
    dw.load({}, {}, {})
    assert dw.ask("select count(*), count(distinct venda_id) from fato_vendas") == [(3, 3)]


def test_texts_cannot_imitate_each_others_border(dw):
    dw.load({"canal": "a", "vendedor": "b|1:c"}, {"canal": "a|1:b", "vendedor": "c"})
    assert dw.ask("select count(distinct venda_id) from fato_vendas") == [(2,)]


def test_a_file_that_lost_its_sales_leaves_the_others_and_the_members(dw, workers, endpoint):
    dw.load({}, {"arquivo_de_origem": "b.csv", "canal": "Site"})
    dw.load(files=["b.csv"])
    assert warehouse_load.count_loaded_rows(workers, endpoint) == {"a.csv": 1, "b.csv": 0}
    assert dw.ask("select arquivo_de_origem from registros_vendas") == [("a.csv",)]
    assert dw.ask("select canal from dim_canal order by canal") == [("Loja",), ("Site",)]


def test_staging_never_stays(dw):
    dw.load({})
    with pytest.raises(WarehouseError):
        dw.load({"canal": None})
    assert not dw.staging.exists()


# --- star


def test_keys_never_change(dw):
    dw.load({"canal": "Site"}, {"canal": "Loja"})
    given_keys = dw.ask("select canal, canal_id from dim_canal")
    dw.load(files=["a.csv"])
    dw.load({"canal": "App", "arquivo_de_origem": "b.csv"}, {"canal": "Site", "arquivo_de_origem": "b.csv"})
    dw.load({"canal": "Site"}, {"canal": "Loja"})
    dw.rebuild({"canal": "Loja"}, {"canal": "Site"}, {"canal": "App"})
    assert sorted(dw.ask("select canal, canal_id from dim_canal")) == sorted([*given_keys, ("App", key_of("App"))])


def key_of(*attributes):
    return int.from_bytes(hashlib.md5("\n".join(attributes).encode()).digest()[:8], "big", signed=True)


def test_keys_are_the_published_hash_of_the_attributes(dw):
    dw.load({})
    keys = "select cliente_id, produto_id, desconto_id, venda_id from fato_vendas"
    cliente = key_of("Ana Souza", "ana@exemplo.com", "exemplo.com", "11 99999-0000")
    venda = f"{hashlib.md5(b'a.csv').hexdigest()[:16]}-2"
    assert dw.ask(keys) == [(cliente, key_of("Tênis"), key_of("VERAO11", "0.1100"), venda)]


@pytest.mark.parametrize("dimension", schema.SALES.dimensions, ids=lambda dimension: dimension.name)
def test_sql_computes_the_same_keys(dw, dimension):
    dw.load({}, *(dict.fromkeys(TEXTS, text) for text in HARD_TEXTS if text == text.strip() and "\n" not in text))
    joined = " || chr(10) || ".join(f"cast({name} as text)" for name in dimension.attributes)
    hashed = f"('x' || substr(md5({joined}), 1, 16))::bit(64)::bigint"
    assert dw.ask(f"select {dimension.key}, {hashed} from {dimension.table} where {dimension.key} <> {hashed}") == []


def test_members_are_told_apart_by_the_whole_key(dw):
    dw.load({}, {"telefone": "outro"}, {"desconto_oferecido": Decimal("0.1200")})
    members = [len(dw.ask(f"select * from dim_{name}")) for name in ("cliente", "desconto", "canal")]
    assert members == [2, 2, 1]


def test_the_calendar_spans_whole_years_and_grows_both_ways(dw):
    dw.load({})
    dw.load({"arquivo_de_origem": "b.csv", "timestamp_do_registro": datetime(2026, 5, 1), "ano": 2026})
    dw.load({"arquivo_de_origem": "c.csv", "timestamp_do_registro": datetime(2022, 5, 1), "ano": 2022})
    span = dw.ask("select min(data), max(data), count(*) from dim_data")
    assert span == [(date(2022, 1, 1), date(2026, 12, 31), 1826)]


def test_the_calendar_may_span_all_years_of_the_contract(dw):
    first, last = ({"timestamp_do_registro": datetime(year, 1, 1), "ano": year} for year in (1990, 2100))
    dw.load(first, last)
    assert dw.ask("select count(*) from dim_data") == [((date(2101, 1, 1) - date(1990, 1, 1)).days,)]


def test_a_day_has_its_names(dw):
    dw.load({})
    assert dw.ask("select * from dim_data where data_id in (20240302, 20240701) order by 1") == [
        (20240302, date(2024, 3, 2), 2024, 1, 1, 3, "março", 2, "sábado", True),
        (20240701, date(2024, 7, 1), 2024, 2, 3, 7, "julho", 1, "segunda-feira", False),
    ]


def test_a_load_leaves_no_pending_members(dw):
    dw.load({}, {"canal": "Site"})
    assert dw.ask("select count(*) from membros_pendentes") == [(0,)]


def test_whoever_calls_the_procedure_adds_the_pending_members_to_the_star(dw):
    dw.load({}, {"canal": "Site"})
    before = dw.everything()
    dw.tell(PEND_AGAIN, "delete from dim_canal", "delete from dim_data", "call refresh_star()")
    dw.tell("truncate membros_pendentes")
    assert dw.everything() == before


def test_a_refresh_waits_for_a_load(dw, endpoint):
    dw.load({})
    with psycopg.connect(endpoint.url) as load:
        load.execute(PostgreSQL.lock_loads)
        refresh = threading.Thread(target=warehouse_load.refresh, args=(endpoint,))
        refresh.start()
        waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        while dw.ask(waits) == [(0,)] and refresh.is_alive():
            pass
        assert dw.ask(waits) == [(1,)]
    refresh.join()


def test_a_refresh_of_a_warehouse_without_tables_leaves_it_without(dw, endpoint):
    dw.tell("drop schema public cascade", "create schema public")
    warehouse_load.refresh(endpoint)
    assert dw.ask("select count(*) from pg_tables where schemaname = 'public'") == [(0,)]


def test_a_refresh_that_is_refused_is_explained(dw, endpoint):
    dw.tell("drop procedure refresh_star")
    with pytest.raises(WarehouseError, match="(?s)127.0.0.1.*refresh_star.*Nothing was changed"):
        warehouse_load.refresh(endpoint)


def test_a_refresh_of_an_unreachable_warehouse_is_explained():
    with pytest.raises(WarehouseError, match="127.0.0.1:1.*refused"):
        warehouse_load.refresh(embedded.Endpoint(port=1, password=""))


def test_a_refresh_with_nothing_to_do_writes_nothing(dw, endpoint):
    dw.load({})
    versions = [f"select xmin::text, ctid::text from {table}" for table in TABLES]
    before = [dw.ask(query) for query in versions]
    warehouse_load.refresh(endpoint)
    assert [dw.ask(query) for query in versions] == before


def test_a_small_load_reads_few_clients_of_many(dw):
    def read_when_there_are(clients):
        """Return the rows of dim_cliente read so far; the server counts a session's rows once the session has ended."""
        asked = "select n_tup_ins, seq_tup_read + idx_tup_fetch from pg_stat_user_tables where relname = 'dim_cliente'"
        until = time.monotonic() + 30
        while (told := dw.ask(asked)[0])[0] != clients and time.monotonic() < until:
            pass
        assert told[0] == clients
        return told[1]

    many = warehouse_load.LARGE_LOAD_ROWS
    dw.load(*({"email": f"{number}@exemplo.com"} for number in range(many)))
    before = read_when_there_are(many)
    dw.load({"email": "nova@exemplo.com", "arquivo_de_origem": "b.csv"})
    assert read_when_there_are(many + 1) - before < 10


# --- sums

few = st.fixed_dictionaries(
    {
        "timestamp_do_registro": st.sampled_from([datetime(2024, 1, 31, 9), datetime(2024, 2, 1, 9)]),
        "turno_compra": st.sampled_from(["Manhã", "Noite"]),
        "canal": st.sampled_from(["Loja", "Site"]),
        "produto_adquirido": st.sampled_from(["Tênis", "Bola"]),
        "vendedor": st.sampled_from(["Rui", "Ana"]),
        "valor_da_compra": st.sampled_from([Decimal("0.00"), Decimal("0.01"), Decimal("9999999999.99")]),
    }
)
file_sales = st.dictionaries(st.sampled_from(["a.csv", "b.csv", "c.csv"]), st.lists(few, max_size=4), min_size=1)
steps = st.lists(st.tuples(st.sampled_from(["load", "load", "load", "rebuild"]), file_sales), min_size=3, max_size=5)


@hypothesis_settings(max_examples=6, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(steps=steps)
def test_whatever_is_loaded_replaced_undone_or_rebuilt_sums_are_those_of_the_fact(dw, steps):
    for how, files in steps:
        sales = [sale | {"arquivo_de_origem": file} for file in files for sale in files[file]]
        dw.load(*sales, files=list(files), how=getattr(warehouse_load, how))
        assert dw.unequal_sums() == [[], []]


def test_a_cell_that_lost_all_its_sales_is_gone(dw):
    dw.load({}, {"arquivo_de_origem": "b.csv", "canal": "Site"})
    dw.load(files=["a.csv", "b.csv"])
    assert [dw.ask(f"select * from {table}") for table in ("vendas_por_dia", "vendas_por_mes")] == [[], []]


def test_a_load_leaves_no_pending_sums(dw):
    dw.load({}, {"canal": "Site"})
    dw.load({})
    assert dw.ask("select count(*) from somas_pendentes") == [(0,)]


def test_a_refresh_adds_pending_sums_once(dw, endpoint):
    dw.load({})
    dw.tell(
        "insert into somas_pendentes select *, null, null, null, 1, 2, 3 from (select 20240301, 7, 'Noite') as celula"
    )
    warehouse_load.refresh(endpoint)
    warehouse_load.refresh(endpoint)
    found = "select vendas, valor_da_compra, valor_com_desconto from vendas_por_dia where canal_id = 7"
    assert dw.ask(found) == [(1, Decimal(2), Decimal(3))]


def test_a_warehouse_without_sums_gets_them_from_the_load_that_fills_it(dw):
    dw.load({}, {"canal": "Site"}, files=["a.csv", "vazio.csv"])
    dw.tell(
        "drop table vendas_por_dia, vendas_por_mes, somas_pendentes",
        *(f"alter table arquivos_carregados drop column {name}" for name in schema.SALES.measures),
    )
    assert not warehouse_load.is_as_declared(dw.endpoint)
    dw.load({}, {"canal": "Site"})
    assert dw.unequal_sums() == [[], []]
    assert warehouse_load.is_as_declared(dw.endpoint)
    held = dw.ask("select arquivo_de_origem, linhas, valor_da_compra from arquivos_carregados order by 1")
    assert held == [("a.csv", 2, Decimal(200)), ("vazio.csv", 0, Decimal(0))]


@pytest.mark.parametrize(
    ("tampered", "said"),
    [
        ("update vendas_por_dia set vendas = vendas + 1", "days_equal_files.*vendas_somadas=3"),
        ("delete from vendas_por_mes where dimensao = 'produto'", "months_equal_days.*dimensao=produto"),
    ],
)
def test_sums_that_are_not_the_facts_end_the_next_load(dw, tampered, said):
    dw.load({})
    dw.tell(tampered)
    before = dw.everything()
    with pytest.raises(CheckFailed, match=f"(?s){said}"):
        dw.load({"arquivo_de_origem": "b.csv"})
    assert dw.everything() == before


# --- checks

(FACTS_OF_LOAD,) = warehouse_load.sql_files("facts").values()
CHECKS = sorted((resources.folder("sql") / "checks").rglob("*.sql"))

DEFECTS = {
    "registros_equal_gold": "delete from registros_vendas where canal = 'Site'",
    "fact_equals_gold": "update fato_vendas set valor_com_desconto = valor_com_desconto + 0.01 "
    f"where canal_id = {key_of('Site')}",
    "one_fact_per_sale": "alter table fato_vendas drop constraint fato_vendas_pkey; "
    "insert into fato_vendas select * from fato_vendas",
    "no_orphan_key": "delete from dim_vendedor",
    "days_hold_the_load": "update vendas_por_dia set turno_compra = 'Tarde'",
    "days_equal_files": "update vendas_por_dia set valor_da_compra = valor_da_compra + 0.01",
    "months_equal_days": "update vendas_por_mes set membro_id = -1, dimensao = 'produto' where dimensao = 'vendedor'",
    "one_member_per_key": "update dim_canal set canal = 'outro'",
    "one_row_per_member": "alter table dim_canal drop constraint dim_canal_pkey cascade; "
    "insert into dim_canal select * from dim_canal",
}


def test_every_check_has_its_defect():
    assert {file.stem for file in CHECKS} == set(DEFECTS)


def found_by(dw, check, defect):
    """Return what a check finds in a load of two sales before and after a defect is planted."""
    dw.load({}, {"canal": "Site"})
    query = next(file for file in CHECKS if file.stem == check).read_text(encoding="utf-8")
    with psycopg.connect(dw.endpoint.url) as connection:
        connection.execute(warehouse_load.CREATE_FILES_OF_LOAD)
        connection.execute("insert into arquivos_da_carga values ('a.csv', 2, 200, 178)")
        connection.execute(PEND_AGAIN)
        connection.execute(FACTS_OF_LOAD)
        before = connection.execute(query).fetchall()
        connection.execute(f"{defect}; drop table fatos_da_carga; {FACTS_OF_LOAD}")
        return before, connection.execute(query).fetchall()


@pytest.mark.parametrize("check", DEFECTS)
def test_a_check_selects_its_defect_and_nothing_else(dw, check):
    before, after = found_by(dw, check, DEFECTS[check])
    assert before == []
    assert after != []


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_an_orphan_is_seen_in_every_dimension(dw, dimension):
    _, after = found_by(dw, "no_orphan_key", f"update fato_vendas set {dimension}_id = -1")
    lacking = [sum(counts) for _, _, _, _, *counts in after]  # behind the file and the cell
    assert sum(lacking) == 2


@pytest.mark.parametrize(
    ("dimension", "attribute"),
    [(dimension, name) for dimension in schema.SALES.dimensions for name in dimension.attributes],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_key_of_another_member_is_seen_in_every_attribute(dw, dimension, attribute):
    other = "0.5" if attribute == "desconto_oferecido" else "'outro'"
    _, after = found_by(dw, "one_member_per_key", f"update {dimension.table} set {attribute} = {other}")
    assert {table for table, _ in after} == {dimension.table}


def test_a_collision_of_keys_ends_the_load_by_a_check(dw):
    """Another member already has the key that a new member's attributes hash to."""
    dw.load({})
    dw.tell("delete from fato_vendas", f"insert into dim_canal values ({key_of('Site')}, 'outro canal')")
    before = dw.everything()
    with pytest.raises(CheckFailed, match="(?s)one_member_per_key.*dimensao=dim_canal"):
        dw.load({"canal": "Site", "arquivo_de_origem": "b.csv"})
    assert dw.everything() == before


def test_two_members_of_one_load_with_one_key_are_seen(dw):
    one_key = f"update membros_pendentes set canal_id = {key_of('Site')} where canal is not null"
    _, after = found_by(dw, "one_member_per_key", f"delete from dim_canal; {one_key}; call refresh_star()")
    assert after == [("dim_canal", key_of("Site"))]


@pytest.fixture
def spoiled(dw):
    """Return a warehouse in which a trigger sets valor_da_compra of every new fact to 1."""
    dw.load({})
    dw.tell(
        "create function spoil() returns trigger language plpgsql as "
        "$$ begin new.valor_da_compra := 1; return new; end $$",
        "create trigger spoil before insert on fato_vendas for each row execute function spoil()",
    )
    return dw


def test_a_failed_check_names_itself_and_rows_and_changes_nothing(spoiled):
    before = spoiled.everything()
    with pytest.raises(CheckFailed, match="(?s)fact_equals_gold.*=b.csv.*valor_da_compra_em_fatos=1.00"):
        spoiled.load({"canal": "Feira"}, {"canal": "Nova", "arquivo_de_origem": "b.csv"})
    assert spoiled.everything() == before


# --- tables of an older version


def test_tables_of_an_older_version_are_made_anew_by_the_load_that_fills_them(dw):
    dw.load({}, {"canal": "Site"})
    make_outdated(dw)
    warehouse_load.apply_ddl(dw.workers, dw.endpoint)
    assert warehouse_load.count_loaded_rows(dw.workers, dw.endpoint) == {}
    assert dw.load({"canal": "Site"}, {"canal": "Feira"}) == {"a.csv": 2}
    facts = "select venda_id, linha_do_arquivo, canal from fato_vendas natural join dim_canal order by 2"
    assert dw.ask(facts) == [
        (f"{hashlib.md5(b'a.csv').hexdigest()[:16]}-2", 2, "Site"),
        (f"{hashlib.md5(b'a.csv').hexdigest()[:16]}-3", 3, "Feira"),
    ]
    fresh = dw.everything() | {
        "arquivos_carregados": dw.ask("select arquivo_de_origem, linhas from arquivos_carregados")
    }
    dw.tell("drop schema public cascade", "create schema public")
    warehouse_load.apply_ddl(dw.workers, dw.endpoint)
    dw.load({"canal": "Site"}, {"canal": "Feira"})
    assert fresh == dw.everything() | {"arquivos_carregados": [("a.csv", 2)]}
    left = "select proname from pg_proc where pronamespace = 'public'::regnamespace order by 1"
    assert dw.ask(left) == [("refresh_dim_data",), ("refresh_star",)]


def test_a_warehouse_that_was_loaded_with_other_defaults_is_made_anew_by_the_next_load(dw):
    dw.load({"canal": "NENHUM"})
    before = dw.everything()
    dw.tell(f"comment on table registros_vendas is 'Vendas{DEFAULTS}NENHUM em canal'")
    warehouse_load.apply_ddl(dw.workers, dw.endpoint)
    assert warehouse_load.count_loaded_rows(dw.workers, dw.endpoint) == {}
    assert dw.everything() == before
    dw.load({"canal": "NÃO INFORMADO"})
    assert dw.ask("select canal from dim_canal") == [("NÃO INFORMADO",)]
    assert warehouse_load.count_loaded_rows(dw.workers, dw.endpoint) == {"a.csv": 1}


def test_a_text_that_is_longer_than_declared_now_says_what_to_do(dw):
    with pytest.raises(WarehouseError, match="longer text than its column's declared max_bytes: declare it wider"):
        dw.load({"canal": "x" * 1001})


def test_a_dimension_that_is_declared_no_more_goes_and_an_analysts_own_table_stays(dw):
    dw.load({})
    dw.tell(
        "create table dim_pagamento (pagamento_id bigint)",
        "create view dim_pagamento_mascarada as select * from dim_pagamento",
        "alter table fato_vendas add column pagamento_id bigint",
        "create table dim_loja (loja text)",
        "insert into dim_loja values ('Centro')",
    )
    dw.load({})
    assert dw.ask("select loja from dim_loja") == [("Centro",)]
    dimensions = dw.ask("select relname from pg_class where relname like 'dim\\_%' and relkind in ('r', 'v')")
    declared = {f"dim_{name}" for name in DIMENSIONS}
    assert {name for (name,) in dimensions} == {*declared, "dim_cliente_mascarada", "dim_loja"}
    dw.tell("drop table dim_loja")


def test_a_refused_load_leaves_the_tables_of_an_older_version(dw):
    dw.load({})
    make_outdated(dw)
    before = dw.everything()
    with pytest.raises(WarehouseError, match="without linha_do_arquivo"):
        dw.load({"linha_do_arquivo": None})
    assert dw.everything() == before


# --- transactions


def test_a_reader_polling_through_loads_and_a_rebuild_sees_all_or_nothing(dw):
    seen, done = set(), threading.Event()
    states = (
        "select (select count(*) from registros_vendas), (select count(*) from fato_vendas), "
        "(select count(*) from dim_canal), (select coalesce(sum(valor_da_compra), 0) from fato_vendas)"
    )

    def poll():
        with psycopg.connect(dw.endpoint.url, autocommit=True) as connection:
            while not done.is_set():
                seen.add(connection.execute(states).fetchone())

    reader = threading.Thread(target=poll)
    reader.start()
    dw.load(*({"canal": str(n)} for n in range(100)))
    dw.load(*({"canal": str(n)} for n in range(50)))
    dw.rebuild(*({"canal": str(n), "arquivo_de_origem": f"{n % 3}.csv"} for n in range(70)))
    done.set()
    reader.join()
    assert seen <= {(0, 0, 0, 0), (100, 100, 100, 10000), (50, 50, 100, 5000), (70, 70, 70, 7000)}
    assert len(seen) > 1


def test_a_rebuilt_warehouse_is_the_same(dw):
    sales = [{}, {"canal": "Site"}, {"arquivo_de_origem": "b.csv"}]
    dw.load(*sales)
    before = {table: rows for table, rows in dw.everything().items() if table != "arquivos_carregados"}
    dw.rebuild(*sales)
    assert {table: rows for table, rows in dw.everything().items() if table in before} == before


def test_a_rebuild_leaves_nothing_of_what_gold_does_not_hold(dw, workers, endpoint):
    dw.load({}, {"arquivo_de_origem": "b.csv"})
    dw.rebuild({})
    assert warehouse_load.count_loaded_rows(workers, endpoint) == {"a.csv": 1}
    assert [dw.ask(f"select count(*) from {table}") for table in ("registros_vendas", "fato_vendas")] == [[(1,)]] * 2


def test_a_refused_rebuild_leaves_the_old_warehouse(spoiled):
    before = spoiled.everything()
    with pytest.raises(CheckFailed, match="fact_equals_gold"):
        spoiled.rebuild({"arquivo_de_origem": "b.csv"})
    assert spoiled.everything() == before


def test_concurrent_loads_wait_for_each_other(dw, workers, endpoint):
    files = ["a.csv", "b.csv", "c.csv"]
    loads = [threading.Thread(target=dw.load, args=({"arquivo_de_origem": file, "canal": file},)) for file in files]
    for load in loads:
        load.start()
    for load in loads:
        load.join()
    assert warehouse_load.count_loaded_rows(workers, endpoint) == dict.fromkeys(files, 1)
    assert sorted(dw.ask("select canal from dim_canal")) == [(file,) for file in files]


def test_an_unreachable_warehouse_is_explained(workers):
    with pytest.raises(WarehouseError, match="127.0.0.1:1.*refused"):
        warehouse_load.count_loaded_rows(workers, embedded.Endpoint(port=1, password=""))

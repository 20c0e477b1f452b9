"""The warehouse on the double of Redshift, with the real driver: loads, refusals, retries."""

import json
from dataclasses import replace
from decimal import Decimal

import boto3
import pytest

from helpers import certificates
from helpers.inprocess import run_notebook
from helpers.star import PREVIEWED, SALE, Warehouse, make_outdated
from helpers.workers import alone, workers_of
from vendas import resources
from vendas.errors import CheckFailed, SettingsError, WarehouseConflict, WarehouseError
from vendas.lake.ledger import read_events
from vendas.lake.tables import GOLD_TABLE, Lake
from vendas.reports import exploration
from vendas.settings import load_settings
from vendas.storage import location
from vendas.warehouse import embedded, load, transactions
from vendas.warehouse.endpoint import RedshiftEndpoint
from vendas.warehouse.redshift import Redshift
from vendas.warehouse.transactions import in_transaction, run_alone, transaction

COPY_ROLE = "arn:aws:iam::123456789012:role/copy"


# --- rows


def test_a_sale_arrives_exactly_and_again_and_is_rebuilt(redshift):
    texts = {"produto_adquirido": ' a\n"b"\\\',;|€🛍️', "codigo_de_desconto_usado": "NULL", "telefone": ""}
    sales = [{}, {}, {"canal": "Site", "arquivo_de_origem": "b.csv"}, texts]
    assert redshift.load(*sales) == {"a.csv": 3, "b.csv": 1}
    arrived = redshift.ask("select * from registros_vendas")
    sent = [tuple((SALE | {"linha_do_arquivo": line} | sale).values()) for line, sale in enumerate(sales, start=2)]
    assert sorted(arrived, key=str) == sorted(sent, key=str)
    before = redshift.everything() | {"arquivos_carregados": None}
    redshift.load(*sales)
    assert redshift.everything() | {"arquivos_carregados": None} == before
    redshift.rebuild(*sales)
    assert redshift.everything() | {"arquivos_carregados": None} == before


def test_sums_are_those_of_the_fact_whatever_is_replaced_undone_or_rebuilt(redshift):
    redshift.load({}, {"canal": "Site"}, {"arquivo_de_origem": "b.csv"})
    redshift.load({"canal": "Feira"}, {"arquivo_de_origem": "c.csv"})
    redshift.load(files=["b.csv"])
    assert redshift.unequal_sums() == [[], []]
    redshift.rebuild({}, {"arquivo_de_origem": "b.csv", "vendedor": "Ana"})
    assert redshift.unequal_sums() == [[], []]
    assert redshift.ask("select count(*), sum(vendas) from vendas_por_dia") == [(1, 2)]


@pytest.fixture
def postgresql(tmp_path, engine):
    endpoint = embedded.ensure_running(tmp_path / "dw")
    load.apply_ddl(alone(), endpoint)
    yield Warehouse(alone(), endpoint, tmp_path / "staging")
    embedded.stop(tmp_path / "dw")


def test_the_star_is_postgresqls_row_by_row_and_key_by_key(redshift, postgresql, real_lake):
    lake, _ = real_lake
    files = sorted({event.arquivo for event in read_events(lake)})
    gold = Lake(lake, alone()).files_of(GOLD_TABLE, files)
    held = []
    for dw in (redshift, postgresql):
        load.load(dw.workers, dw.endpoint, gold, files, dw.staging)
        held.append(dw.everything())
        held[-1]["arquivos_carregados"] = [row[:2] for row in held[-1]["arquivos_carregados"]]  # not when
    assert held[0] == held[1]
    assert len(held[0]["fato_vendas"]) >= 70


def test_a_load_without_any_sale_is_recorded_and_staging_is_emptied(redshift, bucket):
    assert redshift.load({}, files=["a.csv", "vazio.csv"]) == {"a.csv": 1, "vazio.csv": 0}
    assert redshift.load(files=["a.csv"]) == {"a.csv": 0}
    assert load.count_loaded_rows(redshift.workers, redshift.endpoint) == {"a.csv": 0, "vazio.csv": 0}
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix="staging/carga/")


def test_tables_of_an_older_version_are_made_anew_by_the_load_that_fills_them(redshift):
    redshift.load({}, {"canal": "Site"})
    make_outdated(redshift)
    load.apply_ddl(redshift.workers, redshift.endpoint)
    assert redshift.load({"canal": "Feira"}) == {"a.csv": 1}
    assert redshift.ask("select linha_do_arquivo, canal from fato_vendas natural join dim_canal") == [(2, "Feira")]


# --- nothing changes when anything fails


@pytest.fixture
def loaded(redshift):
    redshift.load({})
    return redshift


def test_a_failed_check_rolls_back(loaded):
    loaded.tell(
        "create function spoil() returns trigger language plpgsql as "
        "$$ begin new.valor_da_compra := 1; return new; end $$",
        "create trigger spoil before insert on fato_vendas for each row execute function spoil()",
    )
    before = loaded.everything()
    with pytest.raises(CheckFailed, match=r"(?s)fact_equals_gold.*valor_da_compra_em_fatos=1\.00"):
        loaded.load({"canal": "Nova", "arquivo_de_origem": "b.csv"})
    assert loaded.everything() == before


def test_a_failed_copy_rolls_back(loaded):
    before = loaded.everything()
    other = Warehouse(loaded.workers, replace(loaded.endpoint, copy_role="copy"), loaded.staging, loaded.behind)
    with pytest.raises(WarehouseError, match="(?s)Invalid AWS IAM role ARN.*Nothing was changed"):
        other.load({"canal": "Nova"})
    assert loaded.everything() == before


def test_a_staged_file_that_is_lost_fails_the_load(loaded, monkeypatch):
    def lose_one(transaction, table, columns, files):
        location(files[0].path).unlink()
        copy(transaction, table, columns, files)

    copy = Redshift.copy
    monkeypatch.setattr(Redshift, "copy", staticmethod(lose_one))
    before = loaded.everything()
    with pytest.raises(WarehouseError, match="The specified key does not exist"):
        loaded.load({"canal": "Nova"}, {"canal": "Site"})
    assert loaded.everything() == before


def test_a_text_of_too_many_bytes_is_named_before_anything_is_sent(loaded, double):
    double.seen.clear()
    with pytest.raises(WarehouseError) as error:
        loaded.load({}, {"produto_adquirido": "é" * 501, "arquivo_de_origem": "b.csv"})
    said = f"registros_vendas.produto_adquirido takes 1000 bytes, and b.csv has a text of 1002: '{'é' * 60}'…"
    assert str(error.value).startswith(said)
    assert not any(statement.startswith("copy ") for statement in double.seen)


def test_redshift_itself_counts_bytes_too(loaded, monkeypatch):
    monkeypatch.setattr(Redshift, "limits", staticmethod(lambda *_: {}))
    with pytest.raises(WarehouseError, match="Value too long for character type"):
        loaded.load({"produto_adquirido": "é" * 501})
    assert loaded.ask("select produto_adquirido from registros_vendas") == [("Tênis",)]


def test_a_conflict_with_another_transaction_is_tried_again(loaded, double, monkeypatch):
    monkeypatch.setattr(transactions, "WAREHOUSE_CONFLICT_PAUSES", (0, 0))
    double.conflicts = 2
    assert loaded.load({"canal": "Site"}) == {"a.csv": 1}
    assert loaded.ask("select canal from fato_vendas natural join dim_canal") == [("Site",)]
    double.conflicts = 3
    with pytest.raises(WarehouseConflict, match="(?s)1023.*Serializable isolation violation.*happened 3 times"):
        loaded.load({"canal": "Feira"})
    assert loaded.ask("select canal from fato_vendas natural join dim_canal") == [("Site",)]


def test_staging_that_is_not_on_s3_is_refused(loaded, tmp_path):
    with pytest.raises(WarehouseError, match="(?s)Redshift loads from S3 only.*VENDAS_LAKE=s3"):
        Warehouse(loaded.workers, loaded.endpoint, tmp_path, loaded.behind).load({})


def test_a_vacuum_runs_alone_as_it_wants(loaded, double):
    vacuum = "vacuum delete only dim_canal to 100 percent"
    run_alone(loaded.workers, loaded.endpoint, vacuum)
    assert vacuum in double.seen
    with pytest.raises(WarehouseError, match="(?s)cannot run inside a transaction.*Nothing was changed"):
        in_transaction(loaded.workers, loaded.endpoint, lambda opened: opened.run(vacuum))


# --- keys are declared but not enforced: the checks find violations


@pytest.mark.parametrize(
    ("check", "defect"),
    [
        ("redshift/one_fact_per_sale", "insert into fato_vendas select * from fato_vendas"),
        ("redshift/one_row_per_member", "insert into dim_canal select * from dim_canal"),
        ("no_orphan_key", "delete from dim_vendedor"),
    ],
)
def test_what_keys_let_through_the_checks_find(redshift, check, defect):
    query = (resources.folder("sql") / "checks" / f"{check}.sql").read_text(encoding="utf-8")
    redshift.load({})
    facts = load.sql_files("facts").values()
    with transaction(redshift.workers, redshift.endpoint) as opened:
        opened.run(load.CREATE_FILES_OF_LOAD)
        opened.insert("arquivos_da_carga", [("a.csv", 1, Decimal(100), Decimal(89))])
        opened.run(*facts)
        before = opened.rows(query)
        opened.run(defect, "drop table fatos_da_carga", *facts)
        after = opened.rows(query)
        opened.run("drop table arquivos_da_carga", "drop table fatos_da_carga")
    assert (before, len(after) > 0) == ([], True)


# --- queries


def test_the_exploration_asks_redshift(redshift, double, bucket, monkeypatch):
    redshift.load({}, {"canal": "Site", "nome_completo": "a\\'b"})
    at = double.endpoint
    held = {"host": at.host, "port": at.port, "dbname": at.database, "username": at.user, "password": at.password}
    boto3.client("secretsmanager").create_secret(
        Name="vendas/exploracao", SecretString=json.dumps({**held, "sslrootcert": at.root_certificate})
    )
    monkeypatch.setenv("VENDAS_REDSHIFT_SECRET", "vendas/exploracao")
    monkeypatch.setenv("VENDAS_REDSHIFT_COPY_ROLE", COPY_ROLE)
    double.seen.clear()
    assert run_notebook("05_exploracao", lake=f"s3://{bucket}", run_id="r1").read == 2
    assert len([statement for statement in double.seen if "vendas_por_" in statement]) == 10


def asked(endpoint, query="select count(*) as n from fato_vendas"):
    """Return the rows of an analyst's query."""
    return exploration.ask(exploration.connect(endpoint), query).values.tolist()


def test_a_preview_reads_from_redshift_what_it_reads_from_postgresql(redshift):
    assert redshift.preview() == PREVIEWED


def test_a_question_may_hold_percent_signs_colons_and_backslashes(redshift):
    redshift.load({"canal": "100%"}, {"canal": "a\\b"})
    assert asked(redshift.endpoint, "select canal from dim_canal where canal = 'a\\\\b'") == [["a\\b"]]
    assert asked(redshift.endpoint, "select canal from dim_canal where canal like '1%'") == [["100%"]]


def test_sums_of_money_stay_decimals(redshift):
    redshift.load({})
    question = "select sum(valor_da_compra), max(timestamp_do_registro) from fato_vendas"
    assert asked(redshift.endpoint, question) == [[Decimal("100.00"), SALE["timestamp_do_registro"]]]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (lambda _: {"password": "wrong"}, 'password authentication failed for user "vendas"'),
        (lambda _: {"host": "localhost"}, "localhost"),
        (lambda folder: {"root_certificate": str(certificates.make(folder)[0])}, "certificate verify failed"),
        (lambda _: {"port": 1}, "refused"),
    ],
    ids=["password", "name", "certificate", "port"],
)
def test_an_exploration_that_cannot_log_in_says_why(redshift, tmp_path, other, said):
    with pytest.raises(WarehouseError, match=said) as error:
        asked(replace(redshift.endpoint, **other(tmp_path)))
    assert redshift.endpoint.password not in str(error.value) + repr(exploration.connect(redshift.endpoint))
    assert str(error.value).startswith("The warehouse at jdbc:redshift://") and "{" not in str(error.value)


def test_a_question_that_redshift_refuses_says_why(redshift):
    with pytest.raises(WarehouseError, match=r'refused the query: relation "nada" does not exist\n'):
        asked(redshift.endpoint, "select * from nada")


def test_without_its_driver_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(exploration, "find_spec", lambda name: None)
    with pytest.raises(WarehouseError, match=r"pip install 'vendas\[redshift\]'"):
        exploration.connect(RedshiftEndpoint(port=1, password=""))


# --- the connection


def test_the_secret_and_the_role_name_the_endpoint(aws):
    held = {"host": "dw.example", "port": 5439, "dbname": "vendas", "username": "carga", "password": "s3cret"}
    boto3.client("secretsmanager").create_secret(Name="vendas/dw", SecretString=json.dumps(held))
    settings = load_settings(lake="s3://lago", redshift_secret="vendas/dw", redshift_copy_role=COPY_ROLE)
    expected = RedshiftEndpoint(5439, "s3cret", "dw.example", "vendas", "carga", copy_role=COPY_ROLE)
    assert load.endpoint_of(settings) == expected
    assert "s3cret" not in repr(expected)


@pytest.mark.parametrize(
    ("secret", "said"),
    [(None, "cannot be read.*ResourceNotFound"), ("{}", "KeyError: 'host'"), ("x", "JSONDecodeError")],
)
def test_a_secret_that_is_of_no_use_is_explained(aws, secret, said):
    name = f"vendas/{said[:8]}"
    if secret is not None:
        boto3.client("secretsmanager").create_secret(Name=name, SecretString=secret)
    with pytest.raises(WarehouseError, match=f"(?s)VENDAS_REDSHIFT_SECRET.*{said}"):
        load.endpoint_of(load_settings(lake="s3://lago", redshift_secret=name, redshift_copy_role=COPY_ROLE))


@pytest.mark.parametrize("given", [{}, {"redshift_secret": "x"}, {"redshift_copy_role": COPY_ROLE}])
def test_a_lake_in_s3_needs_the_secret_and_the_role(given):
    with pytest.raises(SettingsError, match="VENDAS_REDSHIFT_SECRET.*VENDAS_REDSHIFT_COPY_ROLE"):
        load.endpoint_of(load_settings(lake="s3://lago", **given))


def refused(workers, endpoint):
    with pytest.raises(WarehouseError) as error:
        load.count_loaded_rows(workers, endpoint)
    return str(error.value)


def test_a_wrong_password_is_explained(redshift):
    said = refused(redshift.workers, replace(redshift.endpoint, password="wrong"))
    assert 'password authentication failed for user "vendas"' in said


def test_a_server_with_anothers_certificate_is_refused(redshift, tmp_path):
    other_authority, *_ = certificates.make(tmp_path)
    assert "SSL error" in refused(redshift.workers, replace(redshift.endpoint, root_certificate=str(other_authority)))


def test_a_server_under_another_name_is_refused(redshift):
    said = refused(redshift.workers, replace(redshift.endpoint, host="localhost"))
    assert "localhost" in said and "verif" in said


def test_an_unreachable_server_is_explained(s3_spark):
    said = refused(workers_of(s3_spark), RedshiftEndpoint(port=1, password=""))
    assert "jdbc:redshift://127.0.0.1:1/vendas" in said and "refused" in said.split("refused:")[1]

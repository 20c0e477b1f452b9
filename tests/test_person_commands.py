"""`vendas person` on a lake of bronze files alone: who is found, who only may be, and what is refused."""

import errno
import json
import os
import threading
from functools import partial
from pathlib import Path

import pytest
import typer

from helpers.inprocess import drop
from helpers.people import ANA, E_MAIL, FILES, HEADER, IN_HEADER, REST, TELEPHONE, send
from helpers.terminal import vendas_here
from vendas import schema
from vendas.cli import person_commands, person_on_aws
from vendas.cli.person_display import _TITLES
from vendas.csvfile.dialect import survey
from vendas.declaration_types import Input, Type
from vendas.errors import VendasError
from vendas.lake.erasures import (
    Erased,
    keyed_hash,
    note_export,
    read_key,
    read_variants,
    remember_person,
    variant_of,
)
from vendas.lake.lock import hold_lake
from vendas.landing.arrivals import list_bronze_files, sweep
from vendas.privacy.anonymize import Kind
from vendas.privacy.erasure_requests import Answer
from vendas.privacy.intake import protect_erased
from vendas.privacy.layers import LONGEST_TEXT_BYTES
from vendas.privacy.search import Found, FoundRecord
from vendas.privacy.show import left_behind
from vendas.rules.people import Keys, Values
from vendas.settings import load_settings
from vendas.storage import S3Lake

TOKEN = "ANONIMIZADO-0123456789ab"


@pytest.fixture
def lake(tmp_path):
    """Return a lake with the person's files in bronze, and nothing else yet."""
    for number, (name, (encoding, rows)) in enumerate(FILES.items()):
        send(tmp_path, name, encoding, rows, 1_700_000_000 + number)
    sweep(tmp_path / "landing", tmp_path / "bronze", quiet=0)
    return tmp_path


def show(capsys, lake, *words):
    done = vendas_here(capsys, "person", "show", "--lake", lake, "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def lines(found):
    return [f"{record['arquivo'].split('_2')[0]}:{record['linha']}" for record in found]


@pytest.mark.parametrize("written", [E_MAIL, f" {E_MAIL.upper()} ", f"Zuleica <{E_MAIL}>"])
def test_all_lines_with_the_email_are_shown_and_those_with_her_telephone_alone(capsys, lake, written):
    found = show(capsys, lake, "--email", written)
    of_a = [f"registros_a:{line}" for line in (2, 3, 4, 5, 8, 9, 10, 11)]
    assert lines(found["bronze"]) == [*of_a, "registros_b:2", "registros_b:3", "registros_engolido:2"]
    kinds = [record["tipo"] for record in found["bronze"]]
    assert kinds == ["linha"] * 6 + ["texto", "mencao"] + ["linha"] * 2 + ["texto"]
    assert found["possiveis"] == found["landing"] == found["recibos"] == []


def test_headers_that_hold_her_email_are_shown(capsys, lake):
    drop(lake, "registros_c.csv", IN_HEADER.encode(), at=1_700_100_000)
    sweep(lake / "landing", lake / "bronze", quiet=0)
    found = [record for record in show(capsys, lake, "--email", E_MAIL)["bronze"] if record["tipo"] == "cabecalho"]
    assert lines(found) == ["registros_c:1", "registros_c:3"]


@pytest.mark.parametrize("written", [TELEPHONE, f"+55 {TELEPHONE}", "(11) 98765-4321"])
def test_a_telephone_is_enough(capsys, lake, written):
    found = show(capsys, lake, "--telefone", written)
    assert {"registros_a:2", "registros_a:8", "registros_b:3"} <= {*lines(found["bronze"])}


def test_files_that_are_left_may_hold_a_namesake(capsys, lake, monkeypatch):
    export, waiting = "/fora/registros_x.csv", str(lake / "landing" / "registros_y.csv")
    monkeypatch.setattr(person_commands, "_erase", lambda *_: Answer(None, [export, waiting]))
    said = vendas_here(capsys, "person", "erase", "--lake", lake, "--email", E_MAIL, "--yes").stderr
    assert f"{export} has the e-mail, telephone or name of this person: clean it by hand.\n" in said
    assert (
        f"{waiting} has the e-mail, telephone or name of this person: the next run takes it with the token.\n" in said
    )


def test_who_only_may_be_the_person_is_listed_apart(capsys, lake):
    rows = [
        f"01/02/2024 10:00;Zuleica;Quaresma;outra@exemplo.com.br;;{REST}",  # only her name
        f"01/02/2024 10:00;Léo;Quaresma;leo@exemplo.com.br;11987654321;{REST}",  # her telephone, another's e-mail
        ANA,
    ]
    send(lake, "registros_c.csv", "utf-8", rows, 1_700_100_000)
    sweep(lake / "landing", lake / "bronze", quiet=0)
    found = show(capsys, lake, "--email", E_MAIL)
    assert lines(found["possiveis"]) == ["registros_c:2", "registros_c:3"]
    name = found["possiveis"][0]["arquivo"]
    assert "registros_c:2" in lines(show(capsys, lake, "--email", E_MAIL, "--line", f"{name}:2")["bronze"])


def test_what_waits_in_landing_and_what_was_exported_is_named(capsys, lake, tmp_path_factory):
    outside = tmp_path_factory.mktemp("fora")
    (outside / "a.csv").write_text(f"x;{E_MAIL}")
    note_export(lake, outside)
    send(lake, "registros_d.csv", "utf-8", FILES["registros_b.csv"][1], 1_700_100_000)
    found = show(capsys, lake, "--email", E_MAIL)
    assert lines(found["landing"]) == ["registros_d.csv:2", "registros_d.csv:3"]
    assert found["exportados"] == [str(outside / "a.csv")]


def test_files_that_only_may_be_hers_are_not_left_to_people(lake, tmp_path_factory):
    outside = tmp_path_factory.mktemp("fora")
    (outside / "a.csv").write_text(f"x;{E_MAIL}")
    note_export(lake, outside)
    for name in ("registros_d.csv", "registros_e.csv", "registros_f.csv"):
        send(lake, name, "utf-8", [ANA], 1_700_100_000)
    (lake / "runs").mkdir()
    (lake / "runs" / "a.png").write_bytes(b"\0" + E_MAIL.encode())
    (lake / "runs" / "a.html").write_text(E_MAIL)
    found = Found(
        Values(Keys(frozenset({E_MAIL}))),
        [FoundRecord("registros_d.csv", 2, "", Kind.ROW), FoundRecord("registros_e.csv", 2, "", Kind.POSSIBLE)],
    )
    left, unsearched = left_behind(load_settings(lake=lake), found)
    assert left == [outside / "a.csv", lake / "runs" / "a.png", lake / "landing" / "registros_d.csv"]
    assert unsearched == []


def test_what_cannot_be_searched_is_named(capsys, lake, tmp_path_factory, monkeypatch):
    outside, closed, runs = tmp_path_factory.mktemp("fora"), tmp_path_factory.mktemp("fechada"), lake / "runs"
    for folder in (outside, closed, lake / "gone"):
        note_export(lake, folder)
    (outside / "pasta").mkdir()
    unsearched = [closed, outside / "laço.log", outside / "longo.log", runs / "fechada", runs / "laço.log"]
    unsearched[3].mkdir(parents=True)
    for path in (unsearched[1], unsearched[4]):
        path.symlink_to(path)  # which cannot be read
    unsearched[2].touch()
    os.truncate(unsearched[2], LONGEST_TEXT_BYTES + 1)
    monkeypatch.setattr(os, "scandir", partial(refuse_some, os.scandir, [closed, unsearched[3]]))

    assert left_behind(load_settings(lake=lake), Found(Values(Keys()))) == ([], unsearched)
    done = vendas_here(capsys, "person", "erase", "--lake", lake, "--email", "x@y.example", "--yes", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["recibo"] is None
    for path in unsearched:
        assert f"{path} cannot be read, or is too long: look there for this person, too." in done.stderr


def refuse_some(scandir, closed, folder="."):
    if Path(folder) in closed:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    return scandir(folder)


def test_the_table_shows_file_and_line(capsys, lake):
    done = vendas_here(capsys, "person", "show", "--lake", lake, "--email", "ana@exemplo.com.br")
    assert "registros_a" in done.stdout and "ana@exemplo.com.br" in done.stdout.replace("\n", "")
    counted = dict(line.strip().rsplit(maxsplit=1) for line in done.stdout.splitlines()[3 : 3 + len(_TITLES)])
    assert counted == dict.fromkeys(_TITLES.values(), "0") | {_TITLES["bronze"]: "2"}


REFUSED = {
    "nobody": ([], "Nobody is named"),
    "no address": (["--email", "zuleica"], "is no e-mail address"),
    "no telephone": (["--telefone", "190"], "is no telephone"),
    "no line": (["--email", E_MAIL, "--line", "7"], "is no line"),
    "no such file": (["--email", E_MAIL, "--line", "registros_x.csv:7"], "No bronze file is named registros_x.csv"),
}


@pytest.mark.parametrize(("words", "told"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("command", [["show"], ["erase", "--yes"]], ids=["show", "erase"])
def test_what_is_no_person_is_refused(capsys, lake, command, words, told):
    done = vendas_here(capsys, "person", *command, "--lake", lake, *words)
    assert done.returncode == 1 and told in done.stderr and not (lake / "privacy").exists()


@pytest.mark.parametrize("line", [999, 1, 6])  # 1 is the header, 6 within a row that begins on line 5
def test_a_line_on_which_no_row_begins_is_refused_with_the_files_lines(capsys, lake, line):
    name = next(path.name for path in (lake / "bronze").glob("registros_a_*"))
    done = vendas_here(capsys, "person", "show", "--lake", lake, "--email", E_MAIL, "--line", f"{name}:{line}")
    assert done.returncode == 1
    assert f"No row of {name} begins on line {line}. Its 9 rows begin on lines 2 to 11" in done.stderr.replace(
        "\n", " "
    )


def test_a_line_of_a_file_without_rows_is_refused(capsys, lake):
    send(lake, "registros_c.csv", "utf-8", [], 1_700_100_000)
    (sent,) = sweep(lake / "landing", lake / "bronze", quiet=0)
    words = ["--email", E_MAIL, "--line", f"{sent.bronze_name}:2"]
    done = vendas_here(capsys, "person", "show", "--lake", lake, *words)
    assert done.returncode == 1 and "It has no rows" in done.stderr.replace("\n", " ")


def test_without_yes_somebody_has_to_answer(capsys, lake, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    done = vendas_here(capsys, "person", "erase", "--lake", lake, "--email", E_MAIL)
    assert done.returncode == 1 and "Give --yes; nothing was done." in done.stderr


@pytest.mark.parametrize(("answer", "said"), [(False, "Nothing was done."), (True, "not while tested")])
def test_who_is_there_sees_what_would_go_and_answers(capsys, lake, monkeypatch, answer, said):
    def erase(settings, request, ground):
        raise VendasError("not while tested")

    questions, before = [], written(lake)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda question, err: questions.append(question) or answer)
    monkeypatch.setattr(person_commands, "_erase", erase)
    done = vendas_here(capsys, "person", "erase", "--lake", lake, "--email", E_MAIL)
    assert questions == ["Erase all of this, for ever?"] and said in done.stderr and done.returncode == answer
    assert "registros_a" in done.stderr and E_MAIL in done.stderr.replace("\n", "") and done.stdout == ""
    assert written(lake) == before


def test_erasing_nobody_says_so_and_writes_nothing(capsys, lake):
    before = written(lake)
    done = vendas_here(capsys, "person", "erase", "--yes", "--json", "--lake", lake, "--email", "x@y.example")
    assert json.loads(done.stdout) == {"recibo": None, "arquivos": 0, "linhas": 0, "token": None}
    assert done.returncode == 0 and "nothing was written" in done.stderr
    assert written(lake) == before


def written(lake):
    return {path: path.stat().st_mtime_ns for path in lake.rglob("*") if path.name != ".lock"}


def test_erasing_waits_for_a_run(capsys, lake):
    done = []
    words = ["person", "erase", "--yes", "--lake", lake, "--email", "x@y.example"]
    waiting = threading.Thread(target=lambda: done.append(vendas_here(capsys, *words)))
    with hold_lake(lake, pytest.fail):
        waiting.start()
        waiting.join(timeout=2)
        assert waiting.is_alive()
    waiting.join()
    assert done[0].returncode == 0 and "waiting for it to end" in done[0].stderr


def test_of_a_lake_in_s3_its_stack_tells_the_rest(lake, monkeypatch):
    monkeypatch.setattr(person_on_aws, "with_stack", lambda settings: (settings.lake, "and its stack"))
    assert person_commands._settings("s3://lago") == (S3Lake("lago"), "and its stack")
    assert person_commands._settings(str(lake)).lake == lake


# --- files that bring an erased person back


def remember(lake, named=(), seen=(), token=TOKEN):
    key = read_key(load_settings(lake=lake))
    hashes = [[keyed_hash(key, kind, value) for kind, value in pairs] for pairs in (named, seen)]
    remember_person(lake, Erased(token, *hashes))


def protect(lake):
    settings = load_settings(lake=lake)
    return protect_erased(settings, list_bronze_files(settings.bronze))


HER_EMAIL, HER_TELEPHONE = ("email", E_MAIL), ("telefone", TELEPHONE)
ARRIVALS = {
    f"01/02/2024 10:00;Zu;Q;Zu Q <{E_MAIL.upper()}>;;{REST}": True,
    f"01/02/2024 10:00;Zu;Q;;+55 (11) 98765-4321;{REST}": True,  # her telephone, and no e-mail
    f"01/02/2024 10:00;Léo;Q;leo@exemplo.com.br;11987654321;{REST}": False,  # it may be another's, too
    f"01/02/2024 10:00;Zu;Q;{E_MAIL};x": True,
    f'01/02/2024 10:00;"Zu"x;Q;{E_MAIL};;{REST}': True,
    f"01/02/2024 10:00;Zu\rZu;Q;{E_MAIL};;{REST}": True,
    ANA: False,
}


@pytest.mark.parametrize(("row", "is_hers"), ARRIVALS.items())
def test_her_rows_get_the_token_in_bronze(tmp_path, row, is_hers):
    remember(tmp_path, [HER_EMAIL], [HER_TELEPHONE])
    send(tmp_path, "registros_n.csv", "cp1252", [row], 1_700_000_000)
    (arrived,) = sweep(tmp_path / "landing", tmp_path / "bronze", quiet=0)
    assert protect(tmp_path) == is_hers
    line = (tmp_path / "bronze" / arrived.bronze_name).read_bytes().decode("cp1252").split("\r\n")[1]
    assert (TOKEN in line and "Zu" not in line) if is_hers else line == row
    assert line.count('"') == row.count('"')


HIS_TOKEN, HIS_EMAIL, HIS_TELEPHONE = "ANONIMIZADO-ba9876543210", "rui@exemplo.com.br", "11912345678"
AT = "01/02/2024 10:00"
HERS, HIS = (f"{AT};" + ";".join([token] * 4) + f";{REST}" for token in (TOKEN, HIS_TOKEN))
OF_TWO = {
    # in another personal column
    f"{AT};{E_MAIL};;;;{REST}": HERS,
    f"{AT};Rui;(11) 91234-5678;x@exemplo.com.br;;{REST}": HIS,
    f"{AT};Rui;Sá;;11 91234-5678 / 11 3333-4444;{REST}": HIS,
    f"{AT};Rui;Sá;{HIS_EMAIL}, x@exemplo.com.br;;{REST}": HIS,
    # in a row of both: of who was erased first
    f"{AT};Zu;Q;{E_MAIL};{HIS_TELEPHONE};{REST}": HERS,
    f"{AT};Zu;{E_MAIL};{HIS_EMAIL};;{REST}": HERS,
    f"{AT};Rui;Sá;{HIS_EMAIL};{TELEPHONE};{REST}": HIS,  # her telephone was only seen beside her e-mail
    # in another's row, beside columns that are personal
    f"{AT};Léo;Sá;leo@exemplo.com.br;;{REST}liga para +55 11 91234-5678": (
        f"{AT};Léo;Sá;leo@exemplo.com.br;;{REST}liga para {HIS_TOKEN}"
    ),
    f"{AT};Léo;Sá;leo@exemplo.com.br;;{REST}{TELEPHONE}": f"{AT};Léo;Sá;leo@exemplo.com.br;;{REST}{TOKEN}",
    f"{AT};Zu;Q;{E_MAIL};;{REST}de {HIS_EMAIL}": f"{HERS}de {HIS_TOKEN}",
    f"{AT};Zu;Q;{E_MAIL};;{REST}ou {TELEPHONE}": f"{HERS}ou {TOKEN}",
    # in a malformed row
    f"{AT};1;2;{E_MAIL};;3;4;5;6;7;{HIS_EMAIL}": f"{AT};1;2;{TOKEN};;3;4;5;6;7;{HIS_TOKEN}",
}


@pytest.mark.parametrize(("row", "expected"), OF_TWO.items())
def test_of_two_people_no_value_comes_back_in_any_column(tmp_path, row, expected):
    remember(tmp_path, [HER_EMAIL], [HER_TELEPHONE])
    remember(tmp_path, [("email", HIS_EMAIL), ("telefone", HIS_TELEPHONE)], token=HIS_TOKEN)
    send(tmp_path, "registros_n.csv", "utf-8", [row], 1_700_000_000)
    (arrived,) = sweep(tmp_path / "landing", tmp_path / "bronze", quiet=0)
    assert protect(tmp_path) == 1
    assert (tmp_path / "bronze" / arrived.bronze_name).read_text("utf-8").splitlines()[1] == expected


def test_her_email_in_headers_gets_the_token_and_the_file_stays_accepted(tmp_path):
    remember(tmp_path, [HER_EMAIL])
    before = f'\ufeff"sep=;"\n;;\n{HEADER};de {E_MAIL}\n{ANA};x\n{HEADER};{E_MAIL}\n'
    drop(tmp_path, "registros_n.csv", before.encode(), at=1_700_000_000)
    (arrived,) = sweep(tmp_path / "landing", tmp_path / "bronze", quiet=0)
    assert protect(tmp_path) == 2
    path = tmp_path / "bronze" / arrived.bronze_name
    assert path.read_text("utf-8") == before.replace(E_MAIL, TOKEN)
    assert survey(path).extra == (f"de {TOKEN}",)


def test_of_a_row_that_a_stray_quote_swallowed_with_hers_nothing_goes(tmp_path):
    remember(tmp_path, [HER_EMAIL])
    rows = [f'01/02/2024 10:00;"Zu;Q;{E_MAIL};;Mesa', '01/02/2024 10:00;Rui;Sá;;21 91234-5678;"TV"']
    send(tmp_path, "registros_n.csv", "utf-8", rows, 1_700_000_000)
    (arrived,) = sweep(tmp_path / "landing", tmp_path / "bronze", quiet=0)
    assert protect(tmp_path) == 1
    hers, his = (tmp_path / "bronze" / arrived.bronze_name).read_text("utf-8").splitlines()[1:]
    assert TOKEN in hers and E_MAIL not in hers and his == rows[1]


def test_rows_that_differed_in_personal_values_keep_apart(tmp_path):
    remember(tmp_path, [HER_EMAIL])
    rows = [f"01/02/2024 10:00;{name};Q;{E_MAIL};;{REST}" for name in ("Zu", "Zuzu", "Zu")]
    send(tmp_path, "registros_n.csv", "utf-8", rows, 1_700_000_000)
    (arrived,) = sweep(tmp_path / "landing", tmp_path / "bronze", quiet=0)
    protect(tmp_path)
    before = read_variants(tmp_path)
    held = before[arrived.bronze_name]
    assert held[2] == held[4] != held[3]
    protect(tmp_path)
    assert read_variants(tmp_path) == before


def test_a_personal_column_declared_later_counts_only_where_a_file_has_it():
    of_row = {schema.NOME: "Zu", schema.SOBRENOME: "Q", schema.EMAIL: E_MAIL, schema.TELEFONE: schema.MISSING}
    before = variant_of(b"k", of_row)
    assert before == keyed_hash(b"k", "valores", f"Zu\nQ\n{E_MAIL}\nNÃO INFORMADO")[:12]
    cpf, rg = (Input(name, Type.TEXT, "", schema.MISSING, personal=True, optional=True) for name in ("CPF", "RG"))
    assert variant_of(b"k", {cpf: schema.MISSING, **of_row, rg: schema.MISSING}) == before
    with_values = {variant_of(b"k", {cpf: one, **of_row, rg: other}) for one, other in (("1", "2"), ("2", "1"))}
    assert len(with_values - {before}) == 2


def test_the_same_event_delivered_again_does_not_bring_her_back(tmp_path):
    remember(tmp_path, [HER_EMAIL])
    row = f"01/02/2024 10:00;Zu;Q;{E_MAIL};;{REST}"
    for _ in range(2):
        send(tmp_path, "registros_n.csv", "utf-8", [row], 1_700_000_000)
        (arrived,) = sweep(tmp_path / "landing", tmp_path / "bronze", quiet=0)
        protect(tmp_path)
        assert E_MAIL not in (tmp_path / "bronze" / arrived.bronze_name).read_text()
    assert list((tmp_path / "landing").iterdir()) == []


def test_the_key_and_the_hashes_are_the_owners_alone(tmp_path):
    remember(tmp_path, [HER_EMAIL])
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "privacy").iterdir()}
    assert modes == {"key": 0o600, "people.json": 0o600}
    assert (tmp_path / "privacy").stat().st_mode & 0o777 == 0o700
    assert E_MAIL not in (tmp_path / "privacy" / "people.json").read_text()


def test_a_lake_that_nobody_was_erased_from_is_not_read(tmp_path):
    drop(tmp_path, "registros_n.csv", f"{HEADER}\n".encode())
    assert protect_erased(load_settings(lake=tmp_path), iter([])) == 0 and not (tmp_path / "privacy").exists()

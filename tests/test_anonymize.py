"""The token in one record of a CSV file: quotes, delimiters and line breaks stay."""

from dataclasses import replace

import pyarrow as pa
import pytest

from vendas import schema
from vendas.csvfile.records import RECORD_SCHEMA
from vendas.privacy.anonymize import Kind, Layout, anonymize, find_personal_pieces
from vendas.reasons import Reason
from vendas.rules.people import Keys, Values
from vendas.rules.validate import validate
from vendas.schema import LINHA, MOTIVOS, ORIGEM, PROBLEMAS, TEXTO

VALUES = Values(
    Keys(frozenset({"zu@x.example"}), seen_telephones=frozenset({"11987654321"})),
    frozenset({("Zuleica", "Reis")}),
    frozenset({"Zuleica"}),
)
LAYOUT = Layout.guess(";")
TOKEN = "ANONIMIZADO-0123456789ab"
REST = "Mesa;10,00;Site;Web;;Rui;;"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"01/02/2024 10:00;Zuleica;Reis;zu@x.example;;{REST}", f"01/02/2024 10:00;T;T;T;T;{REST}"),
        (f'01/02/2024 10:00;"Zu ""Z""";Reis;zu@x.example; 11 ;{REST}', f'01/02/2024 10:00;"T";T;T;T;{REST}'),
        (f'01/02/2024 10:00;"Zu\r\nZ";R;zu@x.example;;{REST}', f'01/02/2024 10:00;"T\r\n";T;T;T;{REST}'),
        (
            "01/02/2024 10:00;Z;R;zu@x.example;;Mesa;10,00;Site;Web;;ZU@x.example;;+5511987654321",
            "01/02/2024 10:00;T;T;T;T;Mesa;10,00;Site;Web;;T;;T",
        ),
    ],
)
def test_all_personal_fields_of_a_row_become_the_token(before, after):
    assert anonymize(before, LAYOUT, Kind.ROW, VALUES, "T") == after


REFUSED, TAKEN = "é" * 501, "é" * 500


@pytest.mark.parametrize(
    ("nome", "email", "stays"),
    [
        (REFUSED, "zu@x.example", True),
        (f'"{REFUSED}"', "zu@x.example", True),
        (f"{'é' * 300}{' ' * 900}{'é' * 199}", "zu@x.example", False),
        ("Zu", f"{REFUSED} <zu@x.example>", False),  # cleaned, it is the address
        ("Zu", f"zu@x.example{REFUSED}", True),
        (TAKEN, "zu@x.example", False),
        ("\u0958" * 167, "zu@x.example", True),  # 501 bytes, but 1,002 in NFC
        ("Zu", f"zu@x.example{'Ⱥ' * 400}", True),  # 812 bytes, but 1,212 in lower case
    ],
)
def test_a_row_that_was_refused_for_a_long_field_stays_refused(nome, email, stays):
    row = f"01/02/2024 10:00;{nome};Reis;{email};;{REST}"
    assert [is_long(text) for text in (row, anonymize(row, LAYOUT, Kind.ROW, VALUES, TOKEN))] == [stays, stays]


def test_a_field_is_long_by_its_own_columns_limit():
    layout = replace(LAYOUT, personal={1: 30, 2: 40})
    row = f"01/02/2024 10:00;{'x' * 31};{'x' * 31};zu@x.example;;{REST}"
    after = f"01/02/2024 10:00;{TOKEN} {TOKEN};{TOKEN};zu@x.example;;{REST}"
    assert anonymize(row, layout, Kind.ROW, VALUES, TOKEN) == after


def is_long(row):
    of_row = dict(zip(schema.INPUT_NAMES, (field.strip('"') for field in row.split(";")), strict=False))
    record = {name: [of_row.get(name, "")] for name in schema.INPUT_NAMES} | {LINHA: [2], TEXTO: [row], ORIGEM: [None]}
    records = pa.table(record | {PROBLEMAS: [[]]}, RECORD_SCHEMA).to_batches()[0]
    return Reason.TEXTO_LONGO.value in validate(records)[MOTIVOS][0].as_py()


def test_a_mention_is_replaced_in_its_column_alone():
    before = "01/02/2024 10:00;Ana;Lima;a@x.example;;Mesa;10,00;zu@x.example;Web;;Zuleica;;"
    after = "01/02/2024 10:00;Ana;Lima;a@x.example;;Mesa;10,00;T;Web;;Zuleica;;"
    assert anonymize(before, LAYOUT, Kind.MENTION, VALUES, "T") == after


def test_in_a_header_names_of_declared_columns_stay():
    layout = replace(LAYOUT, extra=(13,))
    before = f'{";".join(schema.INPUT_NAMES).replace("Email", "Email (zu@x.example)")};"de Zuleica, zu@x.example"'
    after = before.replace("(zu@x.example)", "(T)").replace("Zuleica, zu@x.example", "T, T")
    values = replace(VALUES, own_names=frozenset({"Zuleica", "Nome", "Canal"}))
    assert anonymize(before, layout, Kind.HEADER, values, "T") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("01/02/2024 10:00;Ana;Lima;zu@x.example;11 91234-5678;Mesa", "01/02/2024 10:00;T;T;T;T;Mesa"),
        (
            f"01/02/2024 10:00;Ana;Rita;Lima;zu@x.example;11 91234-5678;{REST}",
            f"01/02/2024 10:00;T;T;T;T;T;{REST}",
        ),
        ("Ana;Lima;zu@x.example;;Mesa;10,00", "T;T;T;;Mesa;10,00"),
        (
            '01/02/2024 10:00;Rui;Sá;r@x.example;;"TV 24";1\n02/02/2024 10:00;Ana;"Lima";zu@x.example;;Mesa',
            '01/02/2024 10:00;Rui;Sá;r@x.example;;"TV 24";1\n02/02/2024 10:00;T;"T";T;;Mesa',
        ),
        ("solta: Zuleica Reis (11) 98765-4321", "solta: T T T"),
        ("01/02/2024 10:00;Ana;Lima;Ana Lima <zu@x.example>;;Mesa", "01/02/2024 10:00;T;T;T;;Mesa"),
    ],
)
def test_values_are_found_anywhere_in_a_malformed_record(before, after):
    assert anonymize(before, LAYOUT, Kind.TEXT, VALUES, "T") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"Zu"x;"Quixo"tinha;zu@x.example;', '"T"T;"T"T;T;'),
        ('"Zu"x;Lima;"zu@x.example"x;"11977771234"x', '"T"T;T;"T"T;"T"T'),
        ('"Zu "Zel" Maria";Lima;zu@x.example;', '"T"T"T";T;T;'),
        ('Zu\rMaria;"Li\r\nma"x;zu@x.example;', 'T\rT;"T\r\nT"T;T;'),
        ('"Zu;\nMaria"x;Lima;zu@x.example;', '"T;\nT"T;T;T;'),
        ('"Zu"x;Lima;"\nAna <zu@x.example>";"119\n87654321"', '"T"T;T;"\nT";"T\nT"'),
    ],
)
def test_marks_stay_where_they_are_in_a_malformed_record(before, after):
    record = "01/02/2024 10:00;{};Mesa"
    assert anonymize(record.format(before), LAYOUT, Kind.TEXT, VALUES, "T") == record.format(after)


def test_line_breaks_stay_in_the_other_texts_of_a_row():
    row = '01/02/2024 10:00;Ana;Lima;a@x.example;;"Mesa\n11 98765\n4321";10,00;Site;Web;;Rui;;'
    after = row.replace("11 98765\n4321", "T\nT")
    assert anonymize(row, LAYOUT, Kind.MENTION, VALUES, "T") == after


def test_of_rows_that_a_quote_or_a_return_joins_only_hers_changes():
    rui, hers = f"01/02/2024 10:00;Rui;Sá;r@x.example;;{REST}", f"01/02/2024 10:00;Ana;Lima;zu@x.example;;{REST}"
    for joined in ("\r", "\n", "x\r"):
        after = f"{rui}{joined}01/02/2024 10:00;T;T;T;;{REST}{joined}{rui}"
        assert anonymize(f"{rui}{joined}{hers}{joined}{rui}", LAYOUT, Kind.TEXT, VALUES, "T") == after


def test_in_a_malformed_row_any_text_of_a_further_personal_column_goes():
    layout = Layout(";", dict.fromkeys((0, 1, 2), 1000), (), (), (1,), (0,), None, 2)
    text = "RG 12-3;Zuleica;11 98765-4321;10,00;1"
    found = sorted(text[begin:end] for begin, end in find_personal_pieces(text, layout, VALUES))
    assert found == ["RG 12-3", "Zuleica"]


def test_a_contact_in_the_first_field_is_found_beside_another():
    layout = Layout(";", dict.fromkeys((0, 1, 2), 1000), (), (), (1,), (), 0, 2)
    text = "z@novo.example;Zuleica;11 98765-4321;10,00;1"
    found = sorted(text[begin:end] for begin, end in find_personal_pieces(text, layout, VALUES))
    assert found == ["Zuleica", "z@novo.example"]

"""The rows of a CSV file: the contract's grammar, compared with literal cases and with a slow twin."""

from unittest import mock

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from helpers.csv_twin import Refused, read
from helpers.rows import HEADER, NEEDED
from vendas.csvfile import grammar
from vendas.csvfile.dialect import survey
from vendas.csvfile.records import RECORD_SCHEMA, read_block
from vendas.errors import FileRejected
from vendas.schema import INPUT_NAMES

GOOD = "1,2,3,4,5,6,7,8,9,10,11,12,13"
REST = ",2,3,4,5,6,7,8,9,10,11,12,13"  # the rest of a good row, after its first field
COUNT, LOOSE = "numero_de_campos", "texto_apos_aspas"
RETURN, SWALLOWS = "retorno_de_carro", "aspas_engolem_linhas"


@pytest.fixture
def parse(tmp_path):
    def parse(body, header=HEADER + "\n", encoding="utf-8"):
        """Return the rows of a file with this header and body, as dictionaries."""
        path = tmp_path / "registros.csv"
        path.write_bytes((header + body).encode(encoding))
        return rows_of(path, survey(path))

    return parse


def rows_of(path, found):
    batches = [batch for block in found.blocks for batch in read_block(path, block, found)]
    return pa.Table.from_batches(batches, RECORD_SCHEMA).to_pylist()


def first_fields(rows):
    return [row["Timestamp do Registro"] for row in rows]


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ("a", "a"),
        ("", ""),
        (" a ", " a "),
        ('"a"', "a"),
        ('""', ""),
        ('" a "', " a "),
        ('"a,b"', "a,b"),
        ('"a\nb"', "a\nb"),
        ('"a\r\nb"', "a\r\nb"),
        ('"a\rb"', "a\rb"),
        ('"\n"', "\n"),
        ('"a""b"', 'a"b'),
        ('""""', '"'),
        ('""""""', '""'),
        ('",""\n"""', ',"\n"'),
        ('a"b', 'a"b'),
        ('a"b"', 'a"b"'),
        ('TV 50"', 'TV 50"'),
        ('a""', 'a""'),
        (' "a"', ' "a"'),
        ("NA", "NA"),
        ("null", "null"),
        ("\\", "\\"),
        ("'", "'"),
        ("\u00a0a\u200b", "\u00a0a\u200b"),
        ("\ufeffa", "\ufeffa"),
        ("Joa\u0303o", "Joa\u0303o"),
        ("😀", "😀"),
        ("a\u037eb\u037e\u0301", "a\u037eb\u037e\u0301"),
        ('"\u0301"', "\u0301"),
    ],
)
def test_a_field_is_unquoted_and_nothing_else(parse, written, field):
    (row,) = parse(written + REST)

    assert (row["Timestamp do Registro"], row["texto"], row["problemas"]) == (field, written + REST, [])


@pytest.mark.parametrize(
    ("line", "problems"),
    [
        ("a", [COUNT]),
        (GOOD + ",", [COUNT]),
        (GOOD.removesuffix(",13"), [COUNT]),
        ('"1"x' + REST, [LOOSE]),
        ('"1" ' + REST, [LOOSE]),
        ('""x' + REST, [LOOSE]),
        ('"1"x"2"' + REST, [LOOSE]),
        ('"1"x"y,z"' + REST, [COUNT, LOOSE]),
        ('"a"b', [COUNT, LOOSE]),
        ('""""', [COUNT]),
        ("\u200b", [COUNT]),
        ("\x1c", [COUNT]),
        ("\x1a", [COUNT]),
        (',,"" ,', [COUNT, LOOSE]),
        (", ,,x", [COUNT]),
        ("a\rb" + REST, [RETURN]),
        ("\r" + REST, [RETURN]),
        (GOOD + "\rx", [RETURN]),
        ('"a"\r' + REST, [LOOSE, RETURN]),
        ("a\rb", [COUNT, RETURN]),
        (f'"a{REST}\nb"{REST}', [SWALLOWS]),
        (f'"a{REST}\r\nb"', [COUNT, SWALLOWS]),
        (f'1,"a\n{REST}"x', [COUNT, LOOSE, SWALLOWS]),
    ],
)
def test_a_malformed_row_keeps_text_and_problems_and_no_fields(parse, line, problems):
    before, row, after = parse("\n".join([GOOD, line, GOOD]))

    assert row == {"linha": 3, "texto": line, "problemas": problems} | dict.fromkeys((*INPUT_NAMES, "origem"))
    assert before["problemas"] == after["problemas"] == []
    assert after["Nome"] == "2"


@pytest.mark.parametrize("blank", ["", " ", "\t", "\v\f", "\u00a0", "\u0085", "\u1680", "\u2003 \u2028", "\u3000\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_blank_lines_are_skipped_but_numbered(parse, blank, end):
    rows = parse(end.join([blank, GOOD, blank, blank, GOOD, blank]))

    assert [row["linha"] for row in rows] == [3, 6]


def test_a_line_of_tabs_is_blank_even_where_tabs_delimit(parse):
    rows = parse("\t" * 12 + "\n" + GOOD.replace(",", "\t"), HEADER.replace(",", "\t") + "\n")

    assert [(row["linha"], row["problemas"]) for row in rows] == [(3, [])]


@pytest.mark.parametrize("blank", [",,,", "," * 12, "," * 20, '""', '" "', '"", ,\u00a0,"",""', '"\n"', ' ,""\t'[:-1]])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n"])
def test_records_of_blanks_delimiters_and_quotes_around_nothing_are_skipped(parse, blank, end):
    rows = parse(end.join([GOOD, blank, GOOD, blank]))

    assert [row["linha"] for row in rows] == [2, 4 + blank.count("\n")]
    assert [row["problemas"] for row in rows] == [[], []]


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\n" + "," * 11, "a," * 12, "a,\rb" * 12])
def test_a_quoted_field_of_line_breaks_or_delimiters_is_text_where_no_row_can_be_in_it(parse, text):
    (row,) = parse(f'"{text}"{REST}')

    assert (row["Timestamp do Registro"], row["problemas"]) == (text, [])


def test_a_quote_may_swallow_rows_up_to_the_end_of_the_file(parse):
    rows = parse(f'{GOOD}\n"{GOOD}\n"{REST}')

    assert [row["problemas"] for row in rows] == [[], [SWALLOWS]]


def test_cr_cr_lf_ends_a_line(parse):
    rows = parse(f"{GOOD}\r\r\n\r\r\n{GOOD}\r\r\n", HEADER + "\r\r\n")

    assert [(row["linha"], row["texto"], row["problemas"]) for row in rows] == [(2, GOOD, []), (4, GOOD, [])]


@pytest.mark.parametrize("end", ["\x1a", "\r\n\x1a", "\n\x1a\x1a\r\n\x1a \n"])
def test_a_ctrl_z_at_the_end_is_none_of_the_text(parse, end):
    (row,) = parse(GOOD + end)

    assert (row["texto"], row["Código de Desconto Usado"]) == (GOOD, "13")


@pytest.mark.parametrize("again", [HEADER, HEADER.upper(), "\ufeff" + HEADER, f'"{HEADER}'.replace(",", '",', 1)])
def test_the_header_once_more_is_no_row(parse, again):
    rows = parse(f"{GOOD}\n{again}\n{GOOD}\n{again}\n")

    assert [(row["linha"], row["problemas"]) for row in rows] == [(2, []), (4, [])]


@pytest.mark.parametrize("name", NEEDED)
def test_the_header_once_more_may_have_one_odd_spelling(parse, name):
    again = HEADER.replace(name, f"{name[0]}.{name[1:]}", 1)
    assert [row["linha"] for row in parse(f"{GOOD}\n{again}\n{GOOD}\n")] == [2, 4]


@pytest.mark.parametrize("again", [HEADER.removesuffix("Usado"), HEADER.replace("Nome", "Nome Completo", 1)])
def test_what_only_resembles_the_header_is_a_row(parse, again):
    assert [row["linha"] for row in parse(f"{GOOD}\n{again}\n")] == [2, 3]


@pytest.mark.parametrize(
    ("header", "rows", "problems"),
    [
        (HEADER, [GOOD + ",", GOOD + ',""'], [[], []]),
        (HEADER, [GOOD + ",", "," * 13, HEADER, GOOD + ","], [[], []]),
        (HEADER + ",", [GOOD, GOOD], [[], []]),
        (HEADER + ",", [GOOD + ",", GOOD + ","], [[], []]),
        (HEADER, [GOOD, GOOD + ","], [[], [COUNT]]),
        (HEADER, [GOOD + ",", GOOD], [[COUNT], []]),
        (HEADER, [GOOD + ",", GOOD + ",x"], [[COUNT], [COUNT]]),
        (HEADER, [GOOD + ",", GOOD + ", "], [[COUNT], [COUNT]]),
        (HEADER, [GOOD + ",,", GOOD + ",,"], [[COUNT], [COUNT]]),
        (HEADER + ",", [GOOD, GOOD + ","], [[COUNT], []]),
        (HEADER + ",", [GOOD, "x", GOOD + ",x", GOOD], [[], [COUNT], [COUNT], []]),
        (HEADER + ",", [GOOD + ",", "x", GOOD + ",x"], [[], [COUNT], []]),
        (HEADER + ",,", [GOOD, GOOD], [[COUNT], [COUNT]]),
    ],
)
def test_a_field_too_many_is_ignored_where_it_ends_every_row_or_only_the_header(parse, header, rows, problems):
    found = parse("".join(row + "\n" for row in rows), header + "\n")

    assert [row["problemas"] for row in found] == problems
    assert all(row["Código de Desconto Usado"] == "13" for row in found if not row["problemas"])


def test_a_blank_line_within_quotes_is_text(parse):
    (row,) = parse('"a\n\n b"' + REST)

    assert row["Timestamp do Registro"] == "a\n\n b"


def test_line_numbers_count_the_header_and_line_breaks_in_quotes(parse):
    rows = parse('"a\nb\r\nc"' + f"{REST}\r\n{GOOD}\nx\n{GOOD}", "\n" + HEADER.replace("Nome,", '"Nome\n",') + "\n")

    assert [row["linha"] for row in rows] == [4, 7, 8, 9]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_last_row_may_lack_its_line_end(parse, end):
    (row,) = parse(GOOD + end)

    assert (row["texto"], row["Código de Desconto Usado"]) == (GOOD, "13")


def test_columns_come_in_the_contracts_order_and_extra_ones_count_as_fields(parse):
    header = ",".join(["extra", *reversed(NEEDED), "", ""])
    rows = parse("x," + ",".join(f"x{name}" for name in reversed(NEEDED)) + ",,\n" + GOOD, header + "\n")

    assert [rows[0][name] for name in NEEDED] == [f"x{name}" for name in NEEDED]
    assert rows[1]["problemas"] == [COUNT]


def test_windows_1252_is_decoded(parse):
    rows = parse('"João…"' + REST + "\n\u00a0\n€\n", encoding="cp1252")

    assert [(row["linha"], row["texto"]) for row in rows] == [(2, '"João…"' + REST), (4, "€")]
    assert first_fields(rows) == ["João…", None]


def test_a_long_field_in_quotes_with_line_breaks_is_kept_whole(parse):
    text = "linha\n" * 2_000_000

    assert first_fields(parse(f'"{text}"{REST}\n{GOOD}\n')) == [text, "1"]


NASTY = st.text(st.sampled_from('aé",;\n\r\t \u00a0\u0301\u037e\u2003\ufeff\x1a'), max_size=6)
QUOTED = st.text(st.sampled_from('a",;\n\r \u0301'), max_size=6).map(lambda text: '"' + text.replace('"', '""') + '"')
FIELD = st.one_of(st.sampled_from(["", "a", '""']), QUOTED, QUOTED, NASTY)
LINE_END = st.sampled_from(["\n", "\n", "\r\n", "\r\r\n", "\n\n", "\n \u00a0\n", "\r", "\n,,;;\n", '\n"";""\n'])


@st.composite
def files(draw):
    """Generate a file with a good header: rows, mostly of 13 correctly quoted fields, and some noise."""
    delimiter = draw(st.sampled_from(",;\t|"))
    row = st.one_of(
        st.lists(FIELD, min_size=13, max_size=13),
        st.lists(st.one_of(st.just("b"), QUOTED), min_size=13, max_size=13),
        st.lists(FIELD, min_size=1, max_size=3),
        st.lists(st.one_of(st.just(""), st.just('"a'), st.just('b"'), QUOTED), min_size=25, max_size=25),
        st.sampled_from([NEEDED, NEEDED, NEEDED, [*NEEDED[1:], NEEDED[0]]]),
    ).map(delimiter.join)
    trailing = st.sampled_from(["", "", "", delimiter, delimiter + '""'])
    every = draw(trailing)
    lines = draw(st.lists(st.tuples(st.one_of(row, row, row, NASTY), st.one_of(st.just(every), trailing), LINE_END)))
    sep = draw(st.sampled_from([""] * 8 + ["sep=,\n", "sep=;\r\n", "SEP=\t\n", '"sep=|"\n', "sep=;;;\n", "sep=\n"]))
    header = delimiter.join(NEEDED) + draw(trailing) + draw(LINE_END)
    text = sep + header + "".join(line + more + end for line, more, end in lines)
    noise = draw(
        st.sampled_from([b""] * 8 + [b"\r", b'"', b"\x81", b"\xe9", b"\xe2\x80", "ã€".encode(), b"a\x87a", b"\x1a"])
    )
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]))
    data = text.encode(encoding, errors="ignore")
    return data + noise if draw(st.booleans()) else data.removesuffix(b"\n") + noise


@pytest.mark.slow
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files(), st.integers(1, 300), st.integers(1, 80), st.integers(1, 9))
def test_rows_are_the_twins_wherever_the_bytes_are_cut(tmp_path, data, block_bytes, window_bytes, piece_bytes):
    path = tmp_path / "registros.csv"
    path.write_bytes(data)

    with mock.patch.object(grammar, "CSV_SCAN_BYTES", piece_bytes):
        try:
            expected = read(data)
        except Refused:
            with pytest.raises(FileRejected):
                survey(path, block_bytes, window_bytes)
            return
        found = survey(path, block_bytes, window_bytes)
        parsed = [
            row
            for block in found.blocks
            for batch in read_block(path, block, found, window_bytes)
            for row in batch.to_pylist()
        ]

    assert parsed == expected.rows
    assert found.rows == len(parsed)
    assert (found.encoding, found.delimiter, found.positions) == (
        expected.encoding,
        expected.delimiter,
        tuple(expected.positions),
    )


@settings(max_examples=300)
@given(st.text(st.sampled_from('a",\n'), max_size=40), st.integers(1, 9))
def test_what_quotes_do_does_not_depend_on_pieces(text, piece_bytes):
    data = text.encode()
    whole = grammar.scan(data, ",")

    with mock.patch.object(grammar, "CSV_SCAN_BYTES", piece_bytes):
        pieces = grammar.scan(data, ",")

    assert (pieces.open, pieces.loose.tolist()) == (whole.open, whole.loose.tolist())
    assert whole.inside is None or pieces.inside.tolist() == whole.inside.tolist()


def test_parsing_one_of_several_blocks_gives_its_own_rows(tmp_path):
    path = tmp_path / "registros.csv"
    path.write_text(HEADER + "\n" + f'{GOOD}\n"a\nb"{REST}\n\n' * 50)
    found = survey(path, block_bytes=200)

    rows = [row for block in found.blocks for batch in read_block(path, block, found) for row in batch.to_pylist()]

    assert len(found.blocks) > 10
    assert found.rows == len(rows) == 100
    assert [row["linha"] for row in rows] == [line for i in range(50) for line in (2 + 4 * i, 3 + 4 * i)]

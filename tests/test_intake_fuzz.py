"""Damaged files through the whole intake, each compared with a twin in plain Python.

For more and other files run: `FUZZ=6000 FUZZ_SEED=7 pytest tests/test_intake_fuzz.py`. Every failure shows the seed.
"""

import os
import re
from pathlib import Path
from random import Random

import pytest

from helpers.inprocess import drop, run_intake
from helpers.intake_twin import Dropped, Twin
from helpers.rows import HEADER
from vendas.sample.generator import write_sample
from vendas.schema import INPUT_NAMES

pytestmark = pytest.mark.slow

FILES = int(os.environ.get("FUZZ", 240))
SEED = int(os.environ.get("FUZZ_SEED", 1))
RUNS = 3
FIXTURES = Path(__file__).parent / "fixtures"

ODD_ROWS = '''\
Loja,{header},Obs\r
1,2024-03-31 14:05,Ana,"de ""Tal""",a@b.example,119,"Mesa
de jantar","1.234,56",C,P,M,V,"5,5%",X,"fim, enfim"\r
\r
 \u00a0\t\r
2,31/03/2024 14:05:09,Zoë,,,,TV 50",R$ 10,,,,,,,\r
3,2024-03-31T14:05:09.123456789,Joa\u0303o,\u200b,\u3000,,"a\r\nb",0,,,,,100%,,\r
curta\r
4,2024-02-30 10:00,,,,,"x"y,-1,,,,,101,,\r
"5","2024-12-31 23:59","a","b","c","d","e","0,50","f","g","h","i","1","j",""
'''
BYTES = [bytes([byte]) for byte in b'\t\n\r ",;|\0\x1a\x80\x81\x85\xa0\xc3\xe9\xff'] + [b"\r\n", b'""', b"\n\n"]
TEXTS = ["\u00a0", "\u200b", "\ufeff", "\u0301", "\u037e", "\u2028", "\u0085", "\x1c", "😀", "é", "e\u0301", "İ", "ﬁ"]
FIELDS = [
    "", " ", '"', '""', '"a', '"a"', '"a"b', 'a"b', '"a\nb"', '"a\r\nb"', '"a\rb"', '"a,b;c\td|e"', "a,b", "a;b",
    '"2024-03-31 14:05,a,b,c,d,e,50\nx,y,z,0,1,2,3"', "a\rb", "'119", '="119"', "'=1", "Ana <a@b.example>",
    "null", "\\", "a" * 1000, "ã" * 501, " " * 1001 + "b", "=1+1", "\u00a050\u3000", "５０", "E\u0301", "É", "é",
]  # fmt: skip
TYPED = {  # by the column's position, if it is the usual one
    0: [
        "2024-03-31", "2024-03-31 14:05", "2024-03-31T14:05:00.0000009", "31/03/2024 14:05", "29/02/2023 10:00",
        "29/02/2024 10:00", "03/31/2024 10:00", "05/06/2024 9:00", "31-03-2024 14:05", "31.03.2024, 14:05:09.5",
        "2024/03/31 9:05", "2024-03-31,14:05:09,123", "05/05/2024 10:00", "2024-03-31 2:05 PM", "2024-03-31 14:05Z",
        "2024-03-31 14:05 -03", "1989-12-31 23:59", "1/1/2024 10:00", "",
    ],
    6: [
        "59.9000", "1 234.56", "1'234.56", "R$ -", "(50)", "50-", "50", "50.00", "R$ 50", "\u008550\u2028", "1.234",
        "1.234.567", "-5", "1.2345", "10000000000", "NaN", "",
    ],
    11: [
        "1", "1.00", "5.250", "5.250%", "", "0", "11", "11.00%", "11 %", "0.11", "0.11%", "0.111%", "-1", "100",
        "100.01", "0.0", "dez",
    ],
}  # fmt: skip


def at_some_byte(change):
    def mutate(random, data, _):
        place = random.randrange(len(data) + 1)
        return data[:place] + change(random, data[place:])

    mutate.__name__ = change.__name__
    return mutate


@at_some_byte
def flip(random, rest):
    return bytes([random.randrange(256)]) + rest[1:]


@at_some_byte
def insert(random, rest):
    return random.choice(BYTES) + rest


@at_some_byte
def insert_text(random, rest):
    return random.choice(TEXTS).encode() + rest


@at_some_byte
def delete(random, rest):
    return rest[random.choice([1, 1, 2, 5, 40]) :]


@at_some_byte
def truncate(random, rest):
    return b""


def splice(random, data, others):
    other = random.choice(others)
    begin, place = random.randrange(len(other)), random.randrange(len(data) + 1)
    return data[:place] + other[begin : begin + random.randrange(1, 600)] + data[place:]


def on_lines(change):
    def mutate(random, data, _):
        lines = data.splitlines(keepends=True) or [b""]
        change(random, lines, random.randrange(len(lines)))
        return b"".join(lines)

    mutate.__name__ = change.__name__
    return mutate


@on_lines
def cut_line(random, lines, place):
    del lines[place]


@on_lines
def duplicate_line(random, lines, place):
    lines.insert(random.randrange(len(lines) + 1), lines[place])


@on_lines
def swap_lines(random, lines, place):
    other = random.randrange(len(lines))
    lines[place], lines[other] = lines[other], lines[place]


@on_lines
def blank_line(random, lines, place):
    lines.insert(place, random.choice([b"\n", b" \r\n", b"\t\t\n", "\u00a0\n".encode(), b"\xa0\n", b"\x1c\n"]))


@on_lines
def change_line_end(random, lines, place):
    lines[place] = lines[place].rstrip(b"\r\n") + random.choice([b"\n", b"\r\n", b"\n", b"\r\n", b"\r", b"", b"\n\r\n"])


@on_lines
def change_field(random, lines, place):
    delimiter = max(b",;\t|", key=lines[place].count)
    fields = lines[place].split(bytes([delimiter]))
    fields[random.randrange(len(fields))] = random.choice(FIELDS).encode()
    lines[place] = bytes([delimiter]).join(fields)


@on_lines
def change_typed(random, lines, place):
    delimiter = max(b",;\t|", key=lines[place].count)
    fields, chosen = lines[place].split(bytes([delimiter])), random.choice(list(TYPED))
    fields[chosen : chosen + 1] = [random.choice(TYPED[chosen]).encode()]
    lines[place] = bytes([delimiter]).join(fields)


@on_lines
def quote_field(random, lines, place):
    fields = lines[place].split(b",")
    chosen = random.randrange(len(fields))
    fields[chosen] = b'"' + fields[chosen].replace(b'"', b'""') + b'"'
    lines[place] = b",".join(fields)


@on_lines
def change_case(random, lines, place):
    lines[0] = random.choice([bytes.upper, bytes.lower, bytes.title])(lines[0])


@on_lines
def trail_lines(random, lines, place):
    """Add a delimiter at the end of every line, of the header only, or of all lines but one."""
    delimiter = max(b",;\t|", key=lines[0].count)
    chosen = random.choice([range(len(lines)), range(1, len(lines)), range(1), range(2, len(lines))])
    for number in chosen:
        text = lines[number].rstrip(b"\r\n")
        lines[number] = text + bytes([delimiter]) + lines[number][len(text) :]


@on_lines
def repeat_header(random, lines, place):
    header = random.choice([lines[0], lines[0], lines[0].upper(), b"\xef\xbb\xbf" + lines[0]])
    if random.random() < 0.3:
        delimiter = bytes([max(b",;\t|", key=header.count)])
        header = delimiter.join(reversed(header.rstrip(b"\r\n").split(delimiter))) + b"\n"
    lines.insert(place + 1, header)


@on_lines
def stray_quote(random, lines, place):
    """Add a quote that opens a field and closes in the next line, in a later one, or never."""
    delimiter = bytes([max(b",;\t|", key=lines[place].count)])
    fields = lines[place].split(delimiter)
    fields[random.randrange(len(fields))] = b'"Kit'
    lines[place] = delimiter.join(fields)
    closing = min(place + random.choice([1, 1, 2, 9]), len(lines) - 1)
    lines[closing] = lines[closing].replace(delimiter, b'"' + delimiter, 1)


@on_lines
def blank_record(random, lines, place):
    delimiter = bytes([max(b",;\t|", key=lines[0].count)])
    lines.insert(
        place, random.choice([delimiter * 12, delimiter, b'""', b'"" ' + delimiter, b'" "' + delimiter]) + b"\n"
    )


@on_lines
def mix_encoding(random, lines, place):
    """Encode one line differently: a mixture, or a foreign code page among ASCII."""
    text = lines[place].decode("utf-8", errors="replace")
    lines[place] = text.encode(random.choice(["cp1252", "cp850", "mac_roman", "utf-8"]), errors="ignore")


def add_sep_line(random, data, _):
    return random.choice([b"sep=,\n", b"sep=;\r\n", b"SEP=\t\n", b'"sep=|"\n', b"sep=,,,\r\n"]) + data


def end_like_dos(random, data, _):
    return data + random.choice([b"\x1a", b"\r\n\x1a", b"\x1a\x1a\r\n"])


def add_title(random, data, _):
    return random.choice([b"Vendas\n\n", b"Vendas;;;\r\n", b"\n"]) + data


def change_delimiter(random, data, _):
    return data.replace(b",", random.choice([b";", b"\t", b"|", b":"]))


def change_line_ends(random, data, _):
    return data.replace(b"\r\n", b"\n").replace(b"\n", random.choice([b"\n", b"\r\n", b"\r\r\n", b"\r\n", b"\r"]))


def change_encoding(random, data, _):
    text = data.decode("utf-8", errors="replace")
    encoding = random.choice(
        ["cp1252", "cp1252", "cp1252", "utf-8-sig", "latin-1", "utf-16", "utf-8", "cp850", "mac_roman", "cp860"]
    )
    return text.encode(encoding, errors="ignore")


MUTATIONS = [
    flip, insert, insert, insert_text, delete, truncate, splice, splice, cut_line, duplicate_line, duplicate_line,
    swap_lines, blank_line, change_line_end, change_field, change_field, *[change_typed] * 8, quote_field, change_case,
    change_delimiter, change_line_ends, change_encoding, change_encoding, trail_lines, trail_lines, repeat_header,
    repeat_header, stray_quote, stray_quote, blank_record, mix_encoding, mix_encoding, add_sep_line, end_like_dos,
    add_title,
]  # fmt: skip


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Return good files, with few rows because the twin is slow."""
    folder = tmp_path_factory.mktemp("sample")
    odd = ODD_ROWS.format(header=HEADER).encode()
    heads = [b"".join(path.read_bytes().splitlines(keepends=True)[:25]) for path in sorted(FIXTURES.glob("*.csv"))]
    samples = [path.read_bytes() for path in write_sample(80, folder, files=4)]
    brazilian = [data.decode().replace(",", ";").replace("\n", "\r\n").encode("cp1252") for data in samples]
    return [odd, odd, *heads, *samples, *brazilian]


def mutated(random, number, originals):
    """Return a file with one to four mutations, and their names."""
    data, chosen = random.choice(originals), random.choices(MUTATIONS, k=random.choice([0, 1, 1, 2, 2, 3, 4]))
    for mutate in chosen:
        data = mutate(random, data, originals)
    moment = 1_700_000_000_000 + random.randrange(FILES)  # in any order, some in the same millisecond
    return Dropped(f"registros_{number}.csv", moment, data), [mutate.__name__ for mutate in chosen]


@pytest.fixture(scope="module")
def fuzzed(originals, tmp_path_factory):
    """Return the twin, the lake after its last run, and every file with its mutations."""
    lake, random, twin, files = tmp_path_factory.mktemp("fuzz"), Random(SEED), Twin(), []
    for run in range(RUNS):
        batch = [mutated(random, number, originals) for number in range(run, FILES, RUNS)]
        for file, _ in batch:
            drop(lake, file.name, file.data, at=file.milliseconds / 1000)
        twin.run([file for file, _ in batch])
        intake = run_intake(lake)
        files += batch
    return twin, intake, files


def outcome_of(intake, name):
    """Return the file's outcome in the lake, in the twin's form."""
    event, counts = intake.bronze(name), intake.counts(name)
    return (event.situacao == "rejeitado", *counts[:3], intake.quarantined(name))


def test_every_file_comes_out_as_its_twin(fuzzed):
    twin, intake, files = fuzzed
    wrong = []
    for file, mutations in files:
        told = twin.outcomes[file.bronze_name]
        expected = (told.rejected, told.read, told.silver, told.duplicates, told.quarantined)
        if outcome_of(intake, file.name) != expected:
            wrong.append((file.bronze_name, mutations, expected, outcome_of(intake, file.name)))

    assert wrong == [], f"FUZZ={FILES} FUZZ_SEED={SEED}"


def test_every_sale_is_the_twins_and_in_the_file_that_keeps_it(fuzzed):
    twin, intake, files = fuzzed

    kept = [
        (tuple(sale[name] for name in INPUT_NAMES), file.bronze_name)
        for file, _ in files
        for sale in intake.sales(file.name)
    ]

    assert sorted(kept) == sorted(twin.sales.items()), f"FUZZ={FILES} FUZZ_SEED={SEED}"


def test_a_file_is_rejected_whole_or_conserved(fuzzed):
    _, intake, files = fuzzed
    for file, mutations in files:
        read, silver, duplicates, quarantined = intake.counts(file.name)
        if intake.bronze(file.name).situacao == "rejeitado":
            assert intake.bronze(file.name).motivo and read == 0, mutations
        assert read == silver + duplicates + quarantined
        assert len(intake.sales(file.name)) == silver and len(intake.quarantined(file.name)) == quarantined


def test_refused_rows_stand_in_their_file_where_quarantine_says(fuzzed):
    _, intake, files = fuzzed
    for file, _ in files:
        lines = decoded(file.data).split("\n")
        for line, text, reasons in intake.quarantined(file.name):
            found = "\n".join(lines[line - 1 :])
            assert reasons and found.startswith(text)
            assert re.match("\r{0,2}\n|\x1a|\\Z", found[len(text) :])


def decoded(data):
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def test_the_damage_is_neither_harmless_nor_fatal(fuzzed):
    twin, _, files = fuzzed
    rejected = sum(outcome.rejected for outcome in twin.outcomes.values())

    assert FILES * 0.1 < rejected < FILES * 0.6
    assert any(outcome.quarantined for outcome in twin.outcomes.values())
    assert any(outcome.duplicates for outcome in twin.outcomes.values())

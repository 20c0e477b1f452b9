"""The dialect of CSV files: which files are accepted, what is detected, and how the others are rejected."""

import re
import subprocess
import sys
import unicodedata
from functools import partial

import pytest

from helpers.rows import HEADER, NEEDED, positions
from vendas.csvfile import column_names, dialect
from vendas.csvfile.code_pages import ForeignLetters
from vendas.csvfile.dialect import Block, survey
from vendas.csvfile.grammar import windows
from vendas.declaration_types import Input, Type
from vendas.errors import FileRejected

GOOD = "1,2,3,4,5,6,7,8,9,10,11,12,13"
UTF8_BOM = b"\xef\xbb\xbf"
HEADER_LINES = HEADER + "\n"
ASCII_LINES = HEADER.replace("ç", "c").replace("ã", "a").replace("ó", "o") + "\n"


@pytest.fixture
def look(tmp_path):
    def look(data, **sizes):
        """Return the survey of a file with these bytes (or this text in UTF-8)."""
        path = tmp_path / "registros.csv"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return survey(path, **sizes)

    return look


@pytest.fixture
def refusal(look):
    def refusal(data, **sizes):
        """Return the reason why the file is rejected."""
        with pytest.raises(FileRejected) as raised:
            look(data, **sizes)
        return str(raised.value)

    return refusal


SPELLINGS = [
    str.upper,
    str.lower,
    lambda name: f" \u00a0{name}\t",
    lambda name: name.replace(" ", " \u00a0\u2003 "),
    lambda name: name.replace("ç", "c").replace("ã", "a").replace("ó", "o"),
    lambda name: name.replace("ç", "c\u0327").replace("ã", "a\u0303").replace("ó", "o\u0301"),
    lambda name: f'"{name}"',
    lambda name: '"' + name.replace(" ", "\n") + '"',
    lambda name: f"\ufeff{name}",
    lambda name: name.replace(" ", "_").lower(),
    lambda name: name.replace(" ", "").lower(),
    lambda name: "\u200b".join(name),
    lambda name: f"{name}:",
    lambda name: f"{name} (R$)",
    lambda name: f"{name} (%) *",
    lambda name: f"{name} (R$)_",
    lambda name: f"{name}_ (R$) __ -",
    lambda name: name.replace("Email", "E-mail"),
    lambda name: f"{name[0]}-{name[1:]}",
    lambda name: " ".join(name),
    lambda name: unicodedata.normalize("NFD", "\u0301".join(name)),
    lambda name: name.replace("e", "é"),
    lambda name: name.replace("Timestamp do Registro", "DATA:"),
]


@pytest.mark.parametrize("spell", SPELLINGS)
def test_header_names_match_however_they_are_spelt(look, spell):
    assert look(",".join(map(spell, NEEDED)) + "\n").positions == positions(*range(13))


@pytest.mark.parametrize("spell", SPELLINGS)
def test_a_header_further_down_is_found_however_it_is_spelt(look, refusal, spell):
    again, reverse = ",".join(map(spell, NEEDED)), ",".join(map(spell, reversed(NEEDED)))

    assert look(f"{HEADER}\n{GOOD}\n{again}\n{GOOD}\n").repeated_lines == (3,)
    assert "Na linha 3 o cabeçalho aparece outra vez" in refusal(f"{HEADER}\n{GOOD}\n{reverse}\n")
    assert "O cabeçalho está na linha 2" in refusal(f"Vendas\n{again}\n")


def test_columns_may_come_in_any_order_among_extra_ones(look):
    found = look(",".join(['"Loja, ""X""\nSul"', *reversed(NEEDED), "", " Obs  1 ", "", "Obs 1"]) + "\n")

    assert found.positions == positions(*range(13, 0, -1))
    assert found.extra == ('Loja, "X" Sul', "", "Obs 1", "", "Obs 1")
    assert found.header == (found.extra[0], *reversed(NEEDED), *found.extra[1:])


@pytest.mark.parametrize(
    ("header", "rows", "extra"),
    [
        (f"{HEADER},", "", ()),
        (f"{HEADER},", f"{GOOD},\n{GOOD},\n", ()),
        (f'{HEADER},""', f'{GOOD},""\n\n{HEADER},\n', ()),
        (f"{HEADER},", f"{GOOD}\n", ()),
        (HEADER, f"{GOOD},\n", ()),
        (f"{HEADER},", f"{GOOD},\n{GOOD},x\n", ("",)),
        (f"{HEADER},Obs,", f"{GOOD},,\n", ("Obs",)),
        (f"{HEADER},,", f"{GOOD},,\n", ("",)),
    ],
)
def test_a_delimiter_at_the_end_is_no_extra_column(look, header, rows, extra):
    assert look(f"{header}\n{rows}").extra == extra


def test_a_file_may_have_ten_thousand_columns(look):
    assert len(look(HEADER + "," * 9_987 + "\n").header) == 10_000


def test_another_name_of_a_column_is_an_extra_one_beside_the_proper_one(look):
    found = look(f"Data,{HEADER}\n")

    assert (found.positions, found.extra) == (positions(*range(1, 14)), ("Data",))


def test_the_last_column_of_origins_is_read_so_it_is_no_extra_one(look):
    found = look(f"{HEADER},Motivos,Linha de Origem,LINHA_DE_ORIGEM\n")

    assert (found.origin, found.extra) == (15, ("Motivos", "Linha de Origem"))


@pytest.mark.parametrize("sep", ["sep=;\n", "SEP=;\r\n", '"sep=;"\n', "sep=;;;;\n", "sep=;\r\r\n"])
def test_a_first_line_that_names_the_delimiter_is_skipped(look, sep):
    found = look(sep + HEADER.replace(",", ";") + "\n" + GOOD.replace(",", ";"))

    assert (found.delimiter, found.rows, found.blocks[0].first_line) == (";", 1, 3)


def test_headers_further_down_are_counted_and_their_first_lines_named(look):
    found = look(HEADER_LINES + (GOOD + "\n" + HEADER_LINES) * 30)

    assert (found.rows, found.repeated, found.repeated_lines) == (30, 30, tuple(range(3, 43, 2)))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_the_delimiter_is_the_headers(look, delimiter, quote):
    names = [f"{quote}{name}{quote}" for name in NEEDED]
    others = "".join({",", ";", "\t", "|"} - {delimiter})

    found = look(delimiter.join([*names, f"x{others}"]) + "\n" + others * 20 + "\n")

    assert (found.delimiter, found.rows) == (delimiter, 1)


@pytest.mark.parametrize(
    ("data", "encoding", "bom"),
    [
        (HEADER.encode(), "utf-8", False),
        (UTF8_BOM + HEADER.encode(), "utf-8", True),
        (UTF8_BOM + b"\n \r\n" + HEADER.encode(), "utf-8", True),
        (UTF8_BOM + f'"{HEADER}'.replace(",", '",', 1).encode(), "utf-8", True),
        (HEADER.encode("cp1252"), "cp1252", False),
        (HEADER.encode("cp1252") + "\n“IRMÔ é MAÇÃ– d’água".encode("cp1252"), "cp1252", False),
        (HEADER.encode("cp1252") + "\nMAÇû LÃ\u00a0AZUL, LÃ\u00a0 amanhã…”".encode("cp1252"), "cp1252", False),
        (HEADER.encode("cp1252") + b"\nMA\xc7\xc3\xa0", "cp1252", False),
        (HEADER.encode("cp1252") + "\nmanhã…” TV™ R$ 5 ¢ Håkan Jäger œuvre".encode("cp1252"), "cp1252", False),
        (HEADER.encode("cp1252") + "\nCore™i5 Preço€uro disse“olá” a£b Vans™Old".encode("cp1252"), "cp1252", False),
        (ASCII_LINES.encode() + "\nCore™i5 Preço€uro disse“olá” a£b Vans™Old".encode("cp1252"), "cp1252", False),
        (ASCII_LINES.encode() + "Intel™core Lego™Star palavra“nova Home›Loja 5€cada".encode("cp1252"), "cp1252", False),
        (b"\xa0\n" + HEADER.encode("cp1252"), "cp1252", False),
        (HEADER.encode() + b"\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "utf-8", False),
    ],
)
@pytest.mark.parametrize("window", [1, 2, 3, 1 << 20])
def test_the_encoding_is_that_of_all_bytes(look, data, encoding, bom, window):
    found = look(data, window_bytes=window)

    assert (found.encoding, found.bom, found.positions) == (encoding, bom, positions(*range(13)))


@pytest.mark.parametrize("rows", ["", "\n", "\r\n", "\n\n \n\u00a0"])
def test_a_header_without_rows_is_a_good_file(look, rows):
    found = look(HEADER + rows)

    assert (found.rows, found.blocks) == (0, ())


MIXTURE = "mistura codificações: a linha {} tem texto em UTF-8, e a linha {} tem bytes que não são UTF-8"
BEFORE, LAST = HEADER.rsplit(",", 1)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "vazio (0 bytes)"),
        (b"\n \t\r\n\n", "não tem cabeçalho"),
        (UTF8_BOM, "não tem cabeçalho"),
        (UTF8_BOM + b"\n\xc2\xa0\n", "não tem cabeçalho"),
        (HEADER.encode("utf-16"), "UTF-16"),
        (HEADER.encode("utf-32"), "UTF-16 ou UTF-32"),
        (HEADER.encode("utf-16-le"), "bytes nulos (NUL), o primeiro na linha 1"),
        (HEADER.encode("utf-32-be"), "bytes nulos (NUL), o primeiro na linha 1"),
        (b"PK\x03\x04\x14\0\x06\0" + b"[Content_Types].xml", "é uma planilha do Excel ou um zip, não um CSV"),
        (b"PK\x05\x06" + b"\0" * 18, "é uma planilha do Excel ou um zip, não um CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16, "é uma planilha do Excel ou um zip, não um CSV"),
        (HEADER_LINES + "a\nb\0", "bytes nulos (NUL), o primeiro na linha 3"),
        (ASCII_LINES.encode() + b"a\n\xe9\n\x81", "não está em UTF-8 (há um byte inválido na linha 3)"),
        (ASCII_LINES.encode() + b"a\n\xe9\n\x81", "nem em Windows-1252 (há um byte sem significado na linha 4)"),
        (HEADER_LINES.encode() + b"a\n\xe9\n\x81", MIXTURE.format(1, 3)),
        (HEADER_LINES.encode() + b"a\n\xe9", MIXTURE.format(1, 3)),
        (HEADER_LINES.encode() + b"a\xc3", MIXTURE.format(1, 2)),
        (HEADER_LINES.encode("cp1252") + "Zé\n".encode("cp1252") + "João".encode(), MIXTURE.format(3, 1)),
        *(
            (HEADER_LINES.encode("cp1252") + b"Z\xe9\n" + f"{text}\n".encode(), MIXTURE.format(3, 1))
            for text in (
                "pago à vista",
                "voilà",
                "ANTÔNIO",
                "Ônibus",
                "MAIÔ",
                "10×20",
                "10 × 20",
                "a\u00a0b",
                "A\u00a0B",
            )
        ),
        *(
            (HEADER_LINES.encode("cp1252") + f"“Z”\n{text}\n".encode("cp1252"), MIXTURE.format(3, 1))
            for text in ("MAIÃ” PRETO", "“S” MAIÃ”", "“S” Ã”NIBUS", "PRÃ–MIO")
        ),
        (HEADER_LINES.encode("cp1252") + "a ■ b ® c".encode(), MIXTURE.format(2, 1)),
        (ASCII_LINES.encode() + "“€”\n".encode() + b"Z\xe9", MIXTURE.format(2, 3)),
        (ASCII_LINES.encode() + "😀\n".encode() + b"Z\xe9", MIXTURE.format(2, 3)),
        (UTF8_BOM + ASCII_LINES.encode() + b"Z\xe9", MIXTURE.format(1, 2)),
        (ASCII_LINES.encode() + "a\nJoão".encode("cp850"), "CP850, e são aceitos UTF-8 e Windows-1252: na linha 3 há"),
        (ASCII_LINES.encode() + "João".encode("cp850"), "há 'JoÆo', que em CP850 é 'João'"),
        (ASCII_LINES.encode() + "CONCEIÇÃO".encode("cp850"), "há 'CONCEI€ÇO', que em CP850 é 'CONCEIÇÃO'"),
        (ASCII_LINES.encode() + "Antônio".encode("cp850"), "há 'Ant“nio', que em CP850 é 'Antônio'"),
        (ASCII_LINES.encode() + "Sofá, João".encode("cp860"), "há 'Jo„o', que em CP860 é 'João'"),
        (HEADER_LINES.encode("mac_roman"), "que em MacRoman é 'Interação'"),
        (ASCII_LINES.encode() + "Célia é João".encode("mac_roman"), "há 'CŽlia', que em MacRoman é 'Célia'"),
        (ASCII_LINES.encode() + "São Paulo".encode("cp850"), "há 'SÆo', que em CP850 é 'São'"),
        (
            ASCII_LINES.encode() + "A™B €50 Core™i5\nJoão".encode("cp1252") + b"\nJo\x8bo Ant\x99nio",
            "na linha 4 há 'Jo‹o'",
        ),
        (BEFORE, f"falta: '{LAST}'. Vieram 12 colunas, separadas por vírgula: 'Timestamp do Registro', 'Nome'"),
        (HEADER + ",Nome", "repetida: 'Nome'"),
        (HEADER + ",NOME,  \u00a0nomé", "repetida: 'Nome'"),
        (f"{BEFORE},Nome", f"falta: '{LAST}'; repetida: 'Nome'"),
        (HEADER.replace(",Nome,", ",Nomes,"), "falta: 'Nome'"),
        (HEADER.replace(",Nome,", ",Nome 1,"), "falta: 'Nome'"),
        (HEADER.replace("Timestamp do Registro", "Data") + ",DATA", "repetida: 'Timestamp do Registro'"),
        (
            "Vendas\n\n" + HEADER_LINES,
            "O cabeçalho está na linha 3; antes dele há outro texto, a partir da linha 1. Apague as linhas 1 a 2",
        ),
        (
            "\nVendas;2024\n" + HEADER_LINES.replace(",", ";"),
            "O cabeçalho está na linha 3; antes dele há outro texto, a partir da linha 2. Apague a linha 2",
        ),
        ("sep=;\n" + HEADER_LINES, "'sep=', indica outro delimitador (';') que o do cabeçalho (vírgula)"),
        ("sep=\n" + HEADER_LINES, "'sep=', indica outro delimitador ('')"),
        (HEADER_LINES + GOOD + "\n" + ",".join(reversed(NEEDED)), "Na linha 3 o cabeçalho aparece outra vez"),
        (HEADER.replace(",", ":"), "detectar o delimitador"),
        ("\n\na,b;c", "detectar o delimitador: o cabeçalho (linha 3)"),
        (HEADER_LINES + GOOD + '\n\n"a\nb\n', "aspas abertas no registro que começa na linha 4 nunca são fechadas"),
        (HEADER_LINES + '"', "linha 2 nunca são fechadas"),
        (HEADER_LINES + '"a"",', "linha 2 nunca são fechadas"),
        (f'{BEFORE},"{LAST}', "linha 1 nunca são fechadas"),
        (HEADER + "\r" + GOOD, "Na linha 1 há um retorno de carro (CR)"),
        (HEADER + "\r", "Na linha 1 há um retorno de carro (CR)"),
        ("\n" + HEADER + "\r" + GOOD + "\n", "Na linha 2 há um retorno de carro (CR)"),
        (HEADER + "," * 9_988, "10001 colunas; são aceitas no máximo 10000"),
    ],
)
@pytest.mark.parametrize("window", [1, 5, 1 << 20])
def test_a_file_is_rejected_with_what_is_wrong_and_what_to_do(refusal, data, says, window):
    message = refusal(data, window_bytes=window)

    assert says in message
    assert re.search(r"\. [A-Z][^.]* e envie o arquivo de novo; nada dele foi carregado\.$", message)


@pytest.mark.parametrize("window", [1, 7, 1 << 20])
def test_a_record_beyond_the_limit_is_rejected_with_both_possible_causes(refusal, monkeypatch, window):
    monkeypatch.setattr(dialect, "windows", partial(windows, longest=250))

    message = refusal(HEADER_LINES + "a\n" + "b" * 251 + "\n" + "c" * 300, window_bytes=window)

    assert "O registro que começa na linha 3 passa de 250 bytes" in message
    assert "nunca são fechadas" in message
    assert "faltam as quebras de linha" in message


def test_a_message_stays_short_whatever_the_header(refusal):
    assert len(refusal(",".join(["x" * 400] * 9000))) < 4000


def test_blocks_hold_all_rows_and_are_cut_at_record_ends(look):
    rows = 'a\n\n"b\nc"\r\nd'

    found = look(HEADER_LINES + rows, block_bytes=2)

    start = len(HEADER_LINES.encode())
    assert found.blocks == (Block(start, 2, 2), Block(start + 2, 8, 3), Block(start + 10, 1, 6))
    assert found.rows == 3


def test_blocks_and_counts_do_not_depend_on_the_windows(look):
    data = UTF8_BOM + (HEADER_LINES + f'{GOOD}\n"a\n""b"x\n \u00a0\r\n,\r\n' * 20).encode()

    assert len({look(data, block_bytes=50, window_bytes=window) for window in [1, 2, 3, 10, 64, 1000, 1 << 20]}) == 1


BOUNDED = """
import re, sys
from pathlib import Path
from vendas.csvfile.dialect import survey
from vendas.errors import FileRejected
try:
    survey(Path(sys.argv[1]))
except FileRejected as error:
    print(error)
# Of this program alone; ru_maxrss would count what its parent had before.
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("begin", "repeated", "says"),
    [
        ("", "x", "linha 1 passa de 4.194.304 bytes"),
        ("", ",", "linha 1 passa de 4.194.304 bytes"),
        (HEADER_LINES, '"', "linha 2 passa de 67.108.864 bytes"),
        (HEADER_LINES + 'a,"', "texto\n", "linha 2 passa de 67.108.864 bytes"),
        (HEADER_LINES, '"a",\r', "linha 2 passa de 67.108.864 bytes"),
        (HEADER_LINES + "a", ",", "linha 2 passa de 67.108.864 bytes"),
    ],
)
def test_memory_is_bounded_for_300_mb_of_nonsense(tmp_path, begin, repeated, says):
    path = tmp_path / "registros.csv"
    megabyte = (repeated * (1 << 20))[: 1 << 20].encode()
    with path.open("wb") as file:
        file.write(begin.encode())
        file.writelines(megabyte for _ in range(300))

    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(path)], capture_output=True, text=True, check=True, timeout=60
    )

    *message, megabytes = done.stdout.splitlines()
    path.unlink()
    assert says in "".join(message)
    assert int(megabytes) < 600


def test_a_file_may_lack_an_optional_column_and_have_it_once(monkeypatch):
    needed = Input("Canal", Type.TEXT, "", "-")
    paid = Input("Pagamento", Type.TEXT, "", "-", optional=True, other_names=("Forma",))
    monkeypatch.setattr(column_names, "INPUT_COLUMNS", (needed, paid))
    headers = {("Canal",): (0, None), ("Pagamento", "Canal"): (1, 0), ("Forma", "Canal"): (1, 0)}
    for names, expected in headers.items():
        places = column_names.name_places(names)
        assert column_names.are_headers(places) and column_names.positions_of(places) == expected
    for names in [("Pagamento",), ("Canal", "Pagamento", "Pagamento"), ("Canal", "Canal")]:
        assert not column_names.are_headers(column_names.name_places(names))


def test_foreign_letters_are_found_once_wherever_the_bytes_are_cut():
    data = "João; Peça".encode("cp850")
    places = [place for place, byte in enumerate(data) if byte >= 0x80]
    for cut in range(len(data) + 1):
        letters = ForeignLetters()
        letters.add(data[:cut], 100)
        letters.add(data[cut:], 100 + cut)
        assert letters.places == [100 + place for place in places], cut

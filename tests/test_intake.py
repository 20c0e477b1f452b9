"""The contract's promises about files and rows, tested through the whole intake: drop a file, run, check the lake.

Cases share a lake and a run, with one file or row each, so that a table of cases takes seconds, not minutes.
"""

import codecs
import csv
import hashlib
import io
import unicodedata
from datetime import datetime
from decimal import Decimal
from time import perf_counter

import pytest

from helpers.inprocess import drop, run_intake
from helpers.intake_twin import sale_of
from helpers.rows import HEADER, NEEDED
from vendas.sample.generator import write_sample
from vendas.schema import INPUT_NAMES, MISSING, MISSING_CODE, TEXT_COLUMNS

UTF8_BOM = codecs.BOM_UTF8
NBSP, ZERO_WIDTH = "\u00a0", "\u200b"
TIMESTAMP, VALOR, DESCONTO = "Timestamp do Registro", "Valor da Compra", "Desconto Oferecido"
PRODUTO, PLATAFORMA, CODIGO = "Produto Adquirido", "Plataforma de Interação", "Código de Desconto Usado"
COUNT, LOOSE = "numero_de_campos", "texto_apos_aspas"
RETURN, SWALLOWS = "retorno_de_carro", "aspas_engolem_linhas"


def row(product, **changed):
    """Return a good line for this product, with fields as they are in the file; set others by `**{name: text}`."""
    plain = ["2024-03-31 14:05", "Ana", "Souza", "a@b.example", "119", product, "50", "C", "P", "M", "V", "", "X"]
    fields = dict.fromkeys(NEEDED, "") | dict(zip(NEEDED, plain, strict=False))
    return ",".join((fields | changed).values())


def lines(*texts, end="\n"):
    return "".join(text + end for text in texts)


def reverse(line):
    return ",".join(reversed(line.split(",")))


def delimited(delimiter, line):
    return line.replace(",", delimiter)


# By file: name, content, the products in silver, and line, text and reasons in quarantine.
ACCEPTED = [
    ("ordem", lines(reverse(HEADER), reverse(row("ordem"))), ["ordem"], []),
    ("maiusculas", lines(HEADER.upper(), row("maiusculas")), ["maiusculas"], []),
    ("sem acentos", lines(HEADER.translate(str.maketrans("çãó", "cao")), row("sem acentos")), ["sem acentos"], []),
    ("decomposto", lines(unicodedata.normalize("NFD", HEADER), row("decomposto")), ["decomposto"], []),
    ("brancos", lines(HEADER.replace(",", f" ,{NBSP}\t"), row("brancos")), ["brancos"], []),
    ("brancos repetidos", lines(HEADER.replace(" ", f" {NBSP} "), row("repetidos")), ["repetidos"], []),
    ("entre aspas", lines('"' + HEADER.replace(",", '","') + '"', row("entre aspas")), ["entre aspas"], []),
    ("linhas antes", lines("", " \t", HEADER, row("linhas antes"), "x"), ["linhas antes"], [(5, "x", [COUNT])]),
    ("bom", UTF8_BOM + lines(HEADER, row("bom")).encode(), ["bom"], []),
    ("bom e aspas", UTF8_BOM + lines(f'"{HEADER}'.replace(",", '",', 1), row("aspas")).encode(), ["aspas"], []),
    (
        "a mais",
        lines(f"Loja,{HEADER},Obs", f"1,{row('a mais')},ok", row("curta")),
        ["a mais"],
        [(3, row("curta"), [COUNT])],
    ),
    ("sublinhados", lines(HEADER.replace(" ", "_").lower(), row("sublinhados")), ["sublinhados"], []),
    ("pontuação", lines(HEADER.replace(",", " :,").replace("Email", "E-mail"), row("pontuação")), ["pontuação"], []),
    ("unidades", lines(HEADER.replace(",Canal", " (R$),Canal"), row("unidades")), ["unidades"], []),
    ("invisíveis", lines(ZERO_WIDTH.join(HEADER), row("invisíveis")), ["invisíveis"], []),
    ("outro nome", lines(HEADER.replace(TIMESTAMP, "DATA"), row("outro nome")), ["outro nome"], []),
    ("sep", lines("sep=,", HEADER, row("sep"), "x"), ["sep"], [(4, "x", [COUNT])]),
    (
        "sep e bom",
        UTF8_BOM + lines('"SEP=;"', delimited(";", HEADER), delimited(";", row("sep e bom"))).encode(),
        ["sep e bom"],
        [],
    ),
    ("vazia", lines(HEADER, "2024-01-01 10:00,,,,,,1,,,,,,"), [MISSING], []),
    ("utf-8", lines(HEADER, row("Pão € 😀")), ["Pão € 😀"], []),
    (
        "cp1252",
        lines(HEADER, row("Pão €"), f"É{NBSP}ß").encode("cp1252"),
        ["Pão €"],
        [(3, f"É{NBSP}ß", [COUNT])],
    ),
    (
        "cp1252 mas com cabeçalho sem acentos",
        lines(HEADER.translate(str.maketrans("çãó", "cao")), row("Café")).encode("cp1252"),
        ["Café"],
        [],
    ),
    ("só cabeçalho", HEADER, [], []),
    ("só cabeçalho e linhas em branco", lines(HEADER, "", " ", NBSP), [], []),
    ("ponto e vírgula", lines(delimited(";", HEADER), delimited(";", row("a|b\tc"))), ["a|b c"], []),
    ("tabulação", lines(delimited("\t", HEADER), delimited("\t", row("a;b|c"))), ["a;b|c"], []),
    ("barra", lines(delimited("|", HEADER), delimited("|", row("a;b\tc"))), ["a;b c"], []),
    ("cr cr lf", lines(HEADER, row("cr cr lf"), "", "x", end="\r\r\n"), ["cr cr lf"], [(4, "x", [COUNT])]),
    (
        "um cr",
        lines(HEADER, row("a\rb"), row("y") + "\r" + row("z"), row("um cr")),
        ["um cr"],
        [(2, row("a\rb"), [RETURN]), (3, row("y") + "\r" + row("z"), [COUNT, RETURN])],
    ),
    (
        "aspas que engolem",
        lines(HEADER, row('"Kit'), row("engolida"), row('TV 24"'), row("depois das aspas")),
        ["depois das aspas"],
        [(2, "\n".join([row('"Kit'), row("engolida"), row('TV 24"')]), [SWALLOWS])],
    ),
    (
        "delimitador a mais",
        lines(HEADER, row("a mais 1") + ",", "", row("a mais 2") + ',""'),
        ["a mais 1", "a mais 2"],
        [],
    ),
    ("delimitador a mais só no cabeçalho", lines(HEADER + ",", row("só no cabeçalho")), ["só no cabeçalho"], []),
    (
        "delimitador a mais em parte",
        lines(HEADER, row("em parte"), row("recusada") + ","),
        ["em parte"],
        [(3, row("recusada") + ",", [COUNT])],
    ),
    ("linhas de delimitadores", lines(HEADER, "," * 12, row("entre"), ',"",, ', '""', ",", '" "'), ["entre"], []),
    ("ctrl-z", lines(HEADER, row("ctrl-z")) + "\x1a", ["ctrl-z"], []),
    (
        "mês na frente",
        lines(HEADER, *(row(day, **{TIMESTAMP: f"{day} 10:00"}) for day in ("03/05/2024", "03/25/2024", "04/04/2024"))),
        ["04/04/2024"],
        [
            (2, row("03/05/2024", **{TIMESTAMP: "03/05/2024 10:00"}), ["timestamp_ambiguo"]),
            (3, row("03/25/2024", **{TIMESTAMP: "03/25/2024 10:00"}), ["timestamp_impossivel"]),
        ],
    ),
    ("um por cento", lines(HEADER, row("um", **{DESCONTO: "1"}), row("dez", **{DESCONTO: "10"})), ["dez", "um"], []),
    (
        "frações",
        lines(HEADER, row("um", **{DESCONTO: "1,00"}).replace("1,00", '"1,00"'), row("meio", **{DESCONTO: "0.5"})),
        [],
        [
            (2, row("um", **{DESCONTO: '"1,00"'}), ["desconto_um_ambiguo"]),
            (3, row("meio", **{DESCONTO: "0.5"}), ["desconto_ambiguo"]),
        ],
    ),
    ("cabeçalho repetido", lines(HEADER, row("um"), HEADER.upper(), row("dois"), HEADER), ["dois", "um"], []),
    ("crlf", lines(HEADER, row("crlf"), "", "x", end="\r\n"), ["crlf"], [(4, "x", [COUNT])]),
    ("lf e crlf", HEADER + "\r\n" + row("lf") + "\n" + row("e crlf") + "\r\n", ["e crlf", "lf"], []),
    ("sem fim", lines(HEADER, row("sem fim")) + "x,y", ["sem fim"], [(3, "x,y", [COUNT])]),
    (
        "campos",
        lines(HEADER, "x", row("campos") + ",", row("campos").removesuffix(",X"), row("campos")),
        ["campos"],
        [(2, "x", [COUNT]), (3, row("campos") + ",", [COUNT]), (4, row("campos").removesuffix(",X"), [COUNT])],
    ),
    (
        "depois das aspas",
        lines(HEADER, row('"a"b'), row('"a" '), row('""x'), '"a"b', row("depois")),
        ["depois"],
        [(2, row('"a"b'), [LOOSE]), (3, row('"a" '), [LOOSE]), (4, row('""x'), [LOOSE]), (5, '"a"b', [COUNT, LOOSE])],
    ),
    (
        "linhas físicas",
        lines(HEADER, "", row('"a\nb\r\nc\rd"'), f" {NBSP}\t", "u", row("v", **{VALOR: '"\n-1"'}), "", "w", end="\r\n"),
        ["a b c d"],
        [(7, "u", [COUNT]), (8, row("v", **{VALOR: '"\n-1"'}), ["valor_negativo"]), (11, "w", [COUNT])],
    ),
    (
        "texto exato",
        lines(HEADER, f' "x" ,{NBSP}"y{ZERO_WIDTH}\t;e\u0301', "\x1a", '""""', "\x1c"),
        [],
        [
            (2, f' "x" ,{NBSP}"y{ZERO_WIDTH}\t;e\u0301', [COUNT]),
            (3, "\x1a", [COUNT]),
            (4, '""""', [COUNT]),
            (5, "\x1c", [COUNT]),
        ],
    ),
    (
        "todos os motivos",
        lines(HEADER, row("y" * 1001, **{TIMESTAMP: "31/02/2024 10:00", VALOR: "1.234", DESCONTO: "0.11"})),
        [],
        [
            (
                2,
                row("y" * 1001, **{TIMESTAMP: "31/02/2024 10:00", VALOR: "1.234", DESCONTO: "0.11"}),
                ["timestamp_impossivel", "valor_ambiguo", "desconto_ambiguo", "texto_longo"],
            )
        ],
    ),
]

# By file: name, content, and words in the ledger's reason.
REJECTED = [
    ("falta uma", lines(HEADER.removesuffix(f",{CODIGO}"), row("x").removesuffix(",X")), f"falta: '{CODIGO}'"),
    ("repetida", lines(f"{HEADER},Nome", row("x") + ",Ana"), "repetida: 'Nome'"),
    ("repetida de outro modo", lines(f"{HEADER}, nomé {NBSP}", row("x") + ",Ana"), "repetida: 'Nome'"),
    ("parecida", lines(HEADER.replace(",Nome,", ",Nomes,"), row("x")), "falta: 'Nome'"),
    ("outro nome repetido", lines("Data," + HEADER.replace(TIMESTAMP, "data"), row("x")), f"repetida: '{TIMESTAMP}'"),
    ("título", lines("Vendas de março", "", HEADER, row("x")), "O cabeçalho está na linha 3"),
    (
        "outra ordem abaixo",
        lines(HEADER, row("x"), reverse(HEADER), reverse(row("y"))),
        "Na linha 3 o cabeçalho aparece",
    ),
    ("outro sep", lines("sep=;", HEADER, row("x")), "indica outro delimitador (';')"),
    ("outro cabeçalho", lines("a,b,c", "1,2,3"), "detectar o delimitador"),
    ("sem cabeçalho", lines(row("x")), "detectar o delimitador"),
    ("dois pontos", lines(delimited(":", HEADER), delimited(":", row("x"))), "detectar o delimitador"),
    ("só linhas em branco", lines("", " ", NBSP), "não tem cabeçalho"),
    ("0 bytes", b"", "0 bytes"),
    ("nem um nem outro", lines(HEADER, row("é")).encode("cp1252") + b"\x81", "nem em Windows-1252"),
    ("mistura", lines(HEADER).encode() + lines(row("é")).encode("cp1252"), "mistura codificações: a linha 1"),
    (
        "outra mistura",
        lines(HEADER, row("é")).encode("cp1252") + lines(row("ã")).encode(),
        "mistura codificações: a linha 3",
    ),
    ("cp850", lines(HEADER, row("x")).encode("cp850"), "'Interação'"),
    ("macintosh", lines(HEADER, row("x")).encode("mac_roman"), "MacRoman"),
    ("nul", lines(HEADER, row("x"), "\0"), "NUL"),
    ("utf-16", lines(HEADER, row("x")).encode("utf-16"), "UTF-16"),
    ("utf-16-be", codecs.BOM_UTF16_BE + lines(HEADER, row("x")).encode("utf-16-be"), "UTF-16"),
    ("utf-16 sem bom", lines(HEADER, row("x")).encode("utf-16-le"), "NUL"),
    ("utf-32", lines(HEADER, row("x")).encode("utf-32"), "UTF-32"),
    ("aspas abertas", lines(HEADER, row("x"), row('"x'), row("x")), "na linha 3 nunca são fechadas"),
    ("aspas abertas no cabeçalho", lines(f'"{HEADER}', row("x")), "na linha 1 nunca são fechadas"),
    ("cr", lines(HEADER, row("x"), row("y"), end="\r"), "CR"),
]

# By row: a column, its field as it is in the file, and its value in silver or the reasons against it.
FIELDS = [
    # quoting
    (PRODUTO, '"a,b"', "a,b"),
    (PRODUTO, '"a ""b"" c"', 'a "b" c'),
    (PRODUTO, '"a\nb"', "a b"),
    (PRODUTO, '"a\r\n\r\nb"', "a b"),
    (PRODUTO, '"a\rb"', "a b"),
    (PRODUTO, '""""', '"'),
    (PRODUTO, 'TV 50"', 'TV 50"'),
    (PRODUTO, 'TV "50" x', 'TV "50" x'),
    (PRODUTO, ' "a"', '"a"'),
    (PRODUTO, "O'Brien \\ #1", "O'Brien \\ #1"),
    (VALOR, '"1.234,56"', Decimal("1234.56")),
    # timestamp
    (TIMESTAMP, "2024-03-31 14:05", datetime(2024, 3, 31, 14, 5)),
    (TIMESTAMP, "2024-03-31 14:05:09", datetime(2024, 3, 31, 14, 5, 9)),
    (TIMESTAMP, "2024-03-31 14:05:09.1234567", datetime(2024, 3, 31, 14, 5, 9, 123456)),
    (TIMESTAMP, "2024-03-31T14:05", datetime(2024, 3, 31, 14, 5)),
    (TIMESTAMP, "2024-03-31T14:05:09.5", datetime(2024, 3, 31, 14, 5, 9, 500000)),
    (TIMESTAMP, "31/03/2024 14:05", datetime(2024, 3, 31, 14, 5)),
    (TIMESTAMP, "31/03/2024 14:05:09", datetime(2024, 3, 31, 14, 5, 9)),
    (TIMESTAMP, f"{NBSP}2024-03-31 14:05\t", datetime(2024, 3, 31, 14, 5)),
    (TIMESTAMP, "2024-03-31 9:05", datetime(2024, 3, 31, 9, 5)),
    (TIMESTAMP, "31-03-2024 14:05", datetime(2024, 3, 31, 14, 5)),
    (TIMESTAMP, "31.03.2024 14:05:09", datetime(2024, 3, 31, 14, 5, 9)),
    (TIMESTAMP, "2024/03/31 14:05", datetime(2024, 3, 31, 14, 5)),
    (TIMESTAMP, '"2024-03-31, 14:05"', datetime(2024, 3, 31, 14, 5)),
    (TIMESTAMP, '"31/03/2024,9:05"', datetime(2024, 3, 31, 9, 5)),
    (TIMESTAMP, '"2024-03-31 14:05:09,123"', datetime(2024, 3, 31, 14, 5, 9, 123000)),
    (TIMESTAMP, "31/03/2024 14:05:09.5", datetime(2024, 3, 31, 14, 5, 9, 500000)),
    (TIMESTAMP, '="2024-03-31 14:05"', datetime(2024, 3, 31, 14, 5)),
    (TIMESTAMP, f"2024-03-31{ZERO_WIDTH} 14:05", datetime(2024, 3, 31, 14, 5)),
    (TIMESTAMP, "1990-01-01 00:00", datetime(1990, 1, 1)),
    (TIMESTAMP, "2100-12-31 23:59:59.999999999", datetime(2100, 12, 31, 23, 59, 59, 999999)),
    (TIMESTAMP, "2018-11-04 00:30", datetime(2018, 11, 4, 0, 30)),  # an hour that São Paulo's clocks skipped
    (TIMESTAMP, "", ["timestamp_ausente"]),
    (TIMESTAMP, NBSP, ["timestamp_ausente"]),
    (TIMESTAMP, "2024-03-31", ["timestamp_sem_hora"]),
    (TIMESTAMP, "31/03/2024", ["timestamp_sem_hora"]),
    (TIMESTAMP, "2024-03-31T14:05Z", ["timestamp_com_fuso"]),
    (TIMESTAMP, "2024-03-31 14:05:09-03:00", ["timestamp_com_fuso"]),
    (TIMESTAMP, "31/02/2024 10:00", ["timestamp_impossivel"]),
    (TIMESTAMP, "2024-03-31 24:00", ["timestamp_impossivel"]),
    (TIMESTAMP, "1989-12-31 23:59", ["timestamp_fora_do_intervalo"]),
    (TIMESTAMP, "2101-01-01 00:00", ["timestamp_fora_do_intervalo"]),
    (TIMESTAMP, "31/03/2024T14:05", ["timestamp_invalido"]),
    (TIMESTAMP, "3/3/2024 14:05", ["timestamp_invalido"]),
    (TIMESTAMP, "31/03/24 14:05", ["timestamp_invalido"]),
    (TIMESTAMP, "31/03-2024 14:05", ["timestamp_invalido"]),
    (TIMESTAMP, "2024-03-31 2:05 PM", ["timestamp_invalido"]),
    # value
    (VALOR, "50", Decimal("50")),
    (VALOR, "50.5", Decimal("50.5")),
    (VALOR, "1234.56", Decimal("1234.56")),
    (VALOR, '"1234,56"', Decimal("1234.56")),
    (VALOR, '"1,234.56"', Decimal("1234.56")),
    (VALOR, "1.234.567", Decimal("1234567")),
    (VALOR, '"1.234.567,89"', Decimal("1234567.89")),
    (VALOR, '"1,234,567"', Decimal("1234567")),
    (VALOR, f'"R$ 1.234,56{NBSP}"', Decimal("1234.56")),
    (VALOR, f"{NBSP}R${NBSP}50", Decimal("50")),
    (VALOR, "R$50.00", Decimal("50")),
    (VALOR, '"1 234,56"', Decimal("1234.56")),
    (VALOR, f"1{NBSP}234.56", Decimal("1234.56")),
    (VALOR, "1'234.56", Decimal("1234.56")),
    (VALOR, '"1’234,56"', Decimal("1234.56")),
    (VALOR, "59.9000", Decimal("59.9")),
    (VALOR, '"1234,560000"', Decimal("1234.56")),
    (VALOR, '"=""1234,56"""', Decimal("1234.56")),
    (VALOR, "'50", Decimal("50")),
    (VALOR, "0", Decimal("0")),
    (VALOR, "9999999999.99", Decimal("9999999999.99")),
    (VALOR, "", ["valor_ausente"]),
    (VALOR, "R$ -", ["valor_ausente"]),
    (VALOR, "-1", ["valor_negativo"]),
    (VALOR, '"1.234,56-"', ["valor_negativo"]),
    (VALOR, '"(1.234,56)"', ["valor_negativo"]),
    (VALOR, '"R$ -1,00"', ["valor_negativo"]),
    (VALOR, "1.234", ["valor_ambiguo"]),
    (VALOR, '"1,234"', ["valor_ambiguo"]),
    (VALOR, '"0,123"', ["valor_ambiguo"]),
    (VALOR, "1.2345", ["valor_casas_decimais"]),
    (VALOR, '"1.234,567"', ["valor_casas_decimais"]),
    (VALOR, '"1.234,5600"', ["valor_casas_decimais"]),
    (VALOR, "1 234", ["valor_sem_centavos"]),
    (VALOR, "10000000000", ["valor_fora_do_limite"]),
    (VALOR, ".5", ["valor_invalido"]),
    (VALOR, "50.", ["valor_invalido"]),
    (VALOR, "+50", ["valor_invalido"]),
    (VALOR, "50 R$", ["valor_moeda"]),
    (VALOR, "US$ 50", ["valor_moeda"]),
    (VALOR, "cinquenta", ["valor_invalido"]),
    (VALOR, "NaN", ["valor_invalido"]),
    # discount
    (DESCONTO, "", Decimal("0")),
    (DESCONTO, "11%", Decimal("0.11")),
    (DESCONTO, "11", Decimal("0.11")),
    (DESCONTO, '"5,5%"', Decimal("0.055")),
    (DESCONTO, "5.25 %", Decimal("0.0525")),
    (DESCONTO, "0", Decimal("0")),
    (DESCONTO, "0.11%", Decimal("0.0011")),
    (DESCONTO, "10.0000", Decimal("0.1")),
    (DESCONTO, "5.250%", Decimal("0.0525")),
    (DESCONTO, "1%", Decimal("0.01")),
    (DESCONTO, "1", ["desconto_um_ambiguo"]),  # because other discounts here are fractions
    (DESCONTO, "1.000", ["desconto_um_ambiguo"]),
    (DESCONTO, "100%", Decimal("1")),
    (DESCONTO, "100.01", ["desconto_acima_de_100"]),
    (DESCONTO, "-5%", ["desconto_negativo"]),
    (DESCONTO, "0.11", ["desconto_ambiguo"]),
    (DESCONTO, '"0,5"', ["desconto_ambiguo"]),
    (DESCONTO, "5.125%", ["desconto_casas_decimais"]),
    (DESCONTO, "dez", ["desconto_invalido"]),
    # text
    (PRODUTO, f" \t{NBSP}\u3000Café  com leite\u2003 ", "Café com leite"),
    (PRODUTO, f'"\n Café\n{NBSP}"', "Café"),
    (PRODUTO, f"{ZERO_WIDTH}Ca\u00adfé\ufeff", "Café"),
    (PRODUTO, "Ca\u200dfé", "Ca\u200dfé"),
    (PRODUTO, "Cafe\u0301", "Café"),
    (PRODUTO, f"Cafe{ZERO_WIDTH}\u0301", "Café"),
    (PRODUTO, '="0119"', "0119"),
    (PRODUTO, "'+55", "+55"),
    (PRODUTO, "'a", "'a"),
    ("Email", "Ana <ana@x.br>", "ana@x.br"),
    (PRODUTO, "N/A", "N/A"),
    (PRODUTO, "null", "null"),
    (PRODUTO, "a" * 1000, "a" * 1000),
    (PRODUTO, "a" * 1001, ["texto_longo"]),
    (PRODUTO, "ã" * 500, "ã" * 500),
    (PRODUTO, "ã" * 500 + "a", ["texto_longo"]),
    (PRODUTO, "a\u0303" * 500, "ã" * 500),
    (PRODUTO, " " * 500 + "b" * 1000 + NBSP * 500, "b" * 1000),
    *((column.name, "", column.default) for column in TEXT_COLUMNS if column.name != "Sobrenome"),
    *((column.name, f" {NBSP}", column.default) for column in TEXT_COLUMNS if column.name != "Sobrenome"),
    *((column.name, "z" * 1001, ["texto_longo"]) for column in TEXT_COLUMNS if column.name != "Sobrenome"),
]
FIELD_ROWS = [row("p", **{"Sobrenome": f"caso {n}", column: text}) for n, (column, text, _) in enumerate(FIELDS)]

# Files with equal sales: name, second of the event, content, and rows read, in silver, duplicate, quarantined.
EQUAL = [
    ("na mesma hora b", 2000, lines(HEADER, row("empate"), row("só b")), (2, 1, 1, 0)),
    ("na mesma hora a", 2000, lines(HEADER, row("empate"), row("só a")), (2, 2, 0, 0)),
    ("mais tarde a", 1000.002, lines(HEADER, "x", row("antes"), row(" antes "), row("antes")), (4, 0, 3, 1)),
    ("mais cedo z", 1000.001, lines(HEADER, row("antes", **{VALOR: "R$ 50.00"})), (1, 1, 0, 0)),
    ("depois de limpos", 4000, lines(HEADER, row("Mouse  Gamer"), row("Mouse\u200b Gamer ")), (2, 1, 1, 0)),
    ("no mesmo arquivo", 3000, lines(HEADER, row("Jose\u0301"), row("José"), row("Josê"), "x", "x"), (5, 2, 1, 2)),
]

TAKEN_NAMES = ["registros.csv", "REGISTROS_X.CSV", "registros de março + 1%20.csv", "Registros.antigos.Csv"]
LEFT_NAMES = ["vendas.csv", "registros.txt", "registros.csv.bak", "_registros.csv", "registro.csv", "registros_csv"]


def as_bytes(content):
    return content if isinstance(content, bytes) else content.encode()


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return tmp_path_factory.mktemp("intake") / "lago"


@pytest.fixture(scope="module")
def intake(lake):
    """Run all cases in one lake."""
    for name, content, *_ in [*ACCEPTED, *REJECTED]:
        drop(lake, f"registros_{name}.csv", as_bytes(content))
    for name in [*TAKEN_NAMES, *LEFT_NAMES]:
        drop(lake, name, lines(HEADER, row(name)).encode())
    drop(lake, "registros_pasta.csv/registros_dentro.csv", lines(HEADER, row("dentro")).encode())
    drop(lake, "sub/registros_dentro.csv", lines(HEADER, row("dentro")).encode())
    drop(lake, "registros_campos_um_a_um.csv", lines(HEADER, *FIELD_ROWS).encode())
    for name, second, content, _ in EQUAL:
        drop(lake, f"registros_{name}.csv", content.encode(), at=second)
    return run_intake(lake, gold=True)


@pytest.mark.parametrize(("name", "content", "products", "refused"), ACCEPTED, ids=[case[0] for case in ACCEPTED])
def test_a_file_is_accepted_row_by_row(intake, name, content, products, refused):
    received = f"registros_{name}.csv"

    assert intake.bronze(received).situacao == "processado"
    assert sorted(sale[PRODUTO] for sale in intake.sales(received)) == products
    assert intake.quarantined(received) == refused
    assert intake.counts(received) == (len(products) + len(refused), len(products), 0, len(refused))
    assert sorted(sale["produto_adquirido"] for sale in intake.gold(received)) == products


@pytest.mark.parametrize(("name", "content", "says"), REJECTED, ids=[case[0] for case in REJECTED])
def test_a_file_is_rejected_with_its_reason_and_counts_0(intake, lake, name, content, says):
    received = f"registros_{name}.csv"

    assert intake.bronze(received).situacao == "rejeitado" and says in intake.bronze(received).motivo
    assert intake.counts(received) == (0, 0, 0, 0)
    assert (intake.sales(received), intake.quarantined(received), intake.gold(received)) == ([], [], [])
    assert (lake / "bronze" / intake.bronze_names[received]).read_bytes() == as_bytes(content)


def test_extra_columns_are_named_in_the_ledger(intake):
    assert intake.bronze("registros_a mais.csv").motivo == "Colunas ignoradas: 'Loja', 'Obs'"


def test_headers_further_down_are_named_in_the_ledger(intake):
    assert intake.bronze("registros_cabeçalho repetido.csv").motivo == "Cabeçalho repetido, ignorado: nas linhas 3, 5"


@pytest.fixture(scope="module")
def fields(intake):
    """Return the result of each row of FIELDS by surname: its silver row, or line, text and reasons in quarantine."""
    received = "registros_campos_um_a_um.csv"
    silver = {sale["Sobrenome"]: sale for sale in intake.sales(received)}
    refused = {refusal[1].split("caso ")[1].split(",")[0]: refusal for refusal in intake.quarantined(received)}
    return silver | {f"caso {number}": refusal for number, refusal in refused.items()}


@pytest.mark.parametrize("number", range(len(FIELDS)))
def test_a_field_gives_its_value_or_its_reasons(fields, number):
    column, _, expected = FIELDS[number]
    line = 2 + "\n".join(FIELD_ROWS[:number] + [""]).count("\n")

    if isinstance(expected, list):
        assert fields[f"caso {number}"] == (line, FIELD_ROWS[number], expected)
    else:
        assert fields[f"caso {number}"][column] == expected


def test_a_row_of_empty_texts_has_every_default(intake):
    (sale,) = intake.sales("registros_vazia.csv")

    assert [sale[column.name] for column in TEXT_COLUMNS] == [MISSING] * 9 + [MISSING_CODE]


def test_files_of_that_name_are_taken_up_in_any_case(intake, lake):
    taken = {name.removesuffix(name[-4:]) + ".csv": name for name in TAKEN_NAMES}

    assert {sale[PRODUTO] for name in TAKEN_NAMES for sale in intake.sales(name)} == set(taken.values())
    assert not [name for name in TAKEN_NAMES if (lake / "landing" / name).exists()]


def test_everything_else_in_landing_is_left_as_it_is(intake, lake):
    landing = lake / "landing"
    left = {path.relative_to(landing).as_posix(): path.read_bytes() for path in landing.rglob("*") if path.is_file()}

    assert left == {name: lines(HEADER, row(name)).encode() for name in LEFT_NAMES} | {
        folder: lines(HEADER, row("dentro")).encode()
        for folder in ("registros_pasta.csv/registros_dentro.csv", "sub/registros_dentro.csv")
    }


def test_bronze_holds_every_file_byte_for_byte_under_its_events_name(intake, lake):
    contents = {name: as_bytes(content) for name, content, *_ in [*ACCEPTED, *REJECTED]}

    expected = {
        f"registros_{name}_20231114T221320000Z_{hashlib.md5(data).hexdigest()[:8]}.csv": data
        for name, data in contents.items()
    }
    kept = {path.name: path.read_bytes() for path in (lake / "bronze").iterdir()}
    assert expected.items() <= kept.items()
    assert len(kept) == len(contents) + len(TAKEN_NAMES) + len(EQUAL) + 1


def test_the_bronze_name_tells_the_events_millisecond(intake):
    assert "_19700101T001640002Z_" in intake.bronze_names["registros_mais tarde a.csv"]


@pytest.mark.parametrize(("name", "second", "content", "counts"), EQUAL, ids=[case[0] for case in EQUAL])
def test_of_equal_sales_the_first_in_bronze_order_is_kept(intake, name, second, content, counts):
    assert intake.counts(f"registros_{name}.csv") == counts


def test_a_sale_in_silver_stays_where_it_is_when_an_older_file_comes_later(tmp_path):
    drop(tmp_path, "registros_novo.csv", lines(HEADER, row("p")).encode(), at=2000)
    first = run_intake(tmp_path).sales("registros_novo.csv")
    drop(tmp_path, "registros_velho.csv", lines(HEADER, row("q"), row("p")).encode(), at=1000)

    found = run_intake(tmp_path)

    assert found.sales("registros_novo.csv") == first
    assert (found.counts("registros_novo.csv"), found.counts("registros_velho.csv")) == ((1, 1, 0, 0), (2, 1, 1, 0))


def test_a_file_sent_again_alone_is_a_new_bronze_file_and_adds_no_sale(tmp_path):
    data = lines(HEADER, row("p"), row("q"), "x").encode()
    drop(tmp_path, "registros.csv", data, at=1000)
    run_intake(tmp_path)
    drop(tmp_path, "registros.csv", data, at=2000)

    found = run_intake(tmp_path, gold=True)

    counts = [(e["silver"].lidas, e["gold"].gravadas, e["silver"].duplicadas) for e in found.events.values()]
    assert counts == [(3, 2, 0), (3, 0, 2)]


def test_the_same_event_delivered_twice_is_one_file(tmp_path):
    data = lines(HEADER, row("p")).encode()
    drop(tmp_path, "registros.csv", data)
    run_intake(tmp_path)
    drop(tmp_path, "registros.csv", data)

    found = run_intake(tmp_path)

    assert (len(found.events), found.counts("registros.csv")) == (1, (1, 1, 0, 0))
    assert list((tmp_path / "landing").iterdir()) == []


def test_a_rejected_file_is_taken_up_again_when_it_is_sent_again(tmp_path):
    drop(tmp_path, "registros_mau.csv", b"")
    run_intake(tmp_path, run_id="r1")
    unsent = run_intake(tmp_path, run_id="r2").bronze("registros_mau.csv").run_id
    drop(tmp_path, "registros_mau.csv", b"")
    drop(tmp_path, "registros_bom.csv", lines(HEADER, row("p")).encode())

    found = run_intake(tmp_path, run_id="r3")

    assert (unsent, found.bronze("registros_mau.csv").run_id) == ("r1", "r3")
    assert found.counts("registros_bom.csv") == (1, 1, 0, 0)


@pytest.mark.parametrize("content", [HEADER, lines(HEADER, "x", "y")], ids=["no row", "none good"])
def test_a_run_without_a_good_row_ends(tmp_path, content):
    drop(tmp_path, "registros.csv", content.encode())

    found = run_intake(tmp_path, gold=True)

    assert found.bronze("registros.csv").situacao == "processado" and found.sales("registros.csv") == []


def as_libreoffice(text):
    """Return a CSV as LibreOffice in Portuguese saves it: semicolons, Windows-1252, CRLF, dd/MM/yyyy, 1.234,50."""
    output = io.StringIO(newline="")
    writer = csv.DictWriter(output, NEEDED, delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    for sale in sample_rows(text):
        moment = f"{datetime.fromisoformat(sale[TIMESTAMP]):%d/%m/%Y %H:%M:%S}"
        amount = f"{Decimal(sale[VALOR]):,.2f}".translate(str.maketrans(",.", ".,"))
        writer.writerow(sale | {TIMESTAMP: moment, VALOR: amount, DESCONTO: sale[DESCONTO].replace(".", ",")})
    return output.getvalue().encode("cp1252")


def sample_rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_what_libreoffice_writes_in_portuguese_comes_through_whole(tmp_path):
    samples = {path.name: path.read_text(encoding="utf-8") for path in write_sample(800, tmp_path / "sample")}
    sales = [sale_of(sale) for text in samples.values() for sale in sample_rows(text)]
    for name, text in samples.items():
        drop(tmp_path, name, as_libreoffice(text), at=1000)
    found = run_intake(tmp_path)
    kept = [tuple(sale[name] for name in INPUT_NAMES) for received in samples for sale in found.sales(received)]
    for name, text in samples.items():
        drop(tmp_path, name, text.encode(), at=2000)

    again = run_intake(tmp_path)

    assert len(sales) == 800 and len(kept) == len(set(kept)) and set(kept) == set(sales)
    assert [again.counts(name)[1:] for name in samples] == [(0, len(sample_rows(text)), 0) for text in samples.values()]


MEGABYTE = 1 << 20
MONSTROUS_RECORDS = {  # name: record and reason
    "campo de 2 MB": (row("ã" * MEGABYTE), "texto_longo"),
    "campo de 2 MB entre aspas": (row('"' + "linha\n" * (MEGABYTE // 3) + '"'), "texto_longo"),
    "valor de 2 MB": (row("p", **{VALOR: "1" + ".000" * (MEGABYTE // 2)}), "valor_fora_do_limite"),
    "um milhão de delimitadores": ("," * 1_000_000 + "x", COUNT),
    "só aspas aos pares": ('"' * 2 * MEGABYTE, COUNT),
}
MONSTROUS_FILES = {  # name: content, and words in the reason
    "um milhão de colunas": (lines(HEADER + ",x" * 1_000_000, row("p")), "tem 1000013 colunas"),
    "aspas abertas": (lines(HEADER, row('"')) + lines(row("p")) * 50_000, "linha 2 nunca são fechadas"),
    "só aspas, uma a mais": (lines(HEADER) + '"' * (2 * MEGABYTE + 1), "linha 2 nunca são fechadas"),
}


@pytest.fixture(scope="module")
def monstrous(tmp_path_factory):
    """Run the lake of monstrous files; return it with the seconds of the run."""
    lake = tmp_path_factory.mktemp("monstrous")
    for name, (record, _) in MONSTROUS_RECORDS.items():
        drop(lake, f"registros_{name}.csv", (HEADER + "\n" * 1_000_000 + lines(record, row(name))).encode())
    for name, (content, _) in MONSTROUS_FILES.items():
        drop(lake, f"registros_{name}.csv", content.encode())
    start = perf_counter()
    return run_intake(lake), perf_counter() - start


@pytest.mark.slow
@pytest.mark.parametrize("name", MONSTROUS_RECORDS)
def test_a_monstrous_record_is_quarantined_with_its_exact_text_behind_a_million_blank_lines(monstrous, name):
    intake, _ = monstrous
    record, reason = MONSTROUS_RECORDS[name]

    ((line, text, reasons),) = intake.quarantined(f"registros_{name}.csv")

    assert (line, len(text), text == record, reasons) == (1_000_001, len(record), True, [reason])
    assert [sale[PRODUTO] for sale in intake.sales(f"registros_{name}.csv")] == [name]


@pytest.mark.slow
@pytest.mark.parametrize("name", MONSTROUS_FILES)
def test_a_monstrous_file_is_rejected_in_few_words(monstrous, name):
    intake, _ = monstrous
    event = intake.bronze(f"registros_{name}.csv")

    assert event.situacao == "rejeitado" and MONSTROUS_FILES[name][1] in event.motivo and len(event.motivo) < 4000


@pytest.mark.slow
def test_monstrous_files_take_bounded_time(monstrous):
    assert monstrous[1] < 60

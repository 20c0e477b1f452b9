"""The input files of the old lake: the purpose of each, and the result of version 1.

Version 1 is that of 26 November 2026, commit c097fef. The contents are literal or follow from a seed, so the files
always have the same bytes, and therefore the same bronze names.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

COLUMNS = [
    "Timestamp do Registro", "Nome", "Sobrenome", "Email", "Telefone", "Produto Adquirido", "Valor da Compra",
    "Canal", "Plataforma de Interação", "Campanha de Marketing", "Vendedor", "Desconto Oferecido",
    "Código de Desconto Usado",
]  # fmt: skip
ASCII_COLUMNS = [name.translate(str.maketrans("çãó", "cao")) for name in COLUMNS]  # accents never mattered in headers
WHEN, NAME, SURNAME, EMAIL, PHONE, PRODUCT, VALUE, CHANNEL, PLATFORM, CAMPAIGN, SELLER, DISCOUNT, CODE = COLUMNS

Row = dict[str, str]


@dataclass(frozen=True)
class File:
    """A file to send: name, bytes, and the numbers of rows that version 1 reads, drops as duplicates and refuses."""

    name: str
    data: bytes
    read: int = 0
    duplicates: int = 0
    refused: int = 0
    rejected: bool = False


def sales(seed: str, count: int) -> list[Row]:
    """Return plain sales of the years 2021 to 2025, all different."""
    chance = random.Random(seed)
    return [_sale(chance, seed, number) for number in range(count)]


def _sale(chance: random.Random, seed: str, number: int) -> Row:
    name = chance.choice(["Ana", "João", "Conceição", "Zoë", "Luís", "Márcia", "Rui", ""])
    surname = chance.choice(["Souza", "Araújo", "D'Ávila", "Nuñez", "Lima", ""])
    moment = datetime(2021, 1, 1) + timedelta(minutes=chance.randrange(5 * 365 * 24 * 60), seconds=number % 60)
    return {
        WHEN: f"{moment:%Y-%m-%d %H:%M:%S}",
        NAME: name,
        SURNAME: surname,
        EMAIL: f"{seed}{number}@Exemplo.com" if number % 7 else "",
        PHONE: f"11 9{chance.randrange(10**8):08d}" if number % 5 else "",
        PRODUCT: f"{chance.choice(['Tênis', 'Cadeira', 'Notebook', 'Livro'])} {number}",
        VALUE: f"{chance.randrange(500_000) / 100:.2f}",
        CHANNEL: chance.choice(["Redes Sociais", "Loja", "E-mail"]),
        PLATFORM: chance.choice(["Website", "Aplicativo", "Balcão"]),
        CAMPAIGN: chance.choice(["Campanha Verão", "Natal", ""]),
        SELLER: chance.choice(["Rita", "Íris", ""]),
        DISCOUNT: chance.choice(["", "11%", "5,5%", "20%"]),
        CODE: chance.choice(["", "VERAO11"]),
    }


def variants(product: str, column: str, texts: Iterable[str]) -> list[Row]:
    """Return a sale per text in `column`, otherwise equal; `#` in the product's name becomes the text's number."""
    plain = {
        WHEN: "2024-03-05 09:05:00", NAME: "Ana", SURNAME: "Souza", EMAIL: "ana@exemplo.com", PHONE: "11987654321",
        VALUE: "59.90", CHANNEL: "Loja", PLATFORM: "Website", CAMPAIGN: "Natal", SELLER: "Rita", DISCOUNT: "",
        CODE: "",
    }  # fmt: skip
    return [plain | {PRODUCT: product.replace("#", str(n)), column: text} for n, text in enumerate(texts, start=1)]


def as_brazilian(row: Row) -> Row:
    """Return the same sale in Brazilian formats: 31/12/2024 and R$ 1.234,50."""
    moment = datetime.fromisoformat(row[WHEN])
    amount = f"{float(row[VALUE]):,.2f}".translate(str.maketrans(",.", ".,"))
    return row | {WHEN: f"{moment:%d/%m/%Y %H:%M:%S}", VALUE: f"R$ {amount}"}


def csv(rows: Iterable[Row | str], delimiter=",", end="\n", columns=COLUMNS, head="", tail="", row_end="") -> str:
    """Return a CSV; a row that is a text is used unchanged."""
    lines = [delimiter.join(columns) + head]
    lines += [row if isinstance(row, str) else _line(row, delimiter) + row_end for row in rows]
    return end.join([*lines, tail])


def _line(row: Row, delimiter: str) -> str:
    return delimiter.join(_field(row[name], delimiter) for name in COLUMNS)


def _field(text: str, delimiter: str) -> str:
    needs_quotes = any(sign in text for sign in (delimiter, '"', "\n", "\r"))
    return '"' + text.replace('"', '""') + '"' if needs_quotes else text


SHOPS, SITE, APP, MARKET = sales("lojas", 60), sales("site", 60), sales("app", 50), sales("mercado", 40)

REFUSED_BY_BOTH = [
    *variants("Sem data #", WHEN, ["", "2024-03-31", "31/02/2024 10:00", "2024-03-31T10:00Z"]),
    *variants("Valor ruim #", VALUE, ["-10,00", "1.234", "grátis"]),
    *variants("Desconto ruim #", DISCOUNT, ["0,11", "120%"]),
    *variants("Longo #", SELLER, ["á" * 501]),
]


def _marketplace() -> str:
    """Return a file with reversed columns, an additional column, blank lines, and texts over several lines."""
    lines = ["|".join([*(name.upper() for name in reversed(ASCII_COLUMNS)), "Loja"])]
    for number, row in enumerate(MARKET):
        texts = row | ({PRODUCT: f'{row[PRODUCT]}\n"usado" | revisado'} if number % 8 == 3 else {})
        lines.append("|".join([*(_field(texts[name], "|") for name in reversed(COLUMNS)), f"L{number % 3}"]))
    return "\n\n".join(lines[:3]) + "\n" + "\n".join(lines[3:]) + "\n"


FIRST = [
    # Comma, LF; five rows occur twice.
    File("registros_lojas_fisicas.csv", csv(SHOPS + SHOPS[5:30:5]).encode(), 65, 5),
    # Semicolon, CRLF, BOM; six sales that the shops sent, too, in other formats.
    File(
        "registros_website.csv",
        csv([*map(as_brazilian, SITE + SHOPS[:6])], ";", "\r\n").encode("utf-8-sig"),
        *(66, 6),
    ),
    # Tab, Windows-1252; eleven rows that both versions refuse, the last with too few fields.
    File(
        "registros_aplicativo.csv",
        csv([*APP[:25], *REFUSED_BY_BOTH, "2024-03-31 14:05\tBia", *APP[25:]], "\t", "\r\n").encode("cp1252"),
        *(61, 0, 11),
    ),
    # Bar; names in capitals and in reversed order, an additional column, blank lines, texts over several lines.
    File("registros_marketplace.csv", _marketplace().encode(), 40),
    File("registros_sem_coluna.csv", csv([], columns=COLUMNS[:-1]).encode(), rejected=True),
]

SEEN_ALIKE = [  # pairs that are one sale in version 2, and two in version 1
    *variants("Cadeira", CODE, ["A1"]),
    *variants("Ca\u200bdeira", CODE, ["A1"]),
    *variants("Mesa de jantar", CODE, ["A2"]),
    *variants("Mesa  de  jantar", CODE, ["A2"]),
    *variants("Telefone em fórmula", PHONE, ["1133334444", '="1133334444"']),
    *variants("Telefone com apóstrofo", PHONE, ["+551133334444", "'+551133334444"]),
    *variants("Endereço com nome", EMAIL, ["bia@exemplo.com", "Bia Lima <bia@exemplo.com>"]),
    *variants("Acento solto", NAME, ["Jos\u00e9", "Jose\u0301"]),  # NFC and NFD, which are one sale in version 1, too
    *variants("Quebra de linha", SELLER, ["Rita Lima", "Rita\nLima"]),
]
WRITTEN_DATES = [
    "2024-03-05 09:05", "2024-03-05 9:06", "2024/03/05 09:07", "05-03-2024 09:08", "05.03.2024 09:09",
    "2024-03-05,09:10", "05/03/2024, 09:11", "2024-03-05 09:12:10,5", "05/03/2024 09:13:10.5",
]  # fmt: skip
SWALLOWED = [
    '2024-03-07 10:00,Ana,,,,Aspas 1,10.00,,,,,,"X',
    '2024-03-07 11:00,Bia,,,,Aspas 2,20.00,,,,,,"',
]
MONTH_FIRST_DATES = [
    "03/25/2024 10:00", "04/05/2024 10:00", "05/05/2024 10:00", "02/03/2024 11:30", "2024-07-01 08:00",
]  # fmt: skip
SECOND = [
    # The pairs; two sales of the shops with invisible characters; two rows that version 1 refuses because of these.
    File(
        "registros_invisiveis.csv",
        csv(
            [
                *SEEN_ALIKE,
                SHOPS[20] | {PRODUCT: SHOPS[20][PRODUCT] + "\u200b"},
                SHOPS[21] | {CHANNEL: "\ufeff" + SHOPS[21][CHANNEL].replace(" ", "  ")},
                *variants("Valor invisível", VALUE, ["59,90\u200b"]),
                *variants("Data invisível", WHEN, ["2024-03-05\u00a009:05"]),
            ],
            ";",
        ).encode(),
        *(18, 1, 2),
    ),
    # Refused by version 1 and accepted by version 2, except the first row, which both accept.
    File(
        "registros_formatos.csv",
        csv(
            [
                *variants("Data #", WHEN, WRITTEN_DATES),
                *variants("Valor #", VALUE, ["59.9000", "59,9000", "1 234,56", "1'234.56", "R$ 1 234,56"]),
                *variants("Desconto #", DISCOUNT, ["10.0000", "5.250%"]),
            ],
            ";",
            "\r\n",
        ).encode(),
        *(16, 0, 15),
    ),
    # An extra delimiter: in every row, or only in the header. Version 1 refuses all rows.
    File("registros_virgula_final.csv", csv(sales("final", 12), ";", row_end=";").encode(), 12, 0, 12),
    File("registros_cabecalho_virgula.csv", csv(sales("cabecalho", 6), head=",").encode(), 6, 0, 6),
    # Version 1 reads 1 and 1,00 as one per cent; in version 2 the row with 0.11 makes them ambiguous.
    File(
        "registros_fracoes.csv",
        csv(variants("Fração #", DISCOUNT, ["0.11", "1", "1,00", "1%", "5", ""]), ";").encode(),
        *(6, 0, 1),
    ),
    # Version 1 reads 04/05 and 02/03 day-first; in version 2 03/25 makes them ambiguous. 05/05 is the same day.
    File(
        "registros_mes_primeiro.csv",
        csv(variants("Mês #", WHEN, MONTH_FIRST_DATES)).encode(),
        *(5, 0, 1),
    ),
    # Rejected by version 1 and accepted by version 2.
    File("registros_sep.csv", ("sep=;\r\n" + csv(sales("sep", 4), ";", "\r\n")).encode(), rejected=True),
    File(
        "registros_outros_nomes.csv",
        csv(sales("nomes", 5), columns=["Data", *COLUMNS[1:6], "valor_da_compra (R$)", *COLUMNS[7:]]).encode(),
        rejected=True,
    ),
    File("registros_crcrlf.csv", csv(sales("crcrlf", 4), end="\r\r\n").encode(), rejected=True),
    # Rejected by version 1; version 2 refuses only the row with the lone CR.
    File(
        "registros_cr.csv",
        csv([*sales("cr", 3), *variants("CR #", SELLER, ["x"])]).replace("CR 1", "CR\r1").encode(),
        rejected=True,
    ),
    # Read as Windows-1252 by version 1, and rejected by version 2: UTF-8 with another byte; CP850.
    File(
        "registros_mistura.csv",
        csv(variants("Mistura #", NAME, ["João", "Márcia", "Luís"]), columns=ASCII_COLUMNS).encode()
        + "2024-03-06 10:00,Conceição,,,,Mistura 4,10.00,,,,,,\n".encode("cp1252"),
        *(4, 0, 0),
    ),
    File(
        "registros_cp850.csv",
        csv(variants("Terminal #", NAME, ["João", "Conceição", "Márcia"]), columns=ASCII_COLUMNS).encode("cp850"),
        *(3, 0, 0),
    ),
    # Two joined files: a second header, a row of delimiters, a Ctrl-Z. Version 1 refuses these; in 2 they are no rows.
    File(
        "registros_emendado.csv",
        csv([*sales("parte1", 4), ",".join(COLUMNS), *sales("parte2", 3), "," * 12], tail="\x1a").encode(),
        *(10, 0, 3),
    ),
    # A stray quote swallows two rows: version 1 accepts one sale with a long code, version 2 refuses it.
    File(
        "registros_aspas.csv",
        csv([*sales("aspas", 3), *SWALLOWED]).encode(),
        *(4, 0, 0),
    ),
    # Accepted by both; version 2 counts the rows as doubtful.
    File(
        "registros_duvidas.csv",
        csv(
            variants("Dúvida de telefone #", PHONE, ["5.51199E+12", "11987654321.0", "########"])
            + variants("Dúvida de texto #", SELLER, ["NULL", "#N/D", "(vazio)"])
            + variants("Dúvida de endereço", EMAIL, ["ana.exemplo.com"])
        ).encode(),
        *(7, 0, 0),
    ),
    File("registros_vazio.csv", csv([]).encode()),
]

MISTAKEN, OFFER = sales("engano", 9), sales("promocao", 4)
THIRD = [
    # To be undone: a refused row, and four sales that the next file has, too, where they are then restored.
    File(
        "registros_engano.csv",
        csv([*MISTAKEN, *variants("Engano #", VALUE, ["1.000"])], ";").encode(),
        *(10, 0, 1),
    ),
    File("registros_promocao.csv", csv([*OFFER, *MISTAKEN[:4]], ";").encode(), 8, 4),
    File("registros_cancelado.csv", csv(sales("cancelado", 5)).encode(), 5),  # undone, and later sent again
    File("registros_liquidacao.csv", csv(sales("liquidacao", 6), "\t").encode(), 6),  # undone, and replayed
]

# Corrections of exported rows before they are sent again: by bronze file, text → text; other rows are left out.
MENDED = {
    "registros_aplicativo": {"-10,00": "10,00", "\t1.234\t": "\t1234,00\t", "31/02/2024": "28/02/2024"},
    # Version 2 accepts the original texts; the last was corrected to another value than version 2 reads from it.
    "registros_formatos": {"2024-03-05 9:06": "2024-03-05 09:06", "59.9000": "59.90", "1'234.56": "1234.50"},
}

PENDING = File("registros_dezembro.csv", csv([*sales("dezembro", 6), *SHOPS[40:42]], ";").encode(), 8, 2)
# Eight rows for version 1, six for version 2: the file has a second header and a row of delimiters.
JANUARY, FEBRUARY = sales("janeiro", 4), sales("fevereiro", 2)
SURVEYED = File("registros_janeiro.csv", csv([*JANUARY, ",".join(COLUMNS), *FEBRUARY, "," * 12]).encode())
LEFT_ALONE = {"vendas_antigas.csv": b"a;b\n1;2\n", "leia-me.txt": "Só registros*.csv é lido.\n".encode()}

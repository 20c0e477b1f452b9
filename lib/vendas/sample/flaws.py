"""Flaws in a few rows of the sample files, as people and their tools really leave them.

A flaw changes texts of a row, as they are in the file: one that holds a comma is quoted. Some get the row refused, some
make it doubtful, and some write it in another way than the next row, so that only cleaning shows the two to be equal.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema

Texts = dict[str, str]  # the texts of a row by column, without those of empty fields
Flaw = Callable[[Texts], Texts]  # returns the texts that are different

ROWS_PER_FLAW = 50
_FIRST = ROWS_PER_FLAW // 2  # after a good row, so that no file is refused as a whole

TIMESTAMP, VALOR, DESCONTO = schema.TIMESTAMP.name, schema.VALOR.name, schema.DESCONTO.name
NOME, EMAIL, TELEFONE = schema.NOME.name, schema.EMAIL.name, schema.TELEFONE.name


def _day_first(row: Texts) -> str:
    year, month, day = row[TIMESTAMP][:10].split("-")
    return f"{day}/{month}/{year}"


def _in_reais(row: Texts) -> str:
    reais, _, cents = row[VALOR].partition(".")
    return f'"R$ {int(reais):,}'.replace(",", ".") + f',{cents or "00"}"'


def _where_filled(row: Texts, name: str, before: str, after: str = "") -> Texts:
    return {name: f"{before}{row[name]}{after}"} if name in row else {}


REFUSED: tuple[Flaw, ...] = (
    lambda row: {TIMESTAMP: _day_first(row)},
    lambda row: {VALOR: "1.299"},
    lambda row: {DESCONTO: "0.15"},
    lambda row: {VALOR: f"-{row[VALOR]}"},
    lambda row: {TIMESTAMP: f"{row[TIMESTAMP][:4]}-02-30{row[TIMESTAMP][10:]}"},
    lambda row: {"Produto Adquirido": "Cabo HDMI, 2 m"},  # without quotes: a field too many
    lambda row: {TIMESTAMP: f"{row[TIMESTAMP].replace(' ', 'T')}Z"},
    lambda row: {TIMESTAMP: "", VALOR: "a combinar"},
    lambda row: {VALOR: "R$ -"},
    lambda row: {DESCONTO: "150%"},
)
DOUBTFUL: tuple[Flaw, ...] = (
    lambda row: {TELEFONE: '"1,19988E+10"'},
    lambda row: {NOME: "JosÃ©"},
    lambda row: {TELEFONE: "11987654321.0"},
    lambda row: {"Campanha de Marketing": "#N/D"},
    lambda row: {EMAIL: "não tem"},
)
REWRITTEN: tuple[Flaw, ...] = (
    lambda row: {TIMESTAMP: f"{_day_first(row)}{row[TIMESTAMP][10:]}", VALOR: _in_reais(row)},
    lambda row: {NOME: f"  {row[NOME]}\N{NO-BREAK SPACE}", **_where_filled(row, TELEFONE, "'")},
    lambda row: {TIMESTAMP: row[TIMESTAMP].replace(" ", "T"), NOME: f"\N{ZERO WIDTH SPACE}{row[NOME]}"},
    lambda row: {VALOR: f'"{row[VALOR].replace(".", ",")}"', NOME: f"{row[NOME]} "},
    lambda row: {TIMESTAMP: f"{row[TIMESTAMP]}.000", **_where_filled(row, EMAIL, f"{row[NOME]} <", ">")},
)
_IN_TURN = tuple(flaw for four in zip(REFUSED[::2], DOUBTFUL, REFUSED[1::2], REWRITTEN, strict=True) for flaw in four)


def repeats_rewritten(rows: np.ndarray) -> np.ndarray:
    """Return which rows of these numbers repeat the row before, which is written in another way."""
    return _is_flawed(rows - 1) & (rows // ROWS_PER_FLAW % 4 == 3)


def with_flaws(columns: dict[str, pa.Array], rows: np.ndarray) -> dict[str, pa.Array]:
    """Return the columns of the rows of these numbers, with each flaw in its turn."""
    flawed = _is_flawed(rows)
    places = np.flatnonzero(flawed)
    table = pa.table(columns).take(places)
    texts = []
    for row, number in zip(table.to_pylist(), rows[places], strict=True):
        flaw = _IN_TURN[number // ROWS_PER_FLAW % len(_IN_TURN)]
        texts.append(row | flaw({name: text for name, text in row.items() if text is not None}))
    changed = pa.Table.from_pylist(texts, table.schema)
    return {
        name: pc.replace_with_mask(column, pa.array(flawed), changed[name].combine_chunks())
        for name, column in columns.items()
    }


def _is_flawed(rows: np.ndarray) -> np.ndarray:
    return rows % ROWS_PER_FLAW == _FIRST

"""Generate realistic input files from a seed: the same arguments give the same bytes on any machine.

No random stream is used. Every attribute of a sale is a hash of the seed, the attribute's name and the sale's number
(`Dice`), in integers only, because floating-point functions differ between machines. So any row can be generated at any
time: files are written chunk by chunk in bounded memory, and a duplicate repeats an earlier sale's number.

All names are invented, and e-mails use `.example`, which nobody can own, so that no row matches a real person.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from filecmp import cmp
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from shutil import copyfile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.errors import DeclarationError, SettingsError
from vendas.sample import words
from vendas.sample.flaws import repeats_rewritten, with_flaws

CHANNELS = ("gerais", "website", "aplicativo", "lojas_fisicas")  # the channels that the files come from, in turn
COLUMNS = [column for column in schema.INPUT_COLUMNS if column.examples or not column.optional]
SINGLE_FILE_BELOW = 100
ROWS_PER_FILE = 1_000_000
CHUNK_ROWS = 128_000  # a chunk takes about 100 MB while it is made
FIRST_EVENT = int(datetime(2025, 1, 2, 6, tzinfo=UTC).timestamp())
SECONDS_BETWEEN_EVENTS = 60
SENT_AGAIN = f"registros_{CHANNELS[0]} (1).csv"  # as a browser names what is downloaded a second time


def write_sample(
    rows: int, folder: Path, seed: int = 42, files: int | None = None, *, flaws: bool = False
) -> list[Path]:
    """Write `rows` data rows in all, about 5 % of them duplicates, as `registros_*.csv` in `folder`; return the paths.

    `files` defaults to 1 below 100 rows, then to 4, then to as many as keep each within a million rows. With `flaws`,
    one row in 50 has one (`sample.flaws`), and the first of several files comes once more at the end, under another
    name: its rows count twice among `rows`. Modification times are fixed, so the same sample dropped twice is the same
    event. Files appear complete, by renaming, once all are written. An existing file of that name is replaced only by
    the same bytes, because a different one may still be waiting for intake.
    Raises: SettingsError if `rows` or `files` is invalid or such a file exists, DeclarationError if a column can be
    neither made nor empty; then nothing is changed.
    """
    if rows < 1:
        raise SettingsError(f"A sample has at least 1 row; got {rows}.")
    if files is None:
        files = 1 if rows < SINGLE_FILE_BELOW else max(len(CHANNELS), -(-rows // ROWS_PER_FILE))
    if not 1 <= files <= rows:
        raise SettingsError(f"{rows} rows go into 1 to {rows} files; got {files}.")
    folder.mkdir(parents=True, exist_ok=True)
    sample = Sample(rows, files, Dice(seed), flaws)
    targets = [folder / file_name(file) for file in range(files)]
    targets += [folder / SENT_AGAIN] if sample.rows_sent_again else []
    parts = [target.with_name(f".{target.name}.part") for target in targets]  # a name that intake ignores
    try:
        for file, part in enumerate(parts):
            _write(sample.lines(file), part) if file < files else copyfile(parts[0], part)
            os.utime(part, times=(FIRST_EVENT + file * SECONDS_BETWEEN_EVENTS,) * 2)
        _refuse_others(parts, targets)
        for part, target in zip(parts, targets, strict=True):
            part.replace(target)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return targets


def file_name(file: int) -> str:
    """Return the name of the n-th file, from 0: registros_gerais.csv …, from the fifth on registros_gerais_2.csv …"""
    turn, channel = divmod(file, len(CHANNELS))
    return f"registros_{CHANNELS[channel]}{f'_{turn + 1}' if turn else ''}.csv"


def _write(chunks: Iterator[pa.Array], path: Path) -> None:
    with path.open("wb") as output:
        output.write((",".join(column.name for column in COLUMNS) + "\n").encode())
        for lines in chunks:
            output.write(lines.buffers()[2])  # an Arrow array has its lines back to back, exactly the file's bytes


def _refuse_others(parts: list[Path], targets: list[Path]) -> None:
    for part, target in zip(parts, targets, strict=True):
        if target.exists() and not cmp(part, target, shallow=False):
            raise SettingsError(
                f"{target} exists and is not of this sample; nothing was written. "
                "Choose another folder, or let the pipeline take the file up first."
            )


@dataclass(frozen=True)
class Dice:
    """Independent throws, each with a name: the same name and number always give the same result."""

    seed: int

    def throw(self, name: str, numbers: np.ndarray, sides: int | np.ndarray) -> np.ndarray:
        """Return for each number a uniform integer from 0 to `sides` - 1; `sides`, or one for each, is below 2**32."""
        key = int.from_bytes(blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest(), "big")
        mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)  # splitmix64
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        top = (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(32)
        return (top * np.asarray(sides, np.uint64) >> np.uint64(32)).astype(np.int64)

    def share(self, name: str, numbers: np.ndarray, per_mille: int) -> np.ndarray:
        """Return True for this share of the numbers, in per mille."""
        return self.throw(name, numbers, 1000) < per_mille

    def pick(self, name: str, numbers: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return for each number an index into `weights`, with these probabilities."""
        reached = np.cumsum(weights)
        return np.searchsorted(reached, self.throw(name, numbers, int(reached[-1])), side="right")


@dataclass(frozen=True)
class Sample:
    """The rows of a sample, numbered through all files; a row is the sale of its number, or repeats an earlier one."""

    rows: int
    files: int
    dice: Dice
    flaws: bool = False

    @property
    def rows_sent_again(self) -> int:
        """The number of rows of the file that is sent twice; 0 if none is."""
        return self.rows // (self.files + 1) if self.flaws and self.files > 1 else 0

    @cached_property
    def starts(self) -> np.ndarray:
        """The number of each file's first row, followed by the number of rows that are not sent again."""
        if again := self.rows_sent_again:
            rest = self.rows - 2 * again
            return np.append(0, again + np.arange(self.files) * rest // (self.files - 1))
        return np.arange(self.files + 1) * self.rows // self.files

    def lines(self, file: int) -> Iterator[pa.Array]:
        """Yield the CSV lines of one file, a chunk at a time."""
        start, end = map(int, self.starts[file : file + 2])
        for first in range(start, end, CHUNK_ROWS):
            rows = np.arange(first, min(first + CHUNK_ROWS, end))
            columns = self._columns(self.sales(rows - (repeats_rewritten(rows) if self.flaws else 0)))
            if self.flaws:
                columns = with_flaws(columns, rows)
            yield _joined(_joined(*(columns[column.name] for column in COLUMNS), between=","), "\n")

    def sales(self, rows: np.ndarray) -> np.ndarray:
        """Return the sale of each row: its own or, for one row in twenty, that of an earlier row of any file."""
        repeats = self.dice.share("repeats", rows, per_mille=50)
        in_file = self.dice.share("repeats in its file", rows, per_mille=600)
        earliest = np.where(in_file, self.starts[self._file_of(rows)], 0)
        repeats &= earliest < rows
        repeated = earliest + self.dice.throw("repeated row", rows, rows - earliest)
        sales = rows.copy()
        if repeats.any():
            sales[repeats] = self.sales(repeated[repeats])  # these may repeat still earlier ones
        return sales

    def _file_of(self, rows: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.starts, rows, side="right") - 1

    def _columns(self, sales: np.ndarray) -> dict[str, pa.Array]:
        """Return the texts of these sales by column, quoted where a CSV needs it."""
        channel = self._file_of(sales) % len(CHANNELS)  # 0 has all platforms, the others one each
        platform = np.where(channel > 0, channel - 1, self.dice.throw("platform", sales, len(words.PLATFORMS)))
        in_shop = platform == words.SHOP
        moment = self._moments(sales, in_shop)
        nome, sobrenome, email, telefone = self._customers(self.dice.throw("customer", sales, self.rows // 4 + 8))
        produto, valor = self._purchases(sales)
        canal = np.where(in_shop, words.IN_SHOP, self.dice.throw("canal", sales, words.IN_SHOP))
        vendedor = self.dice.throw("seller", sales, len(words.SELLERS))
        campanha, desconto, codigo = self._campaigns(sales, moment)
        columns = {
            schema.TIMESTAMP.name: pa.array(moment).cast(pa.timestamp("s")).cast(pa.string()),
            schema.NOME.name: nome,
            schema.SOBRENOME.name: sobrenome,
            schema.EMAIL.name: email,
            schema.TELEFONE.name: telefone,
            "Produto Adquirido": produto,
            schema.VALOR.name: valor,
            "Canal": _texts(words.CANAIS, canal),
            "Plataforma de Interação": _texts(words.PLATFORMS, platform),
            "Campanha de Marketing": campanha,
            "Vendedor": _texts(words.SELLERS, vendedor, missing=~in_shop),
            schema.DESCONTO.name: desconto,
            "Código de Desconto Usado": codigo,
        }
        for column in COLUMNS:
            if column.examples:
                drawn = self.dice.throw(column.name, sales, len(column.examples))
                columns[column.name] = _texts([_quoted(example) for example in column.examples], drawn)
            elif column.name not in columns and column.default is None:
                raise DeclarationError(f"The column {column.name!r} needs examples, from which sample files are made.")
            elif column.name not in columns:
                columns[column.name] = pa.nulls(len(sales), pa.string())  # empty: the default
        return columns

    def _moments(self, sales: np.ndarray, in_shop: np.ndarray) -> np.ndarray:
        """Return seconds since 1970. Files are in time order, as exports are; a channel's next file continues later."""
        file = self._file_of(sales)
        turns = (self.files - 1 - file % len(CHANNELS)) // len(CHANNELS) + 1  # files that share the channel's years
        calendar = np.cumsum(words.busy_hours())  # an hour's length in it is its number of sales
        begin, end = (calendar[-1] * (file // len(CHANNELS) + later) // turns for later in (0, 1))
        in_file, of_file = sales - self.starts[file], np.diff(self.starts)[file]
        step = np.maximum((end - begin) // of_file, 1)
        reached = begin + (end - begin) * in_file // of_file + self.dice.throw("step", sales, step)
        hours = np.searchsorted(calendar, reached, side="right")
        days, hour = np.divmod(hours, 24)
        shut = in_shop & ((hour < words.SHOPS_OPEN) | (hour >= words.SHOPS_CLOSE))
        opening = words.SHOPS_OPEN + self.dice.throw("hour", sales, words.SHOPS_CLOSE - words.SHOPS_OPEN)
        hour = np.where(shut, opening, hour)
        return words.FIRST_SECOND + (days * 24 + hour) * 3600 + self.dice.throw("second", sales, 3600)

    def _customers(self, people: np.ndarray) -> tuple[pa.Array, ...]:
        """Return first name, surname, e-mail and telephone, always the same for the same person."""
        first = self.dice.pick("first name", people, words.from_common_to_rare(len(words.FIRST_NAMES)))
        last = self.dice.pick("surname", people, words.from_common_to_rare(len(words.SURNAMES)))
        number = self.dice.throw("mailbox", people, 1000)
        domain = self.dice.pick("domain", people, words.from_common_to_rare(len(words.DOMAINS)))
        no_email = self.dice.share("no e-mail", people, per_mille=30)
        area = np.array(words.AREA_CODES)[self.dice.throw("area", people, len(words.AREA_CODES))]
        telephone = area * 10**9 + 9 * 10**8 + self.dice.throw("telephone", people, 10**8)
        no_telephone = self.dice.share("no telephone", people, per_mille=60)
        mailbox = (
            _texts([words.ascii_name(name) for name in words.FIRST_NAMES], first),
            _texts([f".{words.ascii_name(name)}" for name in words.SURNAMES], last),
            _texts([str(digits) for digits in range(1000)], number),
            _texts([f"@{name}" for name in words.DOMAINS], domain, missing=no_email),
        )
        return (
            _texts(words.FIRST_NAMES, first),
            _texts(words.SURNAMES, last, missing=self.dice.share("no surname", people, per_mille=10)),
            _joined(*mailbox, missing=None),
            pa.array(telephone, mask=no_telephone).cast(pa.string()),
        )

    def _purchases(self, sales: np.ndarray) -> tuple[pa.Array, pa.Array]:
        """Return product and price, which is within 15 % of the list price."""
        product = self.dice.pick("product", sales, words.from_common_to_rare(len(words.PRODUCTS)))
        list_price = np.array(list(words.PRODUCTS.values()))[product]
        reais = list_price * (850 + self.dice.throw("price", sales, 301)) // 1000
        cents = self.dice.throw("cents", sales, len(words.CENTS))
        price = _joined(pa.array(reais).cast(pa.string()), _texts(words.CENTS, cents))
        return _texts([_quoted(name) for name in words.PRODUCTS], product), price

    def _campaigns(self, sales: np.ndarray, moment: np.ndarray) -> tuple[pa.Array, ...]:
        """Return campaign, discount and code: mostly the season's, some at full price, a few without campaign."""
        days = moment.astype("datetime64[s]").astype("datetime64[D]")
        season = np.take(words.CAMPAIGN_OF_MONTH, words.months(days))
        other = self.dice.throw("campaign", sales, len(words.CAMPAIGNS))
        campaign = np.where(self.dice.share("out of season", sales, per_mille=200), other, season)
        none = self.dice.share("no campaign", sales, per_mille=40)
        full_price = none | self.dice.share("full price", sales, per_mille=350)
        return (
            _texts(words.CAMPAIGNS, campaign, missing=none),
            _texts(words.DISCOUNTS, campaign, missing=full_price),
            _texts(words.CODES, campaign, missing=full_price),
        )


def _texts(texts: Sequence[str], index: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    return pa.array(texts).take(pa.array(index, mask=missing))


def _joined(*columns: pa.Array | str, between: str = "", missing: str | None = "") -> pa.Array:
    """Join the columns' texts; `missing` replaces a missing one, or, if None, makes the whole text missing."""
    handling = "emit_null" if missing is None else "replace"
    return pc.binary_join_element_wise(*columns, between, null_handling=handling, null_replacement=missing or "")


def _quoted(text: str) -> str:
    if not set(text) & set(',"\n'):
        return text
    return '"' + text.replace('"', '""') + '"'

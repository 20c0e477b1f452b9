"""The types of a declaration of sales: input columns, gold's columns, dimensions and measures.

`vendas.declaration` has the shop's declaration. The columns of every table follow from it, and so does `sql/`.
"""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from vendas.errors import DeclarationError


class Type(StrEnum):
    """The column types, named as in Spark SQL; a timestamp is wall-clock time without a zone."""

    TEXT = "string"
    WHOLE = "bigint"
    MONEY = "decimal(12,2)"
    FRACTION = "decimal(5,4)"
    TIMESTAMP = "timestamp_ntz"


def _money(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or value != round(value, 2):
        raise ValueError(text)
    return value


_DEFAULT_VALUES: dict[str, Callable[[str], str | int | Decimal]] = {
    Type.TEXT: str,
    Type.WHOLE: int,
    Type.MONEY: _money,
}  # the types that can have a default


@dataclass(frozen=True)
class Column:
    """A column: its name, Spark SQL type and comment, and the default for an empty or absent field.

    `default` is a text as in a file; None: the column has no default. `max_bytes` limits a text's length in UTF-8;
    a row with a longer one is refused.
    """

    name: str
    type: str
    comment: str
    default: str | None = None
    personal: bool = False
    max_bytes: int = 1000

    @property
    def default_value(self) -> str | int | Decimal | None:
        """The default as a value of the column's type; rows from before the column was declared have it."""
        return None if self.default is None else _DEFAULT_VALUES[self.type](self.default)

    @property
    def gold_name(self) -> str:
        """The column's name in gold: `Código de Desconto Usado` becomes `codigo_de_desconto_usado`."""
        letters = unicodedata.normalize("NFD", self.name.lower()).encode("ascii", "ignore").decode()
        return "_".join(letters.split())


@dataclass(frozen=True)
class Input(Column):
    """A column of the shop's files. A file may lack an `optional` one; `other_names` count where its name is absent.

    `examples` are the values that sample files have in the column; without them, sample files lack an optional column.
    Raises: DeclarationError if a text or an optional column has no default, a column of a type without defaults has
    one, or the default is not of the column's type, or longer than its texts may be.
    """

    optional: bool = False
    other_names: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.default is None and (self.type == Type.TEXT or self.optional):
            raise DeclarationError(f"The column {self.name!r} needs a default: it is a text, or a file may lack it.")
        if self.default is not None and self.type not in _DEFAULT_VALUES:
            raise DeclarationError(f"The column {self.name!r} cannot have a default: its type is {self.type}.")
        try:
            _ = self.default_value
        except (ValueError, ArithmeticError):
            raise DeclarationError(
                f"The column {self.name!r}: the default {self.default!r} is no {self.type}."
            ) from None
        if self.type == Type.TEXT and len(str(self.default).encode()) > self.max_bytes:
            raise DeclarationError(
                f"The column {self.name!r}: the default {self.default!r} has more than {self.max_bytes} bytes."
            )


@dataclass(frozen=True)
class Carried(Column):
    """A column of gold that is a copy of silver's column `of`."""

    of: str = ""


@dataclass(frozen=True)
class Derived(Column):
    """A column of gold that the rule of the same name (`rules.gold.RULES`) computes from silver's columns `of`."""

    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dimension:
    """A dimension `dim_<name>` with the key `<name>_id`: one member per combination of these columns of gold.

    `about` is the key's comment in the fact. Redshift distributes a `large` dimension over its nodes and copies others
    to each.
    """

    name: str
    comment: str
    attributes: tuple[str, ...]
    about: str
    large: bool = False

    @property
    def table(self) -> str:
        """The dimension's table."""
        return f"dim_{self.name}"

    @property
    def key(self) -> str:
        """The dimension's key, in its table and in the fact."""
        return f"{self.name}_id"


@dataclass(frozen=True)
class Declaration:
    """The declaration of the shop's sales.

    `version` counts changes of the rules: when it rises, files that an older version read are read again, once. `gold`
    lists silver's columns to copy and the derived columns, in order; an input column that it does not use is copied
    after them. The fact has gold's columns in `facts` and `measures`; measures are summed.
    Raises: DeclarationError if something refers to a column that is not declared.
    """

    version: int
    columns: tuple[Input, ...]
    origin: tuple[Column, ...]
    gold: tuple[str | Derived, ...]
    dimensions: tuple[Dimension, ...]
    facts: tuple[str, ...]
    measures: tuple[str, ...]

    def __post_init__(self) -> None:
        named = {name for dimension in self.dimensions for name in dimension.attributes}
        known = {column.name for column in self.gold_columns}
        if missing := sorted((named | {*self.facts, *self.measures}) - known - {"ano"}):
            raise DeclarationError(f"Gold has no column {', '.join(missing)}; it has {', '.join(sorted(known))}.")

    @cached_property
    def gold_columns(self) -> tuple[Carried | Derived, ...]:
        """Gold's columns, without the year by which it is partitioned."""
        used = {name for entry in self.gold for name in ((entry,) if isinstance(entry, str) else entry.of)}
        added = [column.name for column in self.columns if column.name not in used]
        return tuple(self._gold_columns([*self.gold, *added]))

    def _gold_columns(self, entries: list[str | Derived]) -> Iterator[Carried | Derived]:
        by_name = {column.name: column for column in (*self.columns, *self.origin)}
        for entry in entries:
            sources = (entry,) if isinstance(entry, str) else entry.of
            if missing := [name for name in sources if name not in by_name]:
                raise DeclarationError(f"No column {missing[0]!r} is declared, but gold refers to it.")
            yield _carried(by_name[entry]) if isinstance(entry, str) else entry


def _carried(column: Column) -> Carried:
    return Carried(
        column.gold_name,
        column.type,
        column.comment,
        column.default,
        column.personal,
        column.max_bytes,
        of=column.name,
    )

"""The types of a declaration of sales: input columns, gold's columns, dimensions and measures.

`vendas.declaration` has the shop's declaration. The columns of every table follow from it, and so does `sql/`.
"""

import unicodedata
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from vendas.declared_names import OF_RECORDS, OF_WAREHOUSE, check_distinct, check_needed, check_sql_names
from vendas.errors import DeclarationError
from vendas.text import normalize_name


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
_TYPES = ", ".join(Type)
_SUMMED_TYPES = (Type.WHOLE, Type.MONEY)
_LONGEST_TEXT = 65_535  # of Redshift's varchar
_TOKEN_BYTES = 24  # of an erased person's token, which takes the place of a personal text


@dataclass(frozen=True)
class Column:
    """A column: its name, Spark SQL type and comment, and the default for an empty or absent field.

    `default` is a text as in a file; None: the column has no default. `max_bytes` limits a text's length in UTF-8;
    a row with a longer one is refused. `other_names` are those by which files and older tables may have the column.
    """

    name: str
    type: str
    comment: str
    default: str | None = None
    personal: bool = False
    max_bytes: int = 1000
    other_names: tuple[str, ...] = ()

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
    Raises: DeclarationError if the type is none of Type, a text or an optional column has no default, a column of a
    type without defaults has one, the default is not of the column's type, or longer than its texts may be, or a
    personal column could not hold an erased person's token.
    """

    optional: bool = False
    examples: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.type not in [*Type]:
            raise DeclarationError(f"The column {self.name!r} has the type {self.type!r}; expected {_TYPES}.")
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
        if self.max_bytes > _LONGEST_TEXT:
            raise DeclarationError(f"The column {self.name!r}: a text has {_LONGEST_TEXT} bytes at most.")
        if self.personal and (self.type != Type.TEXT or self.max_bytes < _TOKEN_BYTES):
            raise DeclarationError(
                f"The column {self.name!r} is personal, so it must be a text of {_TOKEN_BYTES} bytes or more: an "
                "erased person's values become a token of that length."
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
    Raises: DeclarationError if something refers to a column that is not declared, a name is taken or cannot be one, a
    measure cannot be summed, or what others need by name is missing.
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
        self._check_names()
        types = {column.name: column.type for column in self.gold_columns}
        if unsummed := [name for name in self.measures if types[name] not in _SUMMED_TYPES]:
            raise DeclarationError(
                f"The measure {unsummed[0]} is {types[unsummed[0]]}; expected {' or '.join(_SUMMED_TYPES)}."
            )
        attributes = [f"{each.table}.{name}" for each in self.dimensions for name in each.attributes]
        check_needed(
            [*attributes, *(f"facts.{name}" for name in self.facts), *(f"measures.{name}" for name in self.measures)]
        )

    def _check_names(self) -> None:
        spelled = [name for column in self.columns for name in (column.name, *column.other_names)]
        own = [column.name for column in self.origin]
        if taken := sorted({column.name for column in self.columns} & OF_RECORDS):
            raise DeclarationError(f"No column can be called {taken[0]!r}: the rules use this name.")
        check_distinct("A header", [*own, *spelled], normalize_name)
        gold = [column.name for column in self.gold_columns]
        check_distinct("The warehouse", [*OF_WAREHOUSE, *gold, *(dimension.key for dimension in self.dimensions)])
        check_distinct("The fact", [*self.facts, *self.measures])
        for dimension in self.dimensions:
            check_distinct(dimension.table, dimension.attributes)
        check_sql_names(gold, [dimension.name for dimension in self.dimensions])

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


def check_rules(given: Collection[str], needed: Collection[str], known: Collection[str]) -> None:
    """Check that each column that needs a rule has one, and that each rule is for a column.

    Raises: DeclarationError if not.
    """
    if missing := sorted({*needed} - {*given}):
        raise DeclarationError(f"The column {missing[0]!r} needs a rule in RULES: it is no text, or it is derived.")
    if unknown := sorted({*given} - {*known}):
        raise DeclarationError(f"There is a rule for {unknown[0]!r} in RULES, but no such column is declared.")


def _carried(column: Column) -> Carried:
    return Carried(
        column.gold_name,
        column.type,
        column.comment,
        column.default,
        column.personal,
        column.max_bytes,
        column.other_names,
        of=column.name,
    )

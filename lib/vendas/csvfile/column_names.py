"""Column names as files spell them: where a header has the declared columns, compared by `text.normalize_name`."""

import re
from functools import lru_cache

from vendas.csvfile.grammar import split
from vendas.schema import INPUT_COLUMNS, ORIGIN_NAME
from vendas.text import normalize_blanks, normalize_name

_ORIGIN = normalize_name(ORIGIN_NAME)
_QUOTED = re.compile(r'"((?:[^"]|"")*+)"(.*)', re.DOTALL)


def read_names(record: bytes, encoding: str, delimiter: str) -> tuple[str, ...]:
    """Return a record's fields as column names, with blanks normalized and quotes removed."""
    return tuple(
        normalize_blanks(_unquote(field.decode(encoding, errors="replace"))) for field in split(record, delimiter)
    )


def name_places(names: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the places of each declared column among the names; in a header one each, or none if it is optional.

    Other names of a column count only where its proper name is absent.
    """
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(normalize_name(name), []).append(place)

    def found(*known: str) -> tuple[int, ...]:
        return tuple(place for name in known for place in places.get(normalize_name(name), ()))

    return tuple(found(column.name) or found(*column.other_names) for column in INPUT_COLUMNS)


def origin_of(names: tuple[str, ...]) -> int | None:
    """Return the place of the column that links a mended row to its quarantined one; None if there is none.

    A row that was refused a second time also has the column of its first export, so the last one counts.
    """
    places = [place for place, name in enumerate(names) if normalize_name(name) == _ORIGIN]
    return places[-1] if places else None


def are_headers(places: tuple[tuple[int, ...], ...]) -> bool:
    """Return whether these places are a header's: each declared column once; optional ones may be absent."""
    return all(
        len(found) == 1 or (column.optional and not found) for column, found in zip(INPUT_COLUMNS, places, strict=True)
    )


def positions_of(places: tuple[tuple[int, ...], ...]) -> tuple[int | None, ...]:
    """Return the place of each declared column; None for an optional column that is absent."""
    return tuple(found[0] if found else None for found in places)


@lru_cache
def positions_in(names: tuple[str, ...]) -> tuple[int | None, ...]:
    """Return the place of each declared column in a header of these names; it is kept, since many files share one."""
    return positions_of(name_places(names))


def join_names(names: list[str] | tuple[str, ...], most: int = 40, longest: int = 60) -> str:
    """Return names as a list for a message, limited in number and length."""
    quoted = [f"'{name[:longest]}…'" if len(name) > longest else f"'{name}'" for name in names[:most]]
    return ", ".join(quoted) + (f" e mais {len(names) - most}" if len(names) > most else "")


def _unquote(field: str) -> str:
    quoted = _QUOTED.match(field)
    return quoted[1].replace('""', '"') + quoted[2] if quoted else field

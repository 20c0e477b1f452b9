"""The token in the rows of tables, and in files of text. Rows keep their number, order and all other values."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.declaration_types import Derived, Type
from vendas.lake.tables import GOLD_TABLE, LEDGER_TABLE, PLACES, QUARANTINE_TABLE, SILVER_TABLE
from vendas.privacy.anonymize import Kind, Layout, anonymize, replace_between_marks
from vendas.privacy.edited_files import edit_file
from vendas.privacy.layers import as_text, is_text
from vendas.rules.gold import RULES
from vendas.rules.people import Values
from vendas.storage import Location

_SOURCES = {column.name: column for column in schema.INPUT_COLUMNS}


def anonymize_sales(table: str, rows: pa.Table, kinds: Mapping[int, Kind], values: Values, token: str) -> pa.Table:
    """Return rows of silver or gold with the token, as the rules make them of anonymized records."""
    theirs = {place for place, kind in kinds.items() if kind.is_theirs}
    own = _of_erased(token)
    for column in schema.TABLES[table]:
        if column.type != Type.TEXT or column.name in PLACES[table]:
            continue
        new = dict.fromkeys(theirs, own[column.name]) if column.name in own else {}
        for place in kinds.keys() - new.keys():
            text = rows[column.name][place].as_py() or ""
            new[place] = values.by_contact.replaced_in(text, token) if column.name not in own else text
        rows = _with_values(rows, column.name, new)
    return rows


def _of_erased(token: str) -> dict[str, str]:
    """Return what follows from an erased person's personal columns alone, by column of silver and gold."""
    of_person = {name: token for name, column in _SOURCES.items() if column.personal}
    for column in schema.SALES.gold_columns:
        if isinstance(column, Derived) and {*column.of} <= of_person.keys():
            of_person[column.name] = RULES[column.name](*(pa.array([token]) for _ in column.of))[0].as_py()
        elif column.personal:
            of_person[column.name] = token
    return of_person


def anonymize_refused(
    rows: pa.Table, kinds: Mapping[int, Kind], layouts: Mapping[str, Layout], values: Values, token: str
) -> pa.Table:
    """Return rows of quarantine with the token, their texts as bronze has them."""
    new = {}
    for place, kind in kinds.items():
        text, arquivo = rows["texto"][place].as_py(), rows["arquivo"][place].as_py()
        new[place] = anonymize(text, layouts.get(arquivo) or Layout.guess(text), kind, values, token)
    return _with_values(rows, "texto", new)


def anonymize_ledger(rows: pa.Table, values: Values, token: str) -> pa.Table:
    """Return events with the token in reasons and surveys, which may quote a file's header."""
    for name in ("motivo", "dialeto"):
        texts = enumerate(rows[name].to_pylist())
        new = {place: values.replaced_in(text, token) for place, text in texts if text and values.found_in(text)}
        rows = _with_values(rows, name, new)
    return rows


def _with_values(rows: pa.Table, name: str, new: Mapping[int, str]) -> pa.Table:
    if not new:
        return rows
    column = pa.concat_arrays(rows[name].chunks)
    mask = pc.is_in(pa.array(range(len(rows)), pa.int64()), pa.array(sorted(new), pa.int64()))
    replaced = pc.replace_with_mask(column, mask, pa.array([new[place] for place in sorted(new)], pa.string()))
    return rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), replaced)


TABLES_WITH_VALUES = (SILVER_TABLE, GOLD_TABLE, QUARANTINE_TABLE, LEDGER_TABLE)
"""The tables of the lake in which values of a person can stand."""


def anonymize_file(path: Location, values: Values, token: str) -> None:
    """Replace a person's values in a notebook, page, log or export; leave a file that is no text."""
    if is_text(path):
        edit_file(path, lambda copy: _anonymize_copy(copy, values, token))


def _anonymize_copy(path: Path, values: Values, token: str) -> bool:
    data = path.read_bytes()
    text = as_text(data)
    new = _new_text(path.suffix, text, values, token)
    before, after = (part.encode("utf-8", "surrogateescape") for part in (text, new))
    aside = path.with_name(f".{path.name}.anonimizado")
    aside.write_bytes(after if before == data else gzip.compress(after))
    aside.chmod(path.stat().st_mode)
    aside.replace(path)
    return True


def _new_text(suffix: str, text: str, values: Values, token: str) -> str:
    if suffix in (".ipynb", ".json"):
        return _in_json(text, values, token)
    if suffix == ".csv":  # an export, which may come back corrected
        return replace_between_marks(text, values.spans_in(text), token)
    return values.replaced_in(text, token)


def _in_json(text: str, values: Values, token: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return values.replaced_in(text, token)
    return json.dumps(_replaced(document, values, token), ensure_ascii=False, indent=1) + "\n"


def _replaced(part, values: Values, token: str):
    if isinstance(part, str):
        return values.replaced_in(part, token)
    if isinstance(part, list) and _are_lines(part):
        return values.replaced_in("".join(part), token).splitlines(keepends=True)
    if isinstance(part, list):
        return [_replaced(item, values, token) for item in part]
    if isinstance(part, dict):
        return {name: _replaced(item, values, token) for name, item in part.items()}
    return part


def _are_lines(part: list) -> bool:
    """Return whether a list is a text as nbformat cuts it, in which a value may stand in two lines."""
    return all(isinstance(item, str) for item in part) and "".join(part).splitlines(keepends=True) == part

"""Previews of 02_silver: texts and their typed values, refused rows, defaults, years, duplicates, and sales."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.csvfile.dialect import Survey
from vendas.csvfile.grammar import split
from vendas.formatting import format_number
from vendas.lake.data_files import one_of
from vendas.lake.events import Event
from vendas.lake.ledger import latest
from vendas.lake.table_reader import held_files
from vendas.lake.tables import QUARANTINE_TABLE, SILVER_TABLE, Lake
from vendas.reasons import Reason
from vendas.reports.bronze_preview import RAW_SCHEMA
from vendas.reports.masking import MASKED_COLUMNS, mask_row, mask_text
from vendas.reports.preview import (
    NO_SALES,
    NOTHING,
    PLACE_COLUMNS,
    Preview,
    ShownEvents,
    Written,
    as_held_files,
    count_of,
    examples,
    note_cut,
    reading,
    showing,
)
from vendas.reports.small_chart import Bars
from vendas.rules.duplicates import EQUAL_IN, MOMENT
from vendas.rules.validate import validate
from vendas.stages.survey import SurveyedFile
from vendas.tuning import PREVIEW_CHARACTERS, PREVIEW_FILES, PREVIEW_ROWS

SALE_PLACE = list(PLACE_COLUMNS[SILVER_TABLE])
_LOOKED_FOR = 3  # duplicates to look for in all of silver
_LONGEST_RECORD = 100 * PREVIEW_CHARACTERS  # of which a mask is made


def bronze_events(known: Iterable[Event], events: Sequence[Event]) -> list[Event]:
    """Return bronze's events of the files that another stage's events are about."""
    files = latest(known, [event.arquivo for event in events])
    return [files[event.arquivo]["bronze"] for event in events]


@showing
def show_types(raw: pa.Table, sales: pa.Table) -> Preview:
    """Show the typed values of texts: an example of each notation in each typed column."""
    typed = [column for column in schema.INPUT_COLUMNS if column.default is None]
    found = _with_sales(raw, sales, [column.name for column in typed])
    each = max(1, PREVIEW_ROWS // len(typed))
    rows = [
        {
            "coluna": column.name,
            "tipo": column.type,
            "como veio": text or "(vazio)",
            "como ficou": value,
            "linhas assim": count,
        }
        for column in typed
        for text, value, count in _ways_of_writing(found, column.name)[:each]
    ]
    note = f"De {format_number(len(found))} linhas, do começo de cada arquivo." if len(found) else NO_SALES
    return Preview.of(rows, note=note)


@showing
def show_refused(refused: pa.Table, surveyed: Sequence[Event], events: Sequence[Event]) -> Preview:
    """Show for each combination of reasons how many rows have it, and the first of them with its original text.

    `refused` are rows of quarantine in order. `surveyed` are bronze's events of their files, which locate e-mail and
    telephone in a row's text. `events` are silver's, which have the number of refused rows.
    """
    there = sum(event.quarentena for event in events)
    if not len(refused):
        return Preview.of([], note="Nenhuma linha foi recusada." if events else NOTHING)
    surveys = {event.arquivo: SurveyedFile.of(Path(), event).survey for event in surveyed if event.dialeto}
    reasons = pc.binary_join(refused["motivos"], " ")
    rows = [
        {
            "linhas assim": count,
            "linha": example["linha"],
            "texto": mask_record(example["texto"], surveys.get(example["arquivo"])),
            "motivos": " ".join(_sentence(code) for code in codes.split()),
            "arquivo": example["arquivo"],
        }
        for codes, count, example in examples(refused, reasons)
    ]
    note = note_cut(len(refused), there, "linhas recusadas, de uma amostra")
    note = f"{note} {note_cut(PREVIEW_ROWS, len(rows), 'combinações de motivos')}".strip()
    return Preview.of(rows[:PREVIEW_ROWS], note=f"{note} `vendas quarantine list` mostra todas as linhas.".strip())


@showing
def draw_defaults(sales: pa.Table, events: Sequence[Event]) -> Bars | Preview:
    """Draw for each text column with empty fields how many sales have its default."""
    counts = {c.name: pc.sum(pc.equal(sales[c.name], c.default)).as_py() or 0 for c in schema.TEXT_COLUMNS}
    filled = sorted(((name, count) for name, count in counts.items() if count), key=lambda found: -found[1])
    if not filled:
        return Preview.of([], note="Nenhum campo de texto estava vazio." if len(sales) else NO_SALES)
    default = {column.name: column.default for column in schema.TEXT_COLUMNS}
    bars = [(name, (count,), f"{format_number(count)} · {default[name]}") for name, count in filled[:PREVIEW_ROWS]]
    sample = " (uma amostra)" if len(sales) < count_of(SILVER_TABLE, events) else ""
    title = f"Campos vazios, preenchidos por padrão, em {format_number(len(sales))} vendas{sample}"
    return Bars(title, ["vendas"], bars)


@reading
def count_years(tables: Lake, sales: pa.Table, events: Sequence[Event], written: Written = ()) -> Counter[int]:
    """Count the sales of these files by year: in `sales` if they are all, else in the data files."""
    if len(sales) == count_of(SILVER_TABLE, events):
        return Counter(sales[schema.ANO.name].to_pylist())
    files = as_held_files(tables, SILVER_TABLE, events, written)
    with ThreadPoolExecutor() as threads:
        counts = list(threads.map(lambda file: file.count_values(schema.ARQUIVO.name), files))
    found: Counter[int] = Counter()
    for file, counted in zip(files, counts, strict=True):
        found[file.ano or 0] += sum(counted[event.arquivo] for event in events)
    return +found


@showing
def show_years(years: Mapping[int, int]) -> Preview:
    """Show the number of sales per year, which is silver's partition; newest first."""
    rows = [{"ano": ano, "vendas": years[ano]} for ano in sorted(years, reverse=True)]
    return Preview.of(rows[:PREVIEW_ROWS], note=note_cut(PREVIEW_ROWS, len(rows), "anos") if rows else NO_SALES)


@showing
def show_accounts(events: ShownEvents) -> Preview:
    """Show where the rows of each file are now: read = silver + duplicates + quarantine."""
    rows = [
        {
            "arquivo recebido": event.arquivo_recebido,
            "lidas": event.lidas,
            "vendas em silver": event.gravadas,
            "duplicadas": event.duplicadas,
            "em quarentena": event.quarentena,
            "duvidosas": event.duvidosas,
            "observação": event.motivo or "",
            "arquivo na bronze": event.arquivo,
        }
        for event in events
    ]
    return Preview.of(rows, note=events.note)


@reading
def find_duplicate(
    tables: Lake, raw: pa.Table, sales: pa.Table, refused: pa.Table, events: Sequence[Event]
) -> tuple[dict, dict] | None:
    """Find a dropped record and the sale that it equals, among these rows or else in all of silver.

    Return the sale and the record, both in silver's columns. None if no file has duplicates, or none is near its
    beginning.
    """
    dropped = dropped_records(raw, sales, refused, events)
    return pair_with(dropped, sales) or _pair_in_silver(tables, dropped)


def dropped_records(raw: pa.Table, sales: pa.Table, refused: pa.Table, events: Sequence[Event]) -> pa.Table:
    """Return the good, typed records of files with duplicates that are not among these sales, by file."""
    with_duplicates = pa.array([event.arquivo for event in events if event.duplicadas], pa.string())
    records = raw.filter(pc.is_in(raw["arquivo"], with_duplicates)).combine_chunks()
    empty = schema.arrow_schema((*schema.INPUT_COLUMNS, schema.ARQUIVO, schema.LINHA_DO_ARQUIVO)).empty_table()
    typed = [empty]
    for batch in records.to_batches():
        rows = validate(batch.select(RAW_SCHEMA.names[1:]))
        places = [batch["arquivo"], batch[schema.LINHA]]
        good = pa.table([*rows.select(schema.INPUT_NAMES).columns, *places], schema=empty.schema)
        typed.append(good.filter(pc.equal(pc.list_value_length(rows[schema.MOTIVOS]), 0)))
    quarantined = refused.select(PLACE_COLUMNS[QUARANTINE_TABLE]).rename_columns(SALE_PLACE)
    known = pa.concat_tables([sales.select(SALE_PLACE), quarantined])
    found = pa.concat_tables(typed)
    return found.filter(pc.invert(pc.is_in(_place(found), _place(known))))


def pair_with(dropped: pa.Table, sales: pa.Table) -> tuple[dict, dict] | None:
    """Return the first sale and record that are equal; None if there is no such pair."""
    first_of = {}
    for row in sales.filter(pc.is_in(sales[MOMENT], pc.unique(dropped[MOMENT]))).to_pylist():
        first_of.setdefault(tuple(row[name] for name in EQUAL_IN), row)
    for record in dropped.to_pylist() if first_of else ():
        if (sale := first_of.get(tuple(record[name] for name in EQUAL_IN))) is not None:
            return sale, record
    return None


@showing
def show_duplicate(pair: tuple[dict, dict] | None, events: Sequence[Event]) -> Preview:
    """Show a sale, and the record that was dropped as its duplicate."""
    if pair is None:
        some = any(event.duplicadas for event in events)
        return Preview.of([], note="Nenhum par no começo dos arquivos." if some else "Nenhuma linha duplicada.")
    names = [*SALE_PLACE, *schema.INPUT_NAMES]
    said = ("fica em silver", "sai, por ser igual")
    rows = [{"": what} | mask_row({name: row[name] for name in names}) for what, row in zip(said, pair, strict=True)]
    return Preview.of(rows, note="Iguais em todas as colunas da loja; fica a que chegou primeiro.")


def mask_record(text: str, survey: Survey | None) -> str:
    """Return a record's text with e-mail and telephone masked, in their fields and wherever else they appear.

    Only the start of a very long text is returned, because no more of it is shown.
    """
    text = text[:_LONGEST_RECORD]
    fields = split(text.encode(), survey.delimiter) if survey and text else []
    if survey and len(fields) == len(survey.header):
        texts = [field.decode() for field in fields]
        for name, place in zip(schema.INPUT_NAMES, survey.positions, strict=True):
            if name in MASKED_COLUMNS and place is not None:
                texts[place] = MASKED_COLUMNS[name](texts[place].strip('"')) or ""
        text = survey.delimiter.join(texts)
    return mask_text(text)


def _with_sales(raw: pa.Table, sales: pa.Table, names: Sequence[str]) -> pa.Table:
    """Return the texts of these columns and, as `valor …`, silver's values of the same lines."""
    texts = raw.select(["arquivo", schema.LINHA, *names])
    values = sales.select([*SALE_PLACE, *names]).rename_columns(
        ["arquivo", schema.LINHA, *(_value(name) for name in names)]
    )
    numbered = texts.append_column("_ordem", pa.array(range(len(texts)), pa.int64()))
    return numbered.join(values, ["arquivo", schema.LINHA], join_type="inner").sort_by("_ordem")


def _value(name: str) -> str:
    return f"valor {name}"


def _ways_of_writing(found: pa.Table, name: str) -> list[tuple[str, object, int]]:
    """Return an example of each notation of a column's texts, with its value and number of texts; most frequent first.

    Two texts have the same notation if they differ only in digits and letters.
    """
    shapes = pc.replace_substring_regex(found[name], r"[0-9]+", "9")
    shapes = pc.replace_substring_regex(shapes, r"\p{L}+", "a")
    return [(row[name], row[_value(name)], count) for _, count, row in examples(found, shapes)]


def _pair_in_silver(tables: Lake, dropped: pa.Table) -> tuple[dict, dict] | None:
    """Look in all of silver for a sale that equals one of the first dropped records."""
    from pyiceberg.expressions import EqualTo, Reference, literal

    for record in dropped.slice(0, _LOOKED_FOR).to_pylist():
        moment = record[MOMENT]
        where = EqualTo(term=Reference(MOMENT), value=literal(moment.isoformat()))
        of_moment = one_of(pa.array([moment], dropped.schema.field(MOMENT).type))
        for file in held_files(tables.place, SILVER_TABLE, where)[:PREVIEW_FILES]:
            for rows in file.rows_where({MOMENT: of_moment}, moment, moment):
                others = rows.filter(pc.not_equal(_place(rows), f"{record[SALE_PLACE[0]]}:{record[SALE_PLACE[1]]}"))
                if pair := pair_with(pa.Table.from_pylist([record], dropped.schema), others):
                    return pair
    return None


def _place(rows: pa.Table) -> pa.ChunkedArray:
    """Return each row's file and line, joined."""
    return pc.binary_join_element_wise(rows[SALE_PLACE[0]], rows[SALE_PLACE[1]].cast(pa.string()), ":")


def _sentence(code: str) -> str:
    return Reason(code).sentence if code in set(Reason) else code  # that of a rule on trial is none

"""Erase a person from every layer of a lake, by a plan that survives a kill: the next run completes it.

The plan holds what to look for and is written first, before anything changes; each step replaces what is still there,
so that it may be repeated; the plan goes last, with its values. The caller holds the lake.
"""

import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Self

from vendas.errors import PersonError
from vendas.lake.data_files import DataFile
from vendas.lake.erasures import (
    EMAIL_KIND,
    TELEPHONE_KIND,
    Erased,
    Receipt,
    keyed_hash,
    mark_of,
    plan_of,
    read_key,
    remember_person,
    remember_variants,
    variant_of,
    write_receipt,
)
from vendas.lake.events import STAGES, Event
from vendas.lake.ledger import latest, list_of_older_contract, read_events, record
from vendas.lake.maintenance import delete_old_versions
from vendas.lake.private_files import read_private, remove_private, write_private
from vendas.lake.table_reader import table_exists
from vendas.lake.tables import GOLD_TABLE, LEDGER_TABLE, QUARANTINE_TABLE, SILVER_TABLE, Lake
from vendas.lake.workers import Workers
from vendas.landing.arrivals import BronzeFile, list_bronze_files
from vendas.privacy.anonymize import Kind, Layout, anonymize
from vendas.privacy.database import delete_unused_members, member_ids, purge_database, vacuum_redshift
from vendas.privacy.edited_files import check_length, edit_file
from vendas.privacy.erased_rows import (
    TABLES_WITH_VALUES,
    anonymize_file,
    anonymize_ledger,
    anonymize_refused,
    anonymize_sales,
)
from vendas.privacy.layers import (
    exports_elsewhere,
    files_of_table,
    holding,
    kinds_of_rows,
    landing_files,
    rows_of_person,
    texts_of_lake,
)
from vendas.privacy.old_versions import old_texts, purge_old_versions
from vendas.privacy.receipts_page import write_receipts_page
from vendas.privacy.record_edits import replace_records, survey_or_none
from vendas.privacy.search import Found, FoundRecord, Request
from vendas.privacy.show import find_person, left_behind, receipts_of, tokens_of
from vendas.rules.anonymized import TOKEN_DIGITS, TOKEN_PREFIX
from vendas.rules.people import Keys, Values
from vendas.schema import TABLES
from vendas.settings import Settings
from vendas.stages.survey import survey_file
from vendas.storage import Location, S3Path, as_folder
from vendas.warehouse import load
from vendas.warehouse.embedded import ensure_running, is_initialized
from vendas.warehouse.outdated import is_outdated
from vendas.warehouse.transactions import Transaction, in_transaction

GROUND = "LGPD, art. 18, VI"
Open = Callable[[Settings], AbstractContextManager[Workers]]


@dataclass(frozen=True)
class Plan:
    """An erasure that has begun: what to look for, where it stood in bronze, and the receipt to leave.

    `tipos` has the kind of each record by bronze file and line, `variantes` the hash of the values that stood there.
    """

    receipt: Receipt
    values: Values
    tipos: dict[str, dict[int, Kind]]
    variantes: dict[str, dict[int, str]]

    def to_json(self) -> str:
        """Return the plan as JSON."""
        keys = {name: sorted(known) for name, known in asdict(self.values.keys).items()}
        names = {"full_names": sorted(self.values.full_names), "own_names": sorted(self.values.own_names)}
        return json.dumps(
            {
                "receipt": asdict(self.receipt),
                "values": keys | names,
                "tipos": self.tipos,
                "variantes": self.variantes,
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the plan that `to_json` gave."""
        held = json.loads(text)
        names = {name: held["values"].pop(name) for name in ("full_names", "own_names")}
        keys = Keys(**{name: frozenset(known) for name, known in held["values"].items()})
        values = Values(keys, frozenset(map(tuple, names["full_names"])), frozenset(names["own_names"]))
        return cls(
            Receipt(**held["receipt"]),
            values,
            {name: {int(n): Kind(kind) for n, kind in lines.items()} for name, lines in held["tipos"].items()},
            {name: {int(n): of for n, of in lines.items()} for name, lines in held["variantes"].items()},
        )

    @property
    def found(self) -> Found:
        """The records to change, as the search found them."""
        records = [FoundRecord(name, n, "", kind) for name, lines in self.tipos.items() for n, kind in lines.items()]
        return Found(self.values, records)


@dataclass
class Work:
    """A plan under way."""

    settings: Settings
    plan: Plan
    workers: Workers

    @property
    def lake(self) -> Location:
        """The lake."""
        return self.settings.lake

    @cached_property
    def tables(self) -> Lake:
        """The lake's tables, as declared now: they are written to, maybe before any stage is."""
        tables = Lake(self.settings.lake, self.workers)
        tables.update_tables()
        return tables

    @property
    def token(self) -> str:
        """The person's token."""
        return self.plan.receipt.token


@dataclass(frozen=True)
class Erasure:
    """The receipt of an erasure, and what is left to people.

    `left` are files that hold the person, too, `elsewhere` folders of other machines that rows were exported to, and
    `unsearched` files that cannot be read or are too long.
    """

    receipt: Receipt | None
    left: list[Location] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    unsearched: list[Location] = field(default_factory=list)


def erase_person(settings: Settings, request: Request, open_workers: Open, ground: str = GROUND) -> Erasure:
    """Erase a person. If nothing is left of one, write nothing: the receipt is an earlier one, or None for nobody.

    Raises: PersonError if an older version or another declaration made the lake, or a bronze object is too long.
    """
    complete_erasure(settings, open_workers)
    found = find_person(settings, request)
    plan = make_plan(settings, request, found, ground)
    left, unsearched = left_behind(settings, found)
    to_people = (left, exports_elsewhere(settings), unsearched)
    if plan is None:
        return Erasure(next(reversed(receipts_of(settings, request)), None), *to_people)
    check_erasable(settings, plan, open_workers)
    write_private(plan_of(settings.lake), plan.to_json())
    return Erasure(complete_erasure(settings, open_workers), *to_people)


def complete_erasure(settings: Settings, open_workers: Open) -> Receipt | None:
    """Complete the erasure that a killed command left; return its receipt, None if there is none."""
    path = plan_of(settings.lake)
    if (text := read_private(path)) is None:
        return None
    plan = Plan.from_json(text)
    with open_workers(settings) as workers:
        work = Work(settings, plan, workers)
        for step in STEPS:
            step(work)
    remove_private(path)
    return plan.receipt


def check_erasable(settings: Settings, plan: Plan, open_workers: Open) -> None:
    """Check that lake and warehouse are of this version and declaration, and that all bronze files can be changed.

    Raises: PersonError if not.
    """
    if list_of_older_contract(read_events(settings.lake)) or not _is_as_declared(settings, open_workers):
        raise PersonError(
            "This lake was made by an older version, or its declaration has changed since. Run `vendas run` first, or "
            "the workflow on AWS, which brings it up to date, then erase again. Nothing was changed."
        )
    for name in plan.tipos:
        check_length(settings.bronze / name)


def _is_as_declared(settings: Settings, open_workers: Open) -> bool:
    if isinstance(settings.lake, S3Path):
        with open_workers(settings) as workers:
            endpoint = load.endpoint_of(settings)
            return not in_transaction(workers, endpoint, lambda opened: is_outdated(opened.rows))
    dw = as_folder(settings.dw)
    return not is_initialized(dw) or load.is_as_declared(ensure_running(dw))


def make_plan(settings: Settings, request: Request, found: Found, ground: str) -> Plan | None:
    """Return the plan of an erasure; None if no layer holds anything of the person."""
    waiting = {file.name for file in landing_files(settings)}
    records = [
        record
        for record in found.of_kind(Kind.ROW, Kind.TEXT, Kind.MENTION, Kind.HEADER)
        if record.arquivo not in waiting and BronzeFile.parse(record.arquivo)
    ]
    layers = {
        "bronze": len(records),
        **{
            table: len(rows_of_person(settings, table, found)) for table in (SILVER_TABLE, GOLD_TABLE, QUARANTINE_TABLE)
        },
        "notebooks": len(holding(texts_of_lake(settings), found.values)),
        **_elsewhere(settings, found.values),
    }
    if not any(layers.values()):
        return None
    now = datetime.now(UTC)
    tokens = tokens_of(settings, request)
    key = read_key(settings)
    tipos: dict[str, dict[int, Kind]] = {}
    variantes: dict[str, dict[int, str]] = {}
    for one in records:
        tipos.setdefault(one.arquivo, {})[one.linha] = one.tipo
        of_file = variantes.setdefault(one.arquivo, {})
        if one.tipo == Kind.ROW:
            of_file[one.linha] = variant_of(key, one.valores)
    receipt = Receipt(
        recibo=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}",
        quando=now.isoformat(timespec="seconds"),
        fundamento=ground,
        token=tokens[0] if tokens else f"{TOKEN_PREFIX}{secrets.token_hex(TOKEN_DIGITS // 2)}",
        arquivos=len(tipos),
        linhas=len(records),
        camadas=layers,
    )
    return Plan(receipt, found.values, tipos, variantes)


def _elsewhere(settings: Settings, values: Values) -> dict[str, int]:
    """Return how much of the person other layers hold: the lake's own database, or old versions of objects in S3.

    What Redshift holds of a person, gold does, too.
    """
    if isinstance(settings.lake, S3Path):
        return {"versoes": len(old_texts(settings, values))}
    return {"dim_cliente": len(member_ids(settings, values))}


def _remember(work: Work) -> None:
    keys, key = work.plan.values.keys, read_key(work.settings)

    def hashes(emails: frozenset[str], telephones: frozenset[str]) -> list[str]:
        of_emails = [keyed_hash(key, EMAIL_KIND, email) for email in emails]
        return of_emails + [keyed_hash(key, TELEPHONE_KIND, telephone) for telephone in telephones]

    named, seen = hashes(keys.emails, keys.telephones), hashes(keys.seen_emails, keys.seen_telephones)
    remember_person(work.lake, Erased(work.token, named, seen, mark_of(key)))
    remember_variants(work.lake, work.plan.variantes)


def _rewrite_bronze(work: Work) -> None:
    for name, kinds in work.plan.tipos.items():
        edit_file(work.settings.bronze / name, partial(_rewrite, kinds=kinds, work=work))


def _rewrite(path: Path, kinds: dict[int, Kind], work: Work) -> bool:
    known = survey_or_none(path)  # the ledger's is of the bytes before the change

    def change(line: int, text: str) -> str:
        layout = Layout.of(known) if known else Layout.guess(text)
        return anonymize(text, layout, kinds[line], work.plan.values, work.token)

    return replace_records(path, known, kinds, change)


def _record_surveys(work: Work) -> None:
    """Tell the ledger that files have changed and why: their blocks begin elsewhere now. No stage becomes pending."""
    known = read_events(work.settings.lake)
    note = f"Dados pessoais substituídos (recibo {work.plan.receipt.recibo})"
    events = []
    for name, done in latest(known).items():
        if name in work.plan.tipos and note not in (done["bronze"].motivo or ""):
            events += _rerecorded(work, done, note)
    record(work.tables, known, events)


def _rerecorded(work: Work, done: dict[str, Event], note: str) -> Iterator[Event]:
    """Yield the events of a file again, up to the first stage that is behind; all get one time, so none is behind."""
    previous = None
    for stage in STAGES:
        event = done.get(stage)
        if event is None or (previous and event.recorded_at < previous.recorded_at):
            return
        if stage == "bronze":
            motivo = "; ".join(filter(None, [event.motivo, note]))
            dialeto = event.dialeto and _survey_again(work, event)
            yield replace(event, motivo=motivo, dialeto=dialeto)
        else:
            yield event
        previous = event


def _survey_again(work: Work, event: Event) -> str | None:
    return survey_file(BronzeFile.of(event.arquivo), work.settings.bronze, {}, event.run_id, event.regras).dialeto


def _rewrite_tables(work: Work) -> None:
    values, found = work.plan.values, work.plan.found
    there = {file.name for file in list_bronze_files(work.settings.bronze)}
    layouts = {
        name: Layout.of(known)
        for name in work.plan.tipos.keys() & there
        if (known := survey_or_none(work.settings.bronze / name))
    }
    for table in TABLES_WITH_VALUES:
        swapped: dict[str, DataFile] = {}
        for file in files_of_table(work.settings, table):
            rows = file.rows()
            if table == LEDGER_TABLE:
                new = anonymize_ledger(rows, values, work.token)
            else:
                kinds = kinds_of_rows(table, rows, found)
                new = (
                    anonymize_refused(rows, kinds, layouts, values, work.token)
                    if table == QUARANTINE_TABLE
                    else anonymize_sales(table, rows, kinds, values, work.token)
                )
            if not new.equals(rows):
                swapped[str(file.path)] = work.tables.target(table).write(new, file.ano)
        work.tables.swap_files(table, swapped)


def _reload_warehouse(work: Work) -> None:
    """Load the sales of the person's files again, and delete members without sales, in one transaction."""
    if not isinstance(work.lake, S3Path) and not is_initialized(as_folder(work.settings.dw)):
        return
    endpoint = load.endpoint_of(work.settings)
    load.apply_ddl(work.workers, endpoint)
    loaded = load.count_loaded_rows(work.workers, endpoint)
    files = [name for name in work.plan.tipos if name in loaded]

    def forget(opened: Transaction) -> None:
        delete_unused_members(opened, work.plan.values)

    if files:
        gold = work.tables.files_of(GOLD_TABLE, files)
        load.load(work.workers, endpoint, gold, files, work.settings.staging / "dw", last=forget)
    else:
        in_transaction(work.workers, endpoint, lambda opened: (opened.run(opened.engine.lock_loads), forget(opened)))


def _anonymize_texts(work: Work) -> None:
    for path in holding(texts_of_lake(work.settings), work.plan.values):
        anonymize_file(path, work.plan.values, work.token)


def _delete_old_versions(work: Work) -> None:
    if not isinstance(work.lake, S3Path):
        shutil.rmtree(as_folder(work.settings.staging), ignore_errors=True)
    for table in TABLES:
        if table_exists(work.lake, table):
            delete_old_versions(work.lake, table)
    if isinstance(work.lake, S3Path):
        purge_old_versions(work.settings, work.plan.values)


def _purge_database(work: Work) -> None:
    if isinstance(work.lake, S3Path):
        vacuum_redshift(work.workers, work.settings)
    else:
        purge_database(work.settings, work.plan.values, work.token)


def _leave_receipt(work: Work) -> None:
    write_receipt(work.lake, work.plan.receipt)
    write_receipts_page(work.lake)


STEPS = [
    _remember,
    _rewrite_bronze,
    _record_surveys,
    _rewrite_tables,
    _reload_warehouse,
    _anonymize_texts,
    _delete_old_versions,
    _purge_database,
    _leave_receipt,
]
"""The steps in order; each may be repeated, and begins where a killed one ended."""

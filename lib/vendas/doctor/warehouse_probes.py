"""Probes of the warehouse: a connection, a COPY of one row, and every statement of sql/; all is rolled back."""

import re
import secrets
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from vendas.doctor.job_probes import driver_version
from vendas.errors import ProbeFailed, WarehouseConflict, WarehouseError, without_java_frames
from vendas.lake.workers import Workers
from vendas.storage import S3Path
from vendas.warehouse.endpoint import Endpoint, RedshiftEndpoint
from vendas.warehouse.engines import engine_of
from vendas.warehouse.load import CREATE_FILES_OF_LOAD, FIRST_ROWS, sql_files
from vendas.warehouse.outdated import drop_outdated
from vendas.warehouse.transactions import Transaction, transaction

FAILURES_SHOWN = 5
REFRESH_STAR = "refresh_star"
_PROCEDURE = re.compile(r"create or replace procedure (\w+)\(\) as \$\$\s*begin\s(.*)\send;\s*\$\$", re.DOTALL)
_PLANNED = re.compile(r"(select|with|insert|update|delete)\b")  # statements of a refresh that EXPLAIN accepts
_COPIED = "create temporary table preflight (texto varchar(10) not null, numero integer not null)"


class _Enough(Exception):
    """Ends a transaction that must not be committed."""


@dataclass(frozen=True)
class Step:
    """A statement of a file: it is only planned, or executed if later statements need what it creates."""

    file: str
    sql: str

    @property
    def asked(self) -> str:
        """The SQL that is sent to the engine."""
        return f"explain {self.sql}" if _PLANNED.match(_plain(self.sql)) else self.sql


def connect(workers: Workers, endpoint: Endpoint) -> str:
    """Connect to the warehouse; return its address and version, and the version of the driver."""
    with transaction(workers, endpoint) as opened:
        (row,) = opened.rows("select version()")
    return f"{endpoint.host}:{endpoint.port}, {row['version']}; driver {driver_version(workers.spark)}"


def copy(workers: Workers, endpoint: Endpoint, staging: S3Path) -> str:
    """Check that COPY can read the staging folder under its role, with one row and a temporary table.

    Raises: ProbeFailed if the warehouse is not Redshift, or COPY loads other values.
    """
    if not isinstance(endpoint, RedshiftEndpoint):
        raise ProbeFailed(f"{endpoint.address} is no Redshift; only that has a role for COPY")
    path = staging / f"preflight-{secrets.token_hex(4)}"
    rows = pa.table({"texto": ["é"], "numero": pa.array([7], pa.int32())})
    engine = engine_of(endpoint)
    file = engine.write(rows, path)
    try:
        with suppress(_Enough), transaction(workers, endpoint) as opened:
            opened.run(_COPIED)
            engine.copy(opened, "preflight", rows.column_names, [file])
            read = opened.rows("select texto, numero from preflight")
            raise _Enough
    finally:
        path.unlink()
    if read != [{"texto": "é", "numero": "7"}]:
        raise ProbeFailed(f"COPY loaded {read}")
    return f"a row of {staging}, under {endpoint.copy_role}"


def explain(workers: Workers, endpoint: Endpoint) -> str:
    """Check that the engine accepts every statement of sql/: execute definitions, plan the others, roll all back.

    Raises: ProbeFailed naming the refused statements, at most five.
    """
    steps = list(statements(endpoint))
    refused: dict[int, str] = {}
    while len(refused) < FAILURES_SHOWN:
        failed = _first_refused(workers, endpoint, steps, refused.keys())
        if failed is None:
            break
        number, said = failed
        refused[number] = f"{steps[number].file}: {said}"
    if refused:
        raise ProbeFailed("\n".join(refused.values()))
    return f"{len(steps)} statements of {len({step.file for step in steps})} files, nothing kept"


def statements(endpoint: Endpoint) -> Iterator[Step]:
    """Yield the statements of sql/ in an order in which each finds what it needs; a procedure's body at its call."""
    engine, bodies = engine_of(endpoint), {}
    for kind in ("ddl", "star", *engine.own_ddl):
        for file, text in sql_files(kind).items():
            sql = engine.ddl(text)
            yield Step(_named(file), sql)
            for name, body in _PROCEDURE.findall(sql):
                bodies[name] = (_named(file), body)
    yield Step("load.py", engine.lock_loads)  # wait for a load that is running
    yield Step("load.py", CREATE_FILES_OF_LOAD)
    for file, text in sql_files("load").items():
        yield from (Step(_named(file), sql) for part in _plain(text).split(";") if (sql := part.strip()))
    yield from _body(REFRESH_STAR, bodies)
    for file, text in sql_files("facts").items():
        yield Step(_named(file), text)
    for kind in ("checks", *engine.own_checks):
        for file, text in sql_files(kind).items():
            yield Step(_named(file), FIRST_ROWS.format(text))


def _body(name: str, bodies: dict[str, tuple[str, str]]) -> Iterator[Step]:
    file, body = bodies[name]
    for part in _plain(body).split(";"):
        if not (sql := part.strip()):
            continue
        if called := re.fullmatch(r"call (\w+)\(\)", sql):
            yield from _body(called[1], bodies)
        else:
            yield Step(file, sql)


def _first_refused(
    workers: Workers, endpoint: Endpoint, steps: list[Step], left_out: Container[int]
) -> tuple[int, str] | None:
    """Return the index of the first refused step and the engine's message, or None; a refusal ends the transaction."""
    number = -1
    try:
        with suppress(_Enough), transaction(workers, endpoint) as opened:
            drop_outdated(opened)  # as the next load will
            for number, step in enumerate(steps):
                if number not in left_out:
                    _ask(opened, step)
            raise _Enough
    except WarehouseConflict:
        raise
    except WarehouseError as error:
        if number < 0:
            raise
        said = without_java_frames(str(error)).splitlines()
        return number, said[0].partition(" refused: ")[2] or said[0]
    return None


def _ask(opened: Transaction, step: Step) -> None:
    if step.asked.startswith("explain "):
        opened.rows(step.asked)
    else:
        opened.run(step.asked)


def _named(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def _plain(sql: str) -> str:
    """Return the SQL without comments and without blanks around it."""
    return re.sub(r"--[^\n]*", "", sql).strip()

"""From CSV files to the star: `vendas run`, against dlt and dbt into a database of the same PostgreSQL.

Ours does all it does by default: it also keeps bronze, silver, gold, quarantine and ledger, executes the exploration,
and writes pages. dlt and dbt load the rows they can read as texts, and make tables of the sales and the star of them;
they have no quarantine with reasons, no ledger, no duplicates across runs, and no file to go back to.
"""

import os
from pathlib import Path

import psycopg

from benchmarks.agreement import Disagreement
from benchmarks.data import SMALL
from benchmarks.figures import Figure
from benchmarks.processes import Cost, cost_of
from vendas.settings import Settings
from vendas.warehouse.embedded import ensure_running

PEER = "dlt and dbt"
PROJECT = Path(__file__).with_name("peers") / "star_dlt_dbt"
ENVIRONMENT = Path(__file__).parents[1] / ".venv-dbt"  # made by `make bench`
AT_MOST = {SMALL: 2.0, 1_000_000: 1.0, 5_000_000: 0.8}  # times the peer, by rows
_SUMS = "select count(*), sum(valor_da_compra), sum(valor_com_desconto)"
_SILENT = {"DO_NOT_TRACK": "1", "RUNTIME__DLTHUB_TELEMETRY": "false", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}


def figures(rows: int, ours: list[Cost], peer: list[Cost]) -> list[Figure]:
    """The figures of the whole path, of so many rows, by turn."""
    of = f"{rows:,} rows, CSV → star"
    return [
        Figure(f"{of}, prompt to prompt", [c.wall for c in ours], PEER, [c.wall for c in peer], AT_MOST.get(rows)),
        Figure(f"{of}, processors' seconds without PostgreSQL's", [c.cpu for c in ours], PEER, [c.cpu for c in peer]),
    ]


def peer_cost(settings: Settings, landing: Path, folder: Path, fresh: bool = True) -> Cost:
    """What it cost that dlt and dbt bring the files of `landing` to a star, by two commands; `fresh`: a new one."""
    endpoint = ensure_running(settings.dw)
    if fresh:
        with psycopg.connect(endpoint.url, autocommit=True) as connection:
            connection.execute("drop database if exists peer")
            connection.execute("create database peer template template0 encoding 'UTF8' locale 'C'")
    url = endpoint.url.removesuffix(endpoint.database) + "peer"
    environment = os.environ | _SILENT | {
        "DESTINATION__POSTGRES__CREDENTIALS": url, "PGHOST": endpoint.host, "PGPORT": str(endpoint.port),
        "PGUSER": endpoint.user, "PGPASSWORD": endpoint.password, "PGDATABASE": "peer",
    }  # fmt: skip
    target = ["--target-path", folder / "target", "--log-path", folder / "logs"]
    commands = [
        [ENVIRONMENT / "bin" / "python", PROJECT / "extract.py", landing, folder],
        [ENVIRONMENT / "bin" / "dbt", "run", "--project-dir", PROJECT, "--profiles-dir", PROJECT, *target],
    ]
    folder.mkdir(parents=True, exist_ok=True)
    return sum((cost_of(command, folder, environment) for command in commands), Cost(0, 0))


def check_same_star(settings: Settings) -> None:
    """Raises Disagreement unless the peer's fact has as many sales of the same sums as ours."""
    url = ensure_running(settings.dw).url
    found = []
    for place, fact in ((url, "fato_vendas"), (f"{url.rpartition('/')[0]}/peer", "estrela.fato_vendas")):
        with psycopg.connect(place) as connection:
            found.append(connection.execute(f"{_SUMS} from {fact}").fetchone())
    if found[0] != found[1]:
        raise Disagreement(f"the star: ours {found[0]}, the peer's {found[1]}")

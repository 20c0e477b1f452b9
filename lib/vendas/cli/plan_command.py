"""`vendas plan`, and what the terminal shows of it; a module of its own, because it imports much."""

from rich import box
from rich.markup import escape
from rich.table import Table

from vendas.cli.display import print_waiting, shortened
from vendas.cli.terminal import Console, console, print_json
from vendas.formatting import format_number
from vendas.lake.lock import hold_lake
from vendas.lake.workers import own_workers
from vendas.landing.arrivals import find_in_bronze, list_bronze_files
from vendas.reports.difference_preview import month_rows
from vendas.reports.plan_page import MOVES, changed_rows, write_plan_page
from vendas.settings import Settings
from vendas.stages.difference import Difference
from vendas.stages.plan import make_plan
from vendas.storage import as_folder
from vendas.tuning import FILES_IN_TERMINAL

_MONTHS_SHOWN = 12


def show_plan(settings: Settings, names: list[str], json: bool) -> bool:
    """Make a plan for these files, or all, and show it; return whether anything would change.

    Hold the lake meanwhile, so that no run changes it.
    """
    files = [found.name for found in find_in_bronze(settings.bronze, settings.landing, names)]
    bronze = as_folder(settings.bronze)
    read = files or [file.name for file in list_bronze_files(settings.bronze)]
    size = sum((bronze / name).stat().st_size for name in read)
    with (
        hold_lake(settings.lake, lambda: print_waiting(console)),
        console.status("Comparing …"),
        own_workers(settings, size) as workers,
    ):
        found = make_plan(settings.lake, workers, files)
    page = write_plan_page(as_folder(settings.lake), found)
    print_json(found.as_json()) if json else print_plan(Console(), found)
    console.print(f"Page: {page}", markup=False, highlight=False, soft_wrap=True)
    return bool(found)


def print_plan(console: Console, found: Difference) -> None:
    """Print what a plan found: the columns that change with an example each, the files, and the months' totals."""
    changed = sorted(filter(None, found.files), key=lambda file: -changed_rows(file))
    if not changed:
        files = "file is" if len(found.files) == 1 else f"{format_number(len(found.files))} files are"
        console.print(f"Nothing would change: the {files} as today's rules make them.", highlight=False)
        return
    columns = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    columns.add_column("Coluna", overflow="fold")
    columns.add_column("Mudam", justify="right", no_wrap=True)
    columns.add_column("Por exemplo", overflow="fold")
    for name, changes in found.total.colunas.items():
        first = changes.exemplos[0]
        columns.add_row(
            name, format_number(changes.mudam), escape(f"{shortened(first.antes)} → {shortened(first.depois)}")
        )
    if columns.row_count:
        console.print(columns)
    files = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    files.add_column("Arquivo", overflow="fold", min_width=16)
    for heading in ("Lidas", "Mudam", *MOVES.values()):
        files.add_column(heading, justify="right", no_wrap=True)
    for file in changed[:FILES_IN_TERMINAL]:
        moves = [getattr(file, name) for name in MOVES]
        said = [f"+{format_number(it.entram)} −{format_number(it.saem)}" if it else "0" for it in moves]
        files.add_row(escape(file.arquivo), format_number(file.linhas), format_number(changed_rows(file)), *said)
    console.print(files)
    for file in changed[:FILES_IN_TERMINAL]:
        if file.motivo:
            console.print(f"{file.arquivo} would be rejected: {file.motivo}", markup=False, highlight=False)
    if left_out := len(changed[FILES_IN_TERMINAL:]):
        console.print(f"{_others(left_out, 'file changes', 'files change')}, too.", highlight=False)
    for month in list(month_rows(found.months))[:_MONTHS_SHOWN]:
        console.print("; ".join(f"{name} {value}" for name, value in month.items()), highlight=False, soft_wrap=True)
    if (left_out := len(found.months) - _MONTHS_SHOWN) > 0:
        console.print(f"{_others(left_out, 'month has', 'months have')} other totals, too.", highlight=False)


def _others(count: int, one: str, many: str) -> str:
    return f"One other {one}" if count == 1 else f"{format_number(count)} other {many}"

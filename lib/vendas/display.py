"""What people see in the terminal: progress, tables of files, errors. All of it on standard error or by rich."""

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.markup import escape
from rich.table import Table

from vendas import ledger, pipeline
from vendas.quarantine import QuarantinedRow
from vendas.reasons import Reason

_TEXT_SHOWN = 200  # characters of a quarantined row's text
_STYLES = {ledger.PROCESSED: "green", ledger.REJECTED: "red", ledger.PENDING: "yellow"}
_COUNTS = {
    "lidas": "Lidas", "duplicadas": "Dupl.", "quarentena": "Quar.", "silver": "Silver", "gold": "Gold", "dw": "DW",
}  # fmt: skip


class RunProgress(pipeline.Progress):
    """A bar for each notebook, moving by cells; on a terminal that cannot move, a line when it is done."""

    def __init__(self, console: Console):
        self._console = console
        self._tasks: dict[str, TaskID] = {}
        self._bars = Bars(
            TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TextColumn("cells"),
            TimeElapsedColumn(), console=console, disable=not console.is_terminal,
        )  # fmt: skip

    def __enter__(self):
        self._bars.start()
        return self

    def __exit__(self, *_):
        self._bars.stop()

    def waiting(self) -> None:
        self._console.print("Another run holds this lake; waiting for it to end …")

    def starting(self, run_id: str) -> None:
        self._console.print(f"Run {run_id}: starting Spark …")

    def cell_done(self, notebook: str, done: int, total: int) -> None:
        if notebook not in self._tasks:
            self._tasks[notebook] = self._bars.add_task(notebook, total=total)
        self._bars.update(self._tasks[notebook], completed=done)

    def stage_done(self, stage: pipeline.Stage) -> None:
        if not self._console.is_terminal:
            self._console.print(f"{stage.notebook} done in {stage.seconds:.1f} s")


def print_files(console: Console, entries: list[dict], title: str) -> None:
    """A table of ledger entries, counts grouped as in Brazil, with the reasons below it."""
    table = Table(title=title, title_justify="left", show_footer=len(entries) > 1, box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Arquivo", "Total", overflow="fold")
    table.add_column("Situação", no_wrap=True)
    for name, heading in _COUNTS.items():
        table.add_column(heading, _number(sum(entry[name] for entry in entries)), justify="right", no_wrap=True)
    for entry in entries:
        situacao = f"[{_STYLES[entry['situacao']]}]{entry['situacao']}[/]"
        table.add_row(escape(entry["arquivo_recebido"]), situacao, *(_number(entry[name]) for name in _COUNTS))
    console.print(table)
    for entry in entries:
        if entry["motivo"]:
            console.print(f"{entry['arquivo']}: {entry['motivo']}", markup=False, highlight=False)


def print_quarantine(console: Console, rows: list[QuarantinedRow]) -> None:
    """A table of quarantined rows, then what each reason in it means."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Arquivo", "Linha", "Motivos", "Texto"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "Linha" else "left")
    for row in rows:
        reasons = "\n".join(row.motivos) + ("\n(corrigida)" if row.corrigida else "")
        text = row.texto if len(row.texto) <= _TEXT_SHOWN else row.texto[:_TEXT_SHOWN] + "…"
        table.add_row(escape(row.arquivo), _number(row.linha), reasons, escape(text))
    console.print(table)
    for code in sorted({code for row in rows for code in row.motivos}):
        console.print(f"{code}: {Reason(code).sentence}", markup=False, highlight=False)


def _number(value: int) -> str:
    return f"{value:,}".replace(",", ".")

"""What the terminal shows: progress, tables of files, messages; all of it through rich."""

from collections.abc import Collection, Iterator
from dataclasses import astuple
from pathlib import Path

from rich import box
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bars, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from vendas.cli.terminal import Console
from vendas.csvfile.column_names import join_names
from vendas.csvfile.encoding import CP1252, UTF8
from vendas.formatting import format_number, show_controls
from vendas.lake import ledger, maintenance
from vendas.lake.events import PENDING, PROCESSED, REJECTED, UNDONE
from vendas.reasons import Reason
from vendas.rules.quality_warnings import explain_code
from vendas.runs import pipeline
from vendas.stages.check_file import Diagnosis
from vendas.stages.lineage import DUPLICATE, NEITHER, REFUSED, Line
from vendas.stages.quarantine import QuarantinedRow
from vendas.storage import Location
from vendas.text import find_invisible
from vendas.tuning import FILES_IN_A_TABLE, FILES_IN_TERMINAL

_TEXT_SHOWN = 200  # maximum characters shown of a row's text, of which a file has mostly 150 or so
_NAME_WIDTH = 12  # characters of a line, at least, for the names of files in a table
_STYLES = {ledger.PROCESSED: "green", ledger.REJECTED: "red", ledger.UNDONE: "magenta", ledger.PENDING: "yellow"}
_ENCODINGS = {UTF8: "UTF-8", CP1252: "Windows-1252"}
_COUNT_HEADINGS = ("Lidas", "Dupl.", "Quar.", "Duv.", "Silver", "Gold", "DW")  # of ledger.COUNTS


class RunProgress(pipeline.Progress):
    """Shows a bar for each notebook, advanced by its cells; without a terminal, a line when the notebook is done."""

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
        print_waiting(self._console)

    def starting(self, run_id: str) -> None:
        self._console.print(f"Run {run_id}: starting …")

    def cell_done(self, notebook: str, done: int, total: int) -> None:
        if notebook not in self._tasks:
            self._tasks[notebook] = self._bars.add_task(notebook, total=total)
        self._bars.update(self._tasks[notebook], completed=done)

    def stage_done(self, stage: pipeline.Stage) -> None:
        if not self._console.is_terminal:
            self._console.print(f"{stage.notebook} done in {stage.seconds:.1f} s")

    def warning(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, style="yellow", soft_wrap=True)


def print_waiting(console: Console) -> None:
    """Show that the command waits for the run or upkeep that holds the lake."""
    console.print("Another run holds this lake; waiting for it to end …")


def print_upkeeps(console: Console, upkeeps: list[maintenance.Upkeep]) -> None:
    """Print the size of each table of the lake before and after its upkeep."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Tabela")
    for heading in ("Arquivos", "Bytes", "Instantâneos", "Bytes em disco"):
        table.add_column(heading, justify="right")
    for upkeep in upkeeps:
        sizes = zip(astuple(upkeep.before), astuple(upkeep.after), strict=True)
        table.add_row(upkeep.table, *(f"{format_number(before)} → {format_number(after)}" for before, after in sizes))
    console.print(table)


def print_run(console: Console, report: pipeline.RunReport, tell_of_landing: bool = True) -> None:
    """Print the result of a run: its files, the files that stay in landing, and the path of its report."""
    if report.files:
        title = f"Run {report.run_id}: {report.seconds:.1f} s"
        print_files(console, report.files, title, FILES_IN_TERMINAL)
    else:
        console.print(f"Nothing new: no file is pending ({report.seconds:.1f} s).")
    for path, why in report.left.items() if tell_of_landing else ():
        print_left(console, path, why)
    if report.report:
        console.print(f"Report: {report.report}", markup=False, highlight=False, soft_wrap=True)


def print_left(console: Console, path: Path, why: str) -> None:
    """Print a file that stays in landing, and why."""
    console.print(f"{path} {why}.", markup=False, highlight=False, style="yellow", soft_wrap=True)


def print_files(
    console: Console, entries: list[dict], title: str, most: int | None = None, older: Collection[str] = ()
) -> None:
    """Print a table of ledger entries, the totals of all, and the reasons of those shown.

    With `most`, show at most so many, those that need a look first. Files in `older` are marked, because older rules
    processed them.
    """
    shown = entries if most is None else sorted(entries, key=ledger.attention_order)[:most]
    marked = set(older)
    rows = _rows(entries, shown, marked)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table_width = _NAME_WIDTH + sum(widths[1:]) + len(widths) + 1  # a blank before and behind each column
    if len(shown) > FILES_IN_A_TABLE or table_width > console.width:
        _print_lines(console, rows, widths, title)
    else:
        console.print(_files_table(shown, rows, title))

    if left_out := len(entries) - len(shown):
        console.print(
            f"The first {len(shown)} of {format_number(len(entries))} files, those that need a look first; "
            f"`vendas status` shows the other {format_number(left_out)}, too.",
            highlight=False,
            soft_wrap=True,
        )
    if marked:
        which = "this file" if len(marked) == 1 else f"these {format_number(len(marked))} files"
        console.print(
            f"* Older rules processed {which}: `vendas plan` shows what today's rules would change, "
            "`vendas replay --outdated` applies them.",
            highlight=False,
            soft_wrap=True,
        )
    for entry in shown:
        if entry["motivo"]:
            console.print(f"{entry['arquivo']}: {entry['motivo']}", markup=False, highlight=False)


def _rows(entries: list[dict], shown: list[dict], marked: set[str]) -> list[tuple[str, ...]]:
    """Return the texts of a table of the files shown: its headings, a row for each, and the totals of all entries."""
    rows = [("Arquivo", "Situação", *_COUNT_HEADINGS)]
    rows += [(entry["arquivo_recebido"], entry["situacao"] + _mark(entry, marked), *_counts(entry)) for entry in shown]
    return [*rows, ("Total", "", *_totals(entries))]


def _files_table(shown: list[dict], rows: list[tuple[str, ...]], title: str) -> Table:
    headings, *of_files, totals = rows
    table = Table(
        title=title, title_justify="left", show_footer=len(of_files) > 1, box=box.SIMPLE_HEAD, padding=0, pad_edge=False
    )
    table.add_column(headings[0], totals[0], overflow="fold", min_width=_NAME_WIDTH)
    table.add_column(headings[1], no_wrap=True)
    for heading, total in zip(headings[2:], totals[2:], strict=True):
        table.add_column(heading, total, justify="right", no_wrap=True)
    for entry, (name, situacao, *counts) in zip(shown, of_files, strict=True):
        table.add_row(escape(name), f"[{_STYLES[entry['situacao']]}]{situacao}[/]", *counts)
    return table


def _print_lines(console: Console, rows: list[tuple[str, ...]], widths: list[int], title: str) -> None:
    """Print the rows as plain text: a table takes a quarter of a millisecond a row, and cuts off what is too wide."""
    shape = "  ".join(f"{{:{'<' if place < 2 else '>'}{width}}}" for place, width in enumerate(widths))
    console.file.write(show_controls("\n".join([title, *(shape.format(*row) for row in rows)])) + "\n")


def _mark(entry: dict, marked: set[str]) -> str:
    return "*" if entry["arquivo"] in marked else ""


def _counts(entry: dict) -> list[str]:
    return [format_number(entry[name]) for name in ledger.COUNTS]


def _totals(entries: list[dict]) -> list[str]:
    return [format_number(sum(entry[name] for entry in entries)) for name in ledger.COUNTS]


def print_stages(console: Console, stages: dict[str, list[ledger.Event]], lake: Location) -> None:
    """Print for each file its stages with rows, start (UTC) and duration, and below them the executed notebooks."""
    for arquivo, events in stages.items():
        table = Table(title=escape(arquivo), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("Etapa", "Situação", "Linhas", "Início (UTC)", "Segundos"):
            table.add_column(heading, justify="right" if heading in ("Linhas", "Segundos") else "left")
        for event in events:
            begun = f"{event.iniciado_em:%d/%m/%Y %H:%M:%S}" if event.iniciado_em else ""
            seconds = f"{(event.recorded_at - event.iniciado_em).total_seconds():.1f}" if event.iniciado_em else ""
            table.add_row(event.etapa, event.situacao, format_number(event.gravadas), begun, seconds.replace(".", ","))
        console.print(table)
        for event in events:
            console.print(f"{event.etapa}: {_executed(event, lake)}", markup=False, highlight=False, soft_wrap=True)


def _executed(event: ledger.Event, lake: Location) -> str:
    """Return where the executed notebook is; a run id given by hand names none that a run has kept."""
    if event.notebook and isinstance(lake, Path) and not (lake / event.notebook).exists():
        return f"{event.notebook} não existe: foi apagado, ou o notebook executado à mão"
    return event.notebook or f"notebook executado à mão ({event.run_id})"


_WHY_NO_SALE = {  # by the file's situation
    PROCESSED: "nenhum registro começa ali",
    PENDING: "o arquivo ainda não foi processado; `vendas run` o processa, e na AWS o workflow",
    REJECTED: "o arquivo foi rejeitado",
    UNDONE: "o arquivo foi desfeito",
}


def print_line(console: Console, line: Line, situacao: str) -> None:
    """Print what became of a line of a file in this situation: the sale and its key, or why there is none."""
    where = f"Linha {line.linha} de {line.arquivo}"
    if line.venda:
        table = Table(title=escape(f"{where}: venda {line.venda_id}"), title_justify="left", box=box.SIMPLE_HEAD)
        table.add_column("Coluna")
        table.add_column("Valor")
        for name, value in line.venda.items():
            table.add_row(name, escape(str(value)))
        console.print(table)
        return
    said = {
        REFUSED: f"{where} está na quarentena: {line.texto}",
        DUPLICATE: f"{where} é duplicata da venda {line.igual_a or 'que veio antes'}.",
        NEITHER: f"{where} não é uma venda: {_WHY_NO_SALE[situacao]}.",
    }[line.situacao]
    console.print(said, markup=False, highlight=False, soft_wrap=True)
    for code in line.motivos:
        console.print(f"{code}: {Reason(code).sentence}", markup=False, highlight=False, soft_wrap=True)


def print_quarantine(console: Console, rows: list[QuarantinedRow]) -> None:
    """Print a table of quarantined rows, and below it what each of their reasons means."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Arquivo", "Linha", "Motivos", "Texto"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "Linha" else "left")
    for row in rows:
        reasons = "\n".join([*row.motivos, *find_invisible(row.texto)]) + ("\n(corrigida)" if row.corrigida else "")
        text = row.texto if len(row.texto) <= _TEXT_SHOWN else row.texto[:_TEXT_SHOWN] + "…"
        table.add_row(escape(row.arquivo), format_number(row.linha), reasons, escape(text))
    console.print(table)
    for code in sorted({code for row in rows for code in row.motivos}):
        console.print(f"{code}: {Reason(code).sentence}", markup=False, highlight=False)


def print_diagnoses(console: Console, diagnoses: list[Diagnosis]) -> None:
    """Print a table of the checked files, then for each file its findings, what each code means, and example rows."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Arquivo", overflow="fold")
    table.add_column("Situação", no_wrap=True)
    for heading in ("Lidas", "Boas", "Duvidosas", "Recusadas"):
        table.add_column(heading, justify="right", no_wrap=True)
    for found in diagnoses:
        situacao = f"[{'red' if found.rejected else 'green'}]{found.situacao}[/]"
        counts = (found.lidas, found.boas, found.duvidosas, found.recusadas)
        table.add_row(escape(found.arquivo), situacao, *map(format_number, counts))
    console.print(table)
    for found in diagnoses:
        _print_findings(console, found)


def _print_findings(console: Console, found: Diagnosis) -> None:
    console.print(f"\n{escape(found.arquivo)}", style="bold", highlight=False, overflow="fold")
    for line in _notes(found):
        console.print(Padding(escape(line), (0, 0, 0, 2)), highlight=False)
    if found.exemplos:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("Linha", justify="right", no_wrap=True)
        table.add_column("Por exemplo", overflow="fold")
        table.add_column("Motivos", no_wrap=True)
        for example in found.exemplos:
            motivos = "\n".join([*example.motivos, *find_invisible(example.texto)])
            table.add_row(format_number(example.linha), escape(shortened(example.texto, _TEXT_SHOWN)), motivos)
        console.print(table)


def _notes(found: Diagnosis) -> Iterator[str]:
    """Yield the findings about a file, one sentence per line."""
    if not found.nome_aceito:
        yield "O nome não é registros*.csv: o arquivo não seria recolhido. Renomeie-o antes de enviar."
    if found.rejected or found.codificacao is None:
        yield f"Seria rejeitado: {found.motivo}"
        return
    encoding = _ENCODINGS[found.codificacao] + (" com BOM" if found.bom else "")
    yield f"{encoding}, delimitador: {found.delimitador}."
    renamed = [f"{name} (no arquivo: {came})" for name, came in found.colunas.items() if came != name]
    if renamed:
        yield f"Colunas com outro nome: {', '.join(renamed)}."
    if found.colunas_ignoradas:
        yield f"Colunas ignoradas: {join_names(found.colunas_ignoradas)}."
    if found.recusadas and found.recusadas == found.lidas:
        yield "Todas as linhas seriam recusadas: nenhuma venda entraria."
    for kind, codes in (("Recusadas", found.motivos), ("Duvidosas", found.duvidas), ("Aviso", found.avisos)):
        for code, rows in codes.items():
            yield f"{kind}: {format_number(rows)} por {code}. {explain_code(code)}"


def shortened(text: str, longest: int = 100) -> str:
    """Return a text on one line, cut if it is longer."""
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"

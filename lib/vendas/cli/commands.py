"""The command line `vendas …`: it reads the settings, calls the library and shows the results."""

import logging
import os
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer

from vendas.cli import display, doctor_commands, dw_commands, person_commands, quarantine_commands
from vendas.cli.terminal import EXIT_FAILED, Console, Json, Lake, console, existing, local, print_error, print_json
from vendas.errors import DEBUG, SettingsError, VendasError
from vendas.lake import ledger
from vendas.landing.arrivals import find_in_bronze, landing_folder
from vendas.machine.environment import isolate, leave_gateway
from vendas.runs.pipeline import NO_CORRECTIONS, Corrections, RunReport, run_pipeline
from vendas.runs.warm import WarmForkServer
from vendas.settings import Settings, load_settings
from vendas.stages.lineage import find_line
from vendas.stages.survey import SurveyedFile
from vendas.tuning import FILES_IN_TERMINAL, SNAPSHOTS_KEPT_HOURS, WATCH_EVERY_SECONDS, WATCH_REFRESH_SECONDS

app = typer.Typer(
    help="Retail sales lake: CSV exports in, a trustworthy star schema out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(dw_commands.app, name="dw")
app.add_typer(quarantine_commands.app, name="quarantine")
app.add_typer(person_commands.app, name="person")

_NAMED = "A bronze file's name, or the one it came under."
File = Annotated[str, typer.Argument(metavar="FILE", help=_NAMED)]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

UsageError: Any = typer.BadParameter.__base__  # raised for an invalid command line; typer exports no name for it
MAX_HOURS = 100 * 366 * 24
AS_STARTED: dict[str, str] = {}  # the environment at the start of the command
EXIT_REJECTED, EXIT_CHANGES, EXIT_INTERRUPTED = 2, 3, 130


def main() -> None:
    """Run the command line and exit; show an error as one message, with its traceback if VENDAS_DEBUG is set."""
    logging.getLogger().addHandler(logging.NullHandler())  # else libraries print tracebacks of interrupted calls
    AS_STARTED.update(os.environ)
    _prepare_output()
    _spare_pandas()
    try:
        isolate()
        leave_gateway()
        _read_debug()
        code = app(standalone_mode=False) or 0
    except UsageError as error:
        error.show()
        code = EXIT_FAILED  # its own code 2 would mean that a file was rejected
    except typer.Abort:  # a question was not answered
        code = EXIT_INTERRUPTED
    except Exception as error:
        print_error(error)
        code = EXIT_FAILED
    if code == EXIT_INTERRUPTED:
        console.print("Interrupted. Nothing is lost: the next run takes up what is pending.")
    sys.exit(code)


class _NoPandas:
    """A finder of modules that finds no pandas."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def _spare_pandas() -> None:
    """Let pyarrow look for pandas once, in vain: most commands do without, and its import takes a quarter of a second.

    With the first value that it converts, pyarrow imports pandas if it can; after that, only where pandas is asked for.
    """
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _NoPandas)
        pa.scalar(0)
        sys.meta_path.remove(_NoPandas)


def _prepare_output() -> None:
    """Prevent errors from characters that the terminal lacks, and from standard streams that the caller has closed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        getattr(sys, name).reconfigure(errors="replace")


def _read_debug() -> None:
    """Set VENDAS_DEBUG for this process and its notebooks if `.env` sets it."""
    with suppress(SettingsError):  # the command itself will raise and show it
        if load_settings().debug:
            os.environ[DEBUG] = "true"


@app.command()
def run(lake: Lake = None, json: Json = False) -> None:
    """Process all pending files, from landing to star.

    Exit code 2: done, but a file was rejected, or all rows of one were refused.
    """
    report = _run(local(lake), json)
    if report.status == "with_rejections":
        raise typer.Exit(EXIT_REJECTED)


@app.command()
def undo(file: File, yes: Yes = False, lake: Lake = None, json: Json = False) -> None:
    """Remove a bronze file from every layer; other files get back the rows that were dropped as equal to its own."""
    settings = existing(lake)
    (found,) = find_in_bronze(settings.bronze, settings.landing, [Path(file).name])
    entries = _entries_by_name(ledger.read_events(settings.lake))
    undone = entries.get(found.name, {}).get("situacao") == ledger.UNDONE
    names, nothing = [] if undone else [found.name], f"{found.name} is already undone."
    _correct(settings, entries, "undo", names, "Take out of every layer", nothing, yes, json)


@app.command()
def replay(
    file: Annotated[str | None, typer.Argument(metavar="FILE", help=_NAMED)] = None,
    outdated: Annotated[bool, typer.Option("--outdated", help="All files that older rules processed.")] = False,
    yes: Yes = False,
    lake: Lake = None,
    json: Json = False,
) -> None:
    """Process a bronze file again by the current rules, even if it was undone or rejected.

    With --outdated, process all files again whose rules have changed since; `vendas plan` shows what that changes.
    """
    if (file is None) != outdated:
        raise typer.BadParameter("Give one FILE, or --outdated.")
    settings = existing(lake)
    events = ledger.read_events(settings.lake)
    if file is None:
        names = ledger.list_of_older_rules(events)
    else:
        names = [find_in_bronze(settings.bronze, settings.landing, [Path(file).name])[0].name]
    nothing = "Today's rules have processed every file."
    _correct(settings, _entries_by_name(events), "replay", names, "Process again", nothing, yes, json)


@app.command()
def plan(
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE", help="Only these bronze files.")] = None,
    lake: Lake = None,
    json: Json = False,
) -> None:
    """Show what processing files again by the current rules would change; change nothing. Exit code 3: something.

    Without FILE, all files of the lake. `vendas replay --outdated` applies the plan.
    """
    from vendas.cli.plan_command import show_plan

    if show_plan(existing(lake), [Path(file).name for file in files or ()], json):
        raise typer.Exit(EXIT_CHANGES)


def _entries_by_name(events: ledger.Events) -> dict[str, dict]:
    return {entry["arquivo"]: entry for entry in ledger.list_entries(events)}


def _correct(
    settings: Settings,
    entries: dict[str, dict],
    how: str,
    names: list[str],
    question: str,
    nothing: str,
    yes: bool,
    json: bool,
) -> None:
    """Run with files to undo or replay, after the user has confirmed; without files, say `nothing` and just run.

    `entries` are the ledger's, by file.
    """
    if names:
        title = names[0] if len(names) == 1 else f"{len(names)} files"
        display.print_files(console, [entries[name] for name in names if name in entries], title, FILES_IN_TERMINAL)
        if not yes and not sys.stdin.isatty():
            raise VendasError(
                f"`vendas {how}` asks before it acts, and nobody can answer here. Give --yes; nothing was done."
            )
        if not yes and not typer.confirm(f"{question}: {title}?", err=True):
            console.print("Nothing was done.")
            return
    else:
        console.print(nothing, highlight=False, soft_wrap=True)
    report = _run(settings, json, Corrections(**{how: names}))
    if report.status == "with_rejections":
        raise typer.Exit(EXIT_REJECTED)


@app.command()
def watch(
    every: Annotated[int, typer.Option(min=1, help="Seconds between two looks for files.")] = WATCH_EVERY_SECONDS,
    refresh: Annotated[int, typer.Option(min=1, help="Seconds between refreshes of the star.")] = WATCH_REFRESH_SECONDS,
    lake: Lake = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document a run, on a line of its own.")] = False,
) -> None:
    """Keep running: process new files as they appear, refresh the star on a schedule. Ctrl-C or SIGTERM ends it."""
    from vendas.runs.watch import until_signal, watch as keep_up_to_date

    settings = local(lake)
    landing_folder(settings.landing).mkdir(parents=True, exist_ok=True)

    def failed(error: VendasError | OSError, seconds: float) -> None:
        print_error(error)
        console.print(f"Trying again in {seconds:g} s.")

    def tell_warm(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    def run_and_show() -> None:
        _run(settings, json, tell_of_landing=False, warm=warm)  # `watch` itself reports them, once per file

    with until_signal() as stopped, WarmForkServer(settings, tell_warm) as warm:
        console.print(f"Watching {settings.landing}; Ctrl-C ends it.", highlight=False, soft_wrap=True)
        tell = partial(display.print_left, console)
        keep_up_to_date(settings, every, refresh, run_and_show, warm, failed, stopped, tell)
    # Not with `console`, which would print a line that the signal interrupted a second time.
    typer.echo("Stopped. Nothing is lost: the next run, or watch, takes up what is pending.", err=True)


@app.command()
def maintain(
    keep: Annotated[
        int, typer.Option(min=0, max=MAX_HOURS, metavar="HOURS", help="How long snapshots stay.")
    ] = SNAPSHOTS_KEPT_HOURS,
    lake: Lake = None,
    json: Json = False,
) -> None:
    """Compact the lake's tables and expire old snapshots. With --keep 0, let no notebook use the lake meanwhile."""
    from vendas.lake.maintenance import as_json, maintain_tables
    from vendas.lake.workers import own_workers

    settings = local(lake)
    upkeeps = maintain_tables(
        settings,
        timedelta(hours=keep),
        own_workers,
        waiting=lambda: display.print_waiting(console),
        done=lambda table: console.print(f"{table} done"),
    )
    if json:
        print_json(as_json(upkeeps))
    elif upkeeps:
        display.print_upkeeps(Console(), upkeeps)
    if not upkeeps:
        console.print(f"Nothing to maintain: there is no table yet in {settings.lake}", soft_wrap=True)


@app.command()
def status(
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE", help="Only these, stage by stage.")] = None,
    line: Annotated[int | None, typer.Option(min=1, metavar="N", help="What this line of the FILE became.")] = None,
    lake: Lake = None,
    json: Json = False,
) -> None:
    """Show the ledger: what happened to every file. For each FILE given, show its stages, times and notebooks, too."""
    if line is not None and len(files or []) != 1:
        raise typer.BadParameter(f"--line is a line of one FILE; got {len(files or [])} files.")
    settings = load_settings(lake=lake)
    events = ledger.read_events(settings.lake)
    entries = ledger.list_entries(events)
    older = ledger.list_of_older_rules(events)
    stages: dict[str, list[ledger.Event]] = {}
    if files:
        bronze = find_in_bronze(settings.bronze, settings.landing, [Path(file).name for file in files])
        named = {file.name for file in bronze}
        entries = [entry for entry in entries if entry["arquivo"] in named]
        entries += ledger.list_entries_of_new(file for file in bronze if file.name not in events.file_places)
        older = [arquivo for arquivo in older if arquivo in named]
        stages = {name: list(done.values()) for name, done in ledger.latest(events).items() if name in named}
    found = None
    if line is not None:
        arquivo = entries[0]["arquivo"]
        if arquivo in ledger.list_of_older_contract(events):
            raise typer.BadParameter(
                f"--line: an older version read {arquivo}, and kept no lines. `vendas run` reads it again, once."
            )
        processed = entries[0]["situacao"] == ledger.PROCESSED
        file = SurveyedFile.of(settings.bronze, stages[arquivo][0]) if processed else None
        found = find_line(settings.lake, arquivo, line, file)
    if json:
        known = {"files": entries, "regras_anteriores": older}
        print_json(known | ({"linha": found.as_json()} if found else {}))
    elif files or entries:
        display.print_files(Console(), entries, f"Ledger of {settings.lake}", older=older)
        display.print_stages(Console(), stages, settings.lake)
        if found:
            display.print_line(Console(), found, entries[0]["situacao"])
    else:
        console.print(f"No file yet. Drop registros*.csv into {settings.landing} and call: vendas run", soft_wrap=True)


@app.command()
def sample(
    rows: Annotated[int, typer.Argument(metavar="ROWS", help="Rows in all files together.")],
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="Where to; by default the landing.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 42,
    files: Annotated[
        int | None, typer.Option(help="How many files, besides the one that is sent again; by size unless given.")
    ] = None,
    clean: Annotated[bool, typer.Option("--clean", help="No flaws, and no file sent again.")] = False,
    lake: Lake = None,
    json: Json = False,
) -> None:
    """Write realistic input files: Brazilian names, several channels, duplicates, empty fields, and flaws.

    One row in 20 repeats another sale, one in 100 will be refused, and one in 200 is doubtful.

    One row in 200 equals the next one only once both are cleaned. The first of several files is sent again.
    """
    from vendas.sample.generator import write_sample

    written = write_sample(rows, folder or landing_folder(local(lake).landing), seed, files, flaws=not clean)
    for path in written:
        console.print(f"Wrote {path}", highlight=False, soft_wrap=True)
    if json:
        print_json({"rows": rows, "files": [str(path) for path in written]})


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="CSV files, wherever they are.")],
    lake: Lake = None,  # every command has this option; it has no effect here
    json: Json = False,
) -> None:
    """Check what intake would do with CSV files; write nothing. Exit code 2: it would not take one of them.

    A file all of whose rows it would refuse is taken; `vendas run` ends with exit code 2 for it.
    """
    from vendas.stages.check_file import as_json, check_files

    with console.status("Reading the files …"):
        found = check_files(files, datetime.now())
    print_json(as_json(found)) if json else display.print_diagnoses(Console(), found)
    if any(diagnosis.rejected or not diagnosis.nome_aceito for diagnosis in found):
        raise typer.Exit(EXIT_REJECTED)


@app.command()
def doctor(lake: Lake = None, json: Json = False) -> None:
    """Check that this installation, or the stack of a lake in S3, will work. Exit code 1: something will not."""
    from vendas.doctor.installation import look_at_installation

    try:
        place = load_settings(lake=lake).lake
    except VendasError:
        place = None  # an error in the settings is one of the findings
    if place is not None and not isinstance(place, Path):
        return doctor_commands.look_at_stack(place, json)
    doctor_commands.show(look_at_installation(lake, AS_STARTED), json)


@app.command(context_settings={"allow_extra_args": True})
def notebook(context: typer.Context, lake: Lake = None, json: Json = False) -> None:
    """Open JupyterLab on copies of the notebooks whose parameters name this lake (kept in LAKE/notebooks).

    Notebooks of a lake in S3 (kept in ./vendas-notebooks/BUCKET) run in a session of AWS Glue.

    A copy that you have changed is kept; the others follow the project's notebooks.

    Arguments after -- are passed to JupyterLab, e.g. `vendas notebook -- --no-browser --port=9999`.
    """
    from vendas.jupyter.lab import jupyterlab, notebooks_folder, prepare_notebooks

    settings = load_settings(lake=lake)
    command, environment = jupyterlab(settings)
    outdated = prepare_notebooks(settings)
    for copy, difference in outdated.items():
        console.print(
            f"{copy} stays as you changed it, but the project's notebook has changed since. To get that one, rename "
            "yours and call this again. From yours (-) to the project's (+):",
            highlight=False,
            soft_wrap=True,
        )
        console.print(difference, markup=False, highlight=False, soft_wrap=True)
    if json:
        print_json({"folder": str(notebooks_folder(settings)), "outdated": [copy.name for copy in outdated]})
    os.execve(command[0], [*command, *context.args], {**os.environ, **environment})


def _run(
    settings: Settings,
    json: bool,
    corrections: Corrections = NO_CORRECTIONS,
    tell_of_landing: bool = True,
    warm: WarmForkServer | None = None,
) -> RunReport:
    """Run the pipeline, showing progress, results and the files that stay in landing; return its report."""
    with display.RunProgress(console) as progress:
        report = run_pipeline(settings, progress, corrections, warm)
    display.print_run(console, report, tell_of_landing)
    if json:
        print_json(report.as_json())
    return report

"""The command line's `vendas quarantine …`: the rows that were refused, with their reasons."""

from pathlib import Path
from typing import Annotated

import typer

from vendas.cli import display
from vendas.cli.terminal import Console, Json, Lake, console, existing_place, print_json
from vendas.formatting import format_counted

app = typer.Typer(help="The rows that were refused, with their reasons.", no_args_is_help=True)


@app.command("list")
def quarantine_list(
    lake: Lake = None,
    json: Json = False,
    open: Annotated[bool, typer.Option("--open", help="Only rows that have not come back mended.")] = False,
) -> None:
    """List every quarantined row: its file, its line there, its exact text and all reasons."""
    from vendas.stages.quarantine import read_quarantine

    rows = [row for row in read_quarantine(existing_place(lake).lake) if not (open and row.corrigida)]
    if json:
        shown = ("arquivo", "linha", "texto", "motivos")
        print_json({"rows": [{name: getattr(row, name) for name in shown} for row in rows]})
    elif rows:
        display.print_quarantine(Console(), rows)
    else:
        console.print("No row is in quarantine.")


@app.command("export")
def quarantine_export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; not the landing.")],
    lake: Lake = None,
    json: Json = False,
) -> None:
    """Write the rows as CSV files to correct and drop into landing again.

    Leave their last column, "Linha de Origem", in them: it links a corrected row to the refused one.
    """
    from vendas.stages.quarantine import export_quarantine

    settings = existing_place(lake)
    written = export_quarantine(settings.lake, settings.landing, folder)
    for path, rows in written.items():
        console.print(f"Wrote {path}: {format_counted(rows, 'row')} to mend", highlight=False, soft_wrap=True)
    if not written:
        console.print("No row is in quarantine.")
    if json:
        print_json({"files": [{"arquivo": str(path), "linhas": rows} for path, rows in written.items()]})

"""The command line's `vendas person …`: what a lake holds of a person, and its erasure."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vendas.cli import display, person_display
from vendas.cli.terminal import Json, Lake, console, existing_folder, print_json
from vendas.errors import VendasError
from vendas.lake.lock import hold_lake
from vendas.landing.arrivals import is_sales_file
from vendas.settings import Settings

app = typer.Typer(help="A person's data: shown, or erased in every layer.", no_args_is_help=True)

Email = Annotated[list[str] | None, typer.Option("--email", help="The person's e-mail, however written; repeatable.")]
Telephone = Annotated[
    list[str] | None, typer.Option("--telefone", help="The person's telephone, however written; repeatable.")
]
Line = Annotated[
    list[str] | None,
    typer.Option("--line", metavar="FILE:N", help="A line of a bronze file that is the person's, too; repeatable."),
]


@app.command("show")
def person_show(
    email: Email = None, telefone: Telephone = None, line: Line = None, lake: Lake = None, json: Json = False
) -> None:
    """Show everything that any layer holds of a person, and the receipts of an erased one; change nothing."""
    from vendas.privacy.show import make_request, show_person

    request = make_request(email or [], telefone or [], line or [])
    report = show_person(existing_folder(lake), request)
    if json:
        print_json(report.as_json())
    else:
        person_display.print_person(Console(), report)
    if report.is_empty:
        console.print("Nothing in this lake has that e-mail or telephone.")


@app.command("erase")
def person_erase(
    email: Email = None,
    telefone: Telephone = None,
    line: Line = None,
    ground: Annotated[str | None, typer.Option(metavar="TEXT", help="On what ground, for the receipt.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    lake: Lake = None,
    json: Json = False,
) -> None:
    """Erase a person from every layer: sales stay, under a token; leave a receipt. It cannot be undone."""
    from vendas.lake.spark import private_session
    from vendas.privacy.erase import GROUND, erase_person
    from vendas.privacy.show import make_request, refuse_s3, show_person

    request, settings = make_request(email or [], telefone or [], line or []), existing_folder(lake)
    refuse_s3(settings)
    if not yes and not sys.stdin.isatty():
        raise VendasError(
            "`vendas person erase` asks before it acts, and nobody can answer here. Give --yes; nothing was done."
        )
    if not yes:
        person_display.print_person(console, show_person(settings, request))
        if not typer.confirm("Erase all of this, for ever?", err=True):
            console.print("Nothing was done.")
            return
    with hold_lake(settings.lake, lambda: display.print_waiting(console)):
        done = erase_person(settings, request, private_session, ground or GROUND)
    receipt = done.receipt
    for path in done.left:
        console.print(f"{path} holds this person, too: {_what_to_do(path, settings)}.", soft_wrap=True)
    if json:
        print_json(receipt.as_json() if receipt else {"recibo": None, "arquivos": 0, "linhas": 0, "token": None})
    if receipt is None:
        console.print("Nothing in this lake has that e-mail or telephone; nothing was written.")
    else:
        console.print(
            f"Receipt {receipt.recibo}: {receipt.linhas} lines of {receipt.arquivos} files have {receipt.token} now.",
            soft_wrap=True,
        )


def _what_to_do(path: Path, settings: Settings) -> str:
    if path.parent == settings.landing and is_sales_file(path.name):
        return "the next run takes it with the token"
    return "clean it by hand"

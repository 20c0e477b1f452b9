"""The command line's `vendas person …`: what a lake holds of a person, and its erasure."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vendas.cli import display, person_display
from vendas.cli.terminal import Console, Json, Lake, console, existing_place, print_json
from vendas.errors import VendasError
from vendas.formatting import format_counted
from vendas.lake.lock import hold_lake
from vendas.landing.arrivals import is_sales_file
from vendas.settings import Settings
from vendas.storage import S3Lake, S3Path

if TYPE_CHECKING:
    from vendas.privacy.erasure_requests import Answer
    from vendas.privacy.search import Request

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
    from vendas.privacy.database import names_warehouse
    from vendas.privacy.show import make_request, show_person

    request = make_request(email or [], telefone or [], line or [])
    settings = _settings(lake)
    report = show_person(settings, request)
    if isinstance(settings.lake, S3Path) and not names_warehouse(settings):
        console.print(
            "Redshift was not asked; it has what gold has. To ask it, set VENDAS_REDSHIFT_SECRET and "
            "VENDAS_REDSHIFT_COPY_ROLE, on a machine that reaches it."
        )
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
    from vendas.privacy.erase import GROUND
    from vendas.privacy.show import make_request, show_person

    request, settings = make_request(email or [], telefone or [], line or []), _settings(lake)
    if not yes and not sys.stdin.isatty():
        raise VendasError(
            "`vendas person erase` asks before it acts, and nobody can answer here. Give --yes; nothing was done."
        )
    if not yes:
        person_display.print_person(console, show_person(settings, request))
        if not typer.confirm("Erase all of this, for ever?", err=True):
            console.print("Nothing was done.")
            return
    answer = _erase(settings, request, ground or GROUND)
    receipt = answer.receipt
    for path in answer.left:
        what = _what_to_do(path, settings)
        console.print(f"{path} has the e-mail, telephone or name of this person: {what}.", soft_wrap=True)
    for path in answer.unsearched:
        console.print(f"{path} cannot be read, or is too long: look there for this person, too.", soft_wrap=True)
    for folder in answer.elsewhere:
        console.print(f"Rows were exported to {folder}: look there for this person, too.", soft_wrap=True)
    if json:
        print_json(receipt.as_json() if receipt else {"recibo": None, "arquivos": 0, "linhas": 0, "token": None})
    if receipt is None:
        console.print("Nothing in this lake has that e-mail or telephone; nothing was written.")
    else:
        lines, files = format_counted(receipt.linhas, "line"), format_counted(receipt.arquivos, "file")
        console.print(f"Receipt {receipt.recibo}: {receipt.token} stands in {lines} of {files} now.", soft_wrap=True)


def _settings(lake: str | None) -> Settings:
    """Return the settings of a lake that exists; of one in S3, with what its stack tells."""
    settings = existing_place(lake)
    if not isinstance(settings.lake, S3Lake):
        return settings
    from vendas.cli.person_on_aws import with_stack  # here, because its imports take a second

    return with_stack(settings)


def _erase(settings: Settings, request: "Request", ground: str) -> "Answer":
    """Erase a person, from a lake in S3 by its stack's job; return the receipt, and what is left to people."""
    from vendas.lake.workers import own_workers
    from vendas.privacy.erase import erase_person
    from vendas.privacy.erasure_requests import Answer

    if isinstance(settings.lake, S3Lake):
        from vendas.cli.person_on_aws import erase_by_job

        return erase_by_job(settings.lake, request, ground, lambda said: console.print(said, soft_wrap=True))
    with hold_lake(settings.lake, lambda: display.print_waiting(console)):
        return Answer.of(erase_person(settings, request, own_workers, ground))


def _what_to_do(path: str, settings: Settings) -> str:
    folder, _, name = path.rpartition("/")
    if folder == str(settings.landing) and is_sales_file(name):
        return "the next run takes it with the token"
    return "clean it by hand"

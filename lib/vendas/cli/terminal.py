"""What all commands share: the options --lake and --json, the console, and the output of errors and JSON."""

import json
import os
import sys
import traceback
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import console as rich_console
from rich.text import Text

from vendas.errors import DEBUG, SettingsError, VendasError, is_debugging
from vendas.formatting import show_controls
from vendas.machine import full_disk
from vendas.machine.environment import temporary_folder
from vendas.runs.run_log import log_of
from vendas.settings import DEFAULT_LAKE, Settings, check_lake_exists, load_settings
from vendas.storage import S3Path

EXIT_FAILED = 1


class Console(rich_console.Console):
    """A console of rich that shows a text of a file as it is: control characters as pictures, `:car:` as no emoji."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text as rich renders it. Every string that is printed comes through here, also a table's."""
        return super().render_str(show_controls(text), **options | {"emoji": False})


console = Console(stderr=True)
_AWS_REMEDY = "Check the credentials and the region (AWS_PROFILE, AWS_DEFAULT_REGION), and that they may do this."

Lake = Annotated[
    str | None,
    typer.Option("--lake", metavar="DIR|URI", help=f"The lake: by default VENDAS_LAKE, else {DEFAULT_LAKE}."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document, last on standard output.")]


def local(lake: str | None) -> Settings:
    """Return the settings of a lake on this machine.

    Raises: VendasError for a lake in S3, whose work is done by the jobs on AWS, and for a file as lake or landing.
    """
    settings = load_settings(lake=lake)
    if not isinstance(settings.lake, Path):
        raise VendasError(
            f"{settings.lake} is in S3, where the Glue workflow does this, not this machine (docs/aws.md tells how). "
            "Here work: status, quarantine, person, notebook, doctor and check; or give the folder of a lake."
        )
    for name, place in (("lake", settings.lake), ("landing", settings.landing)):
        if isinstance(place, Path) and place.exists() and not place.is_dir():
            raise SettingsError(f"The {name} {place} is a file. Give a folder, which need not exist yet.")
    return settings


def existing(lake: str | None) -> Settings:
    """Return the settings of a lake on this machine that exists.

    Raises: VendasError if there is no such lake.
    """
    settings = local(lake)
    check_lake_exists(settings)
    return settings


def existing_place(lake: str | None) -> Settings:
    """Return the settings of a lake that exists in a folder, or of one in S3, which is not looked up yet.

    Raises: VendasError if there is no such lake.
    """
    settings = load_settings(lake=lake)
    return settings if isinstance(settings.lake, S3Path) else existing(lake)


def print_error(error: Exception) -> None:
    """Show an error as one message; if VENDAS_DEBUG is set, its traceback first."""
    if is_debugging():
        console.print("".join(traceback.format_exception(error)), markup=False, highlight=False, soft_wrap=True)
    if _is_of_aws(error):
        message = f"AWS refused, or could not be reached: {error}\n{_AWS_REMEDY}"
    else:
        message = _describe(error) if isinstance(error, VendasError | OSError) else _describe_bug(error)
    console.print(message, markup=False, highlight=False, style="red", soft_wrap=True)


def _describe(error: VendasError | OSError) -> str:
    message = f"{type(error).__name__}: {error}"
    if isinstance(error, OSError):
        message = f"{error.strerror}: {error.filename}" if error.filename else message
        message += full_disk.explain(str(error), Path(error.filename or "."))
    return "\n".join([message, *getattr(error, "__notes__", [])])


def _is_of_aws(error: Exception) -> bool:
    """Return whether AWS refused a request or could not be reached, without an import of its libraries."""
    return type(error).__module__.startswith("botocore.")


def _describe_bug(error: Exception) -> str:
    """Return one line about an unexpected exception: what it is, and the file that has its traceback."""
    what = " ".join(f"{type(error).__name__}: {error}".split())
    try:
        kept = f"its traceback is in {log_of(error) or _keep_traceback(error)}; {DEBUG}=1 shows it"
    except OSError:
        kept = f"{DEBUG}=1 shows its traceback"
    return f"A bug in vendas: {what} ({kept})"


def _keep_traceback(error: Exception) -> Path:
    path = temporary_folder() / f"{datetime.now():%Y%m%dT%H%M%S}-{os.getpid()}.log"
    path.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace")
    return path


def print_json(document: dict) -> None:
    in_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    # Flushed, because the reader may be waiting for it.
    print(json.dumps(document, ensure_ascii=not in_unicode), flush=True)

"""What all commands of the command line share: two options, and how they speak."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vendas.errors import VendasError
from vendas.machine import full_disk
from vendas.settings import DEFAULT_LAKE, Settings, load_settings
from vendas.storage import as_folder

console = Console(stderr=True)

Lake = Annotated[str | None, typer.Option("--lake", metavar="DIR|URI", help=f"The lake.  [default: {DEFAULT_LAKE}]")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document, last on standard output.")]


def local(lake: str | None) -> Settings:
    """Settings of a lake on this machine. Raises VendasError for one in S3, which AWS works on."""
    settings = load_settings(lake=lake)
    if not isinstance(settings.lake, Path):
        raise VendasError(
            f"{settings.lake} is in S3, where the Glue workflow does this, not this machine (docs/aws.md tells how). "
            "Here work: status, quarantine and notebook; or give the folder of a lake."
        )
    return settings


def existing(lake: str | None) -> Settings:
    """Settings of a lake that is there: a mistyped path must not become a new warehouse."""
    settings = local(lake)
    if not as_folder(settings.lake).is_dir():
        raise VendasError(f"There is no lake at {settings.lake}. Give another --lake, or make it with: vendas run")
    return settings


def print_error(error: VendasError | OSError) -> None:
    message = f"{type(error).__name__}: {error}"
    if isinstance(error, OSError):
        named = error.filename
        message = f"{error.strerror}: {named}" if named else message
        message += full_disk.explain(str(error), Path(named or "."))
    message = "\n".join([message, *getattr(error, "__notes__", [])])
    console.print(message, markup=False, highlight=False, style="red", soft_wrap=True)


def print_json(document: dict) -> None:
    in_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    print(json.dumps(document, ensure_ascii=not in_unicode), flush=True)  # who reads it may be waiting for it

"""HTML pages that need nothing but themselves: templates filled in, executed notebooks converted, files put in place.

Every page carries a content security policy by which a browser runs no script of it and asks no network for anything,
whatever a file's name or a notebook's output holds. What converts and fills in takes up to half a second to import,
so it is imported only where there is a page to write.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import vendas
from vendas import resources
from vendas.text import format_duration, format_moment, format_number

if TYPE_CHECKING:
    import nbformat

_FAILED_CELL = "papermill-error-cell"  # the anchor that papermill puts before a cell that raised


def render(template: str, **values: object) -> str:
    """A page from `templates/<template>.html`; every value is escaped."""
    return _environment().get_template(f"{template}.html").render(values, version=vendas.__version__)


def write(path: Path, text: str) -> None:
    """Puts a whole file in place, or leaves what was there. Raises OSError.

    Characters that no text can hold (a file name's undecodable bytes) become question marks.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(text.encode("utf-8", "replace"))
        aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


class Notebook(NamedTuple):
    """An executed notebook: name without ending, heading, its page, the place of the failed cell in that."""

    name: str
    title: str
    page: str = ""
    anchor: str = ""
    problem: str = ""  # why it has no page


def notebook_pages(folder: Path) -> list[Notebook]:
    """Writes a page beside every executed notebook in the folder. Raises OSError when one cannot be written."""
    return [_write_page(path) for path in sorted(folder.glob("*.ipynb"))]


def _write_page(path: Path) -> Notebook:
    import nbformat

    convert, highlighting = _converter()
    try:
        executed = nbformat.read(path, as_version=4)
        title, cells = _heading(executed) or path.stem, convert(executed)
    except Exception as error:  # whatever a notebook cut off half-way makes of the converter, the others have pages
        return Notebook(path.stem, path.stem, problem=f"{path.name} não pôde ser convertido em página: {error}")
    page = path.with_suffix(".html")
    write(page, render("notebook", title=title, cells=cells, highlighting=highlighting))
    return Notebook(path.stem, title, page.name, f"#{_FAILED_CELL}" if f'id="{_FAILED_CELL}"' in cells else "")


def _heading(executed: "nbformat.NotebookNode") -> str:
    headings = (cell.source.splitlines()[0] for cell in executed.cells if cell.source.startswith("# "))
    return next(headings, "").removeprefix("# ")


@cache
def _environment():
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(resources.folder("reports/templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"brazilian": format_number, "duration": format_duration, "moment": format_moment}
    return environment


@cache
def _converter() -> tuple[Callable[["nbformat.NotebookNode"], str], str]:
    """What makes HTML of a notebook's cells, and the style that its code needs.

    nbconvert's whole pages fetch scripts from the network, so only its cells are taken.
    """
    from nbconvert.exporters import HTMLExporter
    from pygments.formatters import HtmlFormatter

    exporter = HTMLExporter(template_name="basic", exclude_anchor_links=True)
    highlighting = HtmlFormatter(style="bw").get_style_defs(".highlight")
    return (lambda executed: exporter.from_notebook_node(executed)[0]), highlighting

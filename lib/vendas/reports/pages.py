"""Self-contained HTML pages: render templates, convert executed notebooks, and write files atomically.

Every page has a content security policy with which a browser runs no script and loads nothing from the network,
whatever a file's name or a notebook's output contains. The libraries that convert and render take up to half a second
to import, so they are imported only where a page is written.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import vendas
from vendas import resources
from vendas.formatting import format_duration, format_moment, format_number
from vendas.reports.masking import mask_text

if TYPE_CHECKING:
    import nbformat

_FAILED_CELL = "papermill-error-cell"  # the anchor that papermill inserts before a failed cell


def render(template: str, **values: object) -> str:
    """Render a page from `templates/<template>.html`; every value is escaped."""
    return _environment().get_template(f"{template}.html").render(values, version=vendas.__version__)


def write(path: Path, text: str) -> None:
    """Write a file atomically: the file is either complete or unchanged.

    Characters that cannot be encoded (undecodable bytes of a file's name) become question marks.
    Raises: OSError if the file cannot be written.
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
    """An executed notebook: name without extension, heading, its page, and the anchor of the failed cell in it."""

    name: str
    title: str
    page: str = ""
    anchor: str = ""
    problem: str = ""  # why it has no page, if it has none


def notebook_page(path: Path) -> Notebook:
    """Write a page beside an executed notebook, unless it has one. Raises: OSError if it cannot be written."""
    return _write_page(path, path.stat().st_mtime_ns)


def notebook_pages(folder: Path) -> list[Notebook]:
    """Write a page beside every executed notebook in the folder; return the notebooks, by name.

    Raises: OSError if a page cannot be written.
    """
    return [notebook_page(path) for path in sorted(folder.glob("*.ipynb"))]


@lru_cache(maxsize=8)  # a run's notebooks
def _write_page(path: Path, changed: int) -> Notebook:
    """Write the page of a notebook that was last changed at this time (ns), if it is not written yet."""
    import nbformat

    convert, highlighting = _converter()
    try:
        executed = nbformat.read(path, as_version=4)
        title, cells = _heading(executed) or path.stem, convert(executed)
    except Exception as error:  # a notebook that was cut off may break the converter; the others still get pages
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
    environment.filters["masked"] = mask_text
    return environment


@cache
def _converter() -> tuple[Callable[["nbformat.NotebookNode"], str], str]:
    """Return a function that converts a notebook's cells to HTML, and the CSS for its highlighted code.

    nbconvert's full pages load scripts from the network, so only its HTML of the cells is used.
    """
    from nbconvert.exporters import HTMLExporter
    from pygments.formatters import HtmlFormatter

    exporter = HTMLExporter(template_name="basic", exclude_anchor_links=True)
    highlighting = HtmlFormatter(style="bw").get_style_defs(".highlight")
    return (lambda executed: exporter.from_notebook_node(executed)[0]), highlighting

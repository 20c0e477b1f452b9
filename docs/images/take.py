"""Takes the pictures that README shows, from a lake: `python docs/images/take.py LAKE`. Needs Chromium, its driver."""

import base64
import io
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
import papermill
from PIL import Image
from rich.console import Console
from selenium import webdriver

from vendas import resources
from vendas.cli import display
from vendas.lake import ledger
from vendas.lake.workers import ThisProcess
from vendas.reports.pages import notebook_pages
from vendas.reports.plan_page import write_plan_page
from vendas.stages.difference import Difference
from vendas.stages.plan import make_plan
from vendas.stages.rehearsal import WorkersOnTrial

HERE = Path(__file__).parent
WIDTH, WIDE = 1000, 1570  # pixels of CSS
DOTS, COLOURS = 1.6, 128  # dots for each pixel; colours that are enough for text and charts
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"]
SCREEN = {"height": 800, "deviceScaleFactor": 1, "mobile": False}
TERMINAL = "<!doctype html><meta charset=utf-8><body style='margin: 0'>"
DRAWING = "return [0, document.querySelector('svg').getBoundingClientRect().bottom]"
UNTIL_QUARANTINE = "return [0, document.querySelector('.charts').getBoundingClientRect().bottom + 24]"
REFUSED = """
    document.body.style.maxWidth = 'none';  // its table is wider than a page
    const [, step] = document.querySelectorAll('h3'), rows = [...document.querySelectorAll('tr')];
    const after = rows.filter(row => step.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING);
    return [step.getBoundingClientRect().top - 12, after[6].getBoundingClientRect().bottom + 1]
"""
DIFFERENCE = """
    const found = [...document.querySelectorAll('h2')].find(h2 => h2.textContent.startsWith('Ensaio'));
    const after = [...document.querySelectorAll('table')].filter(
        table => found.compareDocumentPosition(table) & Node.DOCUMENT_POSITION_FOLLOWING);
    return [found.getBoundingClientRect().top - 12, after[0].getBoundingClientRect().bottom + 12]
"""
UNTIL_FILES = "return [0, [...document.querySelectorAll('h2')].at(-1).getBoundingClientRect().top - 24]"
RULE = re.compile(r"^## Change a rule$.*?^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MONTHS_AND_CHANNELS = (
    "return [...document.querySelectorAll('h2')].slice(1, 3).map(h2 => h2.getBoundingClientRect().top)"
)


def main(lake: Path) -> None:
    """The newest run's report, what 02_silver refused, 05's first chart, a rehearsal, a plan, and `vendas status`."""
    newest = max(path.parent for path in lake.glob("runs/*/run.json"))
    options = webdriver.ChromeOptions()
    for option in OPTIONS:
        options.add_argument(option)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        take(driver, newest / "index.html", UNTIL_QUARANTINE, "report")
        take(driver, newest / "02_silver.html", REFUSED, "silver", WIDE)
        take(driver, newest / "05_exploracao.html", MONTHS_AND_CHANNELS, "exploration")
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "status.html"
            page.write_text(TERMINAL + status(lake), encoding="utf-8")
            take(driver, page, DRAWING, "status")
            take(driver, rehearse(lake, Path(folder)), DIFFERENCE, "rehearsal")
            take(driver, write_plan_page(Path(folder), plan(lake)), UNTIL_FILES, "plan")
    finally:
        driver.quit()


def rule() -> str:
    """README's rule, as a cell has it."""
    (found,) = RULE.findall((HERE.parents[1] / "README.md").read_text(encoding="utf-8"))
    return found


def rehearse(lake: Path, folder: Path) -> Path:
    """The page of 03_gold, executed as a rehearsal with README's rule in its cell."""
    notebook = nbformat.read(resources.folder("notebooks") / "03_gold.ipynb", as_version=4)
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.endswith("regras = {}")]
    cell.source = rule()
    nbformat.write(notebook, folder / "03_gold.ipynb")
    given = {"lake": str(lake), "ensaio": True}
    papermill.execute_notebook(folder / "03_gold.ipynb", folder / "03_gold.ipynb", given, progress_bar=False)
    notebook_pages(folder)
    return folder / "03_gold.html"


def plan(lake: Path) -> Difference:
    """What README's rule would change."""
    names: dict = {}
    exec(rule(), names)
    return make_plan(lake, WorkersOnTrial(ThisProcess(), names["regras"]))


def status(lake: Path) -> str:
    """The terminal as a drawing, in whatever font of even width there is."""
    console = Console(record=True, width=84, file=io.StringIO(), force_terminal=True)
    display.print_files(console, ledger.list_entries(ledger.read_events(lake)), "")
    return re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="vendas status"), flags=re.DOTALL)


def take(driver: webdriver.Chrome, page: Path, part: str, name: str, width: int = WIDTH) -> None:
    """A picture of a part of the page, [top, bottom] in JavaScript, with few colours, so that it stays small."""
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SCREEN | {"width": width})
    driver.get(page.resolve().as_uri())
    top, bottom = driver.execute_script(part)
    clip = {"x": 0, "y": top, "width": width, "height": bottom - top, "scale": DOTS}
    taken = driver.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
    picture = Image.open(io.BytesIO(base64.b64decode(taken["data"]))).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(HERE / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

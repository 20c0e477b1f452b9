"""JupyterLab as an analyst uses it: `vendas notebook` in Chromium, on a small lake."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import nbformat
import psutil
import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.support.wait import WebDriverWait

from helpers.browser import Browser, needs_chromium
from helpers.inprocess import drop, run_intake, run_notebook
from vendas import resources
from vendas.reports import sales_charts
from vendas.warehouse import embedded

pytestmark = needs_chromium

VENDAS = Path(sys.executable).with_name("vendas")
FIXTURES = Path(__file__).parent / "fixtures"
PATIENCE = 300  # seconds; only an overloaded machine needs them
HERE = {"127.0.0.1", "localhost", None}
# Python runs this at its start, in the server and in its kernels.
WITNESS = """
import sys

def witness(event, given):
    if event in ("socket.getaddrinfo", "socket.connect"):
        with open({file!r}, "a") as asked:
            asked.write(f"{{event}} {{given[event == 'socket.connect']!r}}\\n")

sys.addaudithook(witness)
"""
EXPLORATION = "05_exploracao.ipynb"
NOTEBOOK = "document.querySelector('.jp-NotebookPanel')"
OUTPUTS = ".jp-OutputArea-output"


@pytest.fixture(scope="module")
def lake(tmp_path_factory, engine):
    """Return a lake with the fixtures, warehouse included."""
    lake = tmp_path_factory.mktemp("desk") / "lago"
    for number, path in enumerate(sorted(FIXTURES.glob("*.csv"))):
        drop(lake, path.name, path.read_bytes(), at=1_700_000_000 + number)
    try:
        run_intake(lake, gold=True)
        run_notebook("04_dw", lake=str(lake))
        yield lake
    finally:
        embedded.stop(lake / "dw")


@pytest.fixture(scope="module")
def desk(lake, tmp_path_factory):
    """Run `vendas notebook` on that lake, without the user's configuration; yield its address and its requests."""
    folder = tmp_path_factory.mktemp("jupyter")
    (folder / "sitecustomize.py").write_text(WITNESS.format(file=str(folder / "asked")))
    own = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    left_out = ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH")
    environment = {name: value for name, value in os.environ.items() if name not in left_out} | own
    path = f"{folder}{os.pathsep}{Path(embedded.__file__).parents[2]}"  # a path without this package would be removed
    with (folder / "log").open("wb") as log:
        process = psutil.Popen(
            [VENDAS, "notebook", "--lake", str(lake), "--", "--no-browser", "--port=0"],
            env=environment | {"PYTHONPATH": path}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield SimpleNamespace(url=address(process, folder / "log"), folder=folder, process=process)
    finally:
        started = process.children(recursive=True)
        process.terminate()
        process.wait(PATIENCE)
        _, left = psutil.wait_procs(started, timeout=10)
        for kernel in left:
            kernel.kill()
    assert left == [], "JupyterLab ended, but not what it had started"


def address(process, log):
    """Return the address that JupyterLab prints for its user."""

    def told(_):
        assert process.is_running() and process.status() != psutil.STATUS_ZOMBIE, log.read_text()
        return re.search(r"http://127\.0\.0\.1:\S+\?token=\w+", log.read_text())

    return WebDriverWait(None, PATIENCE).until(told)[0]


@pytest.fixture(scope="module")
def explored(desk, lake):
    """Open the start page and run all its cells."""
    browser = Browser()
    try:
        run_all(browser, desk.url, lake / "notebooks" / EXPLORATION)
        yield browser
    finally:
        browser.driver.quit()


def run_all(browser, url, notebook):
    """Open the notebook's address and run all its cells, by the menu, until each is done."""
    browser.open(url)
    wait = WebDriverWait(browser.driver, PATIENCE, ignored_exceptions=[WebDriverException])
    wait.until(lambda _: "| Idle" in browser.measure("document.querySelector('#jp-main-statusbar').textContent"))
    browser.driver.find_element("xpath", "//*[contains(@class, 'lm-MenuBar-itemLabel') and .='Run']").click()
    wait.until(lambda driver: driver.find_element("css selector", "[data-command='runmenu:run-all']")).click()
    prompts = f"[...{NOTEBOOK}.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(cell => cell.textContent)"
    cells = len(code_cells(notebook))

    def are_done(_):
        numbers = [int(prompt.strip("[]:").replace("*", "") or 0) for prompt in browser.measure(prompts)]
        return numbers == list(range(numbers[0], numbers[0] + cells)) and numbers[0]  # a kernel goes on counting

    wait.until(are_done)


def code_cells(notebook):
    return [cell.source for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code"]


def ends_with_chart(source):
    last = ast.parse(source).body[-1]
    called = isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and ast.unparse(last.value.func)
    return hasattr(sales_charts, called or "")


def test_every_chart_of_the_exploration_is_there_and_no_error(explored):
    charts = sum(map(ends_with_chart, code_cells(resources.folder("notebooks") / EXPLORATION)))
    widths = explored.measure(f"[...document.querySelectorAll('{OUTPUTS} img')].map(image => image.naturalWidth)")
    kinds = explored.measure(f"[...document.querySelectorAll('{OUTPUTS}')].map(shown => shown.dataset.mimeType)")
    assert len(widths) == charts > 10 and min(widths) > 0
    assert kinds == ["image/png"] * charts + ["text/plain"]
    assert "exploracao: 0 arquivos" in explored.measure(f"{NOTEBOOK}.textContent")


def test_nothing_pops_up(explored):
    assert (
        explored.measure("[...document.querySelectorAll('.jp-Dialog, .Toastify__toast')].map(e => e.textContent)") == []
    )


def test_nobody_outside_this_machine_is_asked(explored, desk):
    asked = {urlsplit(url).hostname for url in explored.requests()}
    assert asked == {"127.0.0.1"}
    told = [line.split(" ", 1) for line in (desk.folder / "asked").read_text().splitlines()]
    given = [ast.literal_eval(what) for _, what in told]
    assert given and {what[0] if isinstance(what, tuple) else what for what in given} <= HERE


RULES = {
    "02_silver": ("regras = {'Canal': pc.utf8_upper}", "Canal"),
    "03_gold": ("regras = {'turno_compra': lambda moment: pc.strftime(moment, '%H h')}", "turno_compra"),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_tried_in_a_cell_and_taken_back(desk, lake, name):
    rule, column = RULES[name]
    copy = lake / "notebooks" / f"{name}.ipynb"
    address = urlsplit(desk.url)
    url = f"http://{address.netloc}/lab/tree/{copy.name}?reset&{address.query}"  # no other notebook is open
    before = sorted((path, path.stat().st_mtime_ns) for path in lake.glob("*/metadata/*"))
    for source, told in ((f"import pyarrow.compute as pc\n{rule}", f"{column}</td>"), ("regras = {}", "Nada muda")):
        notebook = nbformat.read(copy, 4)
        (cell,) = [c for c in notebook.cells if c.cell_type == "code" and "regras = {" in c.source]
        cell.source = source
        nbformat.write(notebook, copy)
        browser = Browser()
        try:
            run_all(browser, url, copy)
            shown = browser.measure(f"{NOTEBOOK}.innerHTML")
            assert told in shown and "ensaio: nada foi publicado" in shown
        finally:
            browser.driver.quit()
    assert sorted((path, path.stat().st_mtime_ns) for path in lake.glob("*/metadata/*")) == before

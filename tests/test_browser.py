"""The reports in Chromium, at the widths of a desktop and of a phone."""

import pytest
from nbformat.v4 import new_output

from helpers.browser import WIDTHS, Browser, needs_chromium
from helpers.runs import AT, STAGES, a_run, entry, stages, write_all_executed, write_executed
from vendas.reports.report import EXPLORATION, write_report

pytestmark = [needs_chromium, pytest.mark.slow]

PAGES = ["index", "dicionario", EXPLORATION, "01_bronze", "../index"]
HOSTILE = ["registros<script>alert(1)</script>.csv", "registros\u202egpj.csv", f"registros_{'longo' * 40}.csv"]


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.driver.quit()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write a run whose pages have everything that they can show: refused rows and files, hostile names, a note."""
    folder = tmp_path_factory.mktemp("lago #1% é") / "runs" / "20240331T140509Z-00aa"
    write_all_executed(folder)
    files = [entry(name, silver=1200 + number, refused=number) for number, name in enumerate(HOSTILE)]
    files.append(entry("registros_vazio.csv", 0, 0, 0, "rejeitado", "O arquivo está vazio; envie-o de novo."))
    reasons = {"valor_ambiguo": 2, "numero_de_campos": 1}
    run = a_run(files=files, stages=stages(*STAGES), reasons=reasons, notes=["A exploração falhou."])
    write_report(folder, run, AT)
    return folder


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_for_nothing_breaks_nothing_and_fits_the_screen(browser, folder, page, width):
    path = folder / f"{page}.html"
    browser.open(path, width)
    assert browser.requests() == {path.resolve().as_uri(): None} and browser.complaints() == []
    root = "document.documentElement"
    assert browser.measure(f"{root}.scrollWidth") == browser.measure(f"{root}.clientWidth")
    assert browser.measure("innerWidth") == width


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_what_became_of_the_rows_can_be_seen(browser, folder, width):
    browser.open(folder / "index.html", width)
    seen = browser.text
    assert "Concluída, com 1 arquivo rejeitado" in seen and "O arquivo está vazio; envie-o de novo." in seen
    assert "3.675 lidas = 3.603 silver + 69 duplicadas + 3 quarentena" in seen
    assert "O valor tem um só separador" in seen and "1.201 + 23 + 1" in seen
    assert HOSTILE[0] in seen


def test_a_table_names_its_columns_on_a_phone_too(browser, folder):
    label = "getComputedStyle(document.querySelector('td[data-label=Lidas]'), '::before').content"
    browser.open(folder / "index.html", WIDTHS["phone"])
    assert browser.measure(label) == '"Lidas"'
    browser.open(folder / "index.html", WIDTHS["desktop"])
    assert browser.measure(label) == "none" and "Arquivo Situação Lidas" in browser.text


def test_charts_can_be_read_on_a_phone(browser, folder):
    browser.open(folder / "index.html", WIDTHS["phone"])
    heights = "[...document.querySelectorAll('svg text')].map(text => text.getBoundingClientRect().height)"
    assert min(browser.measure(heights)) >= 10  # CSS pixels


def test_every_link_leads_somewhere(browser, folder):
    to_visit, seen = [(folder.parent / "index.html").resolve().as_uri()], {}
    while to_visit:
        url = to_visit.pop()
        browser.driver.get(url)
        seen[url] = browser.driver.title
        to_visit += [link for link in browser.links() if link not in seen and link not in to_visit]
        if "#" in url:
            assert browser.measure("document.querySelector(':target') !== null"), url
    titles = {"Execuções", "Dicionário de dados", *STAGES, EXPLORATION}
    assert titles <= set(seen.values()) and "" not in seen.values()


def test_a_failed_run_leads_to_the_failed_cell(browser, tmp_path):
    write_executed(tmp_path / "r" / "02_silver.ipynb", failed=True)
    page = write_report(
        tmp_path / "r", a_run(stages=stages("01_bronze"), failure="02_silver.ipynb failed in cell [2]"), AT
    )
    browser.open(page, WIDTHS["phone"])
    assert "Falhou: 02_silver" in browser.text and "02_silver.ipynb failed in cell [2]" in browser.text
    browser.driver.find_element("partial link text", "Ver a célula").click()
    assert "encountered an exception here" in browser.measure("document.querySelector(':target').textContent")


def test_what_a_notebook_put_out_runs_no_script_and_asks_the_network_for_nothing(browser, tmp_path):
    outside = "http://127.0.0.1:9/x.png"
    hostile = f"<img src='{outside}'><script>document.title = 'taken'</script><b>seen</b>"
    write_executed(tmp_path / "r" / "01_bronze.ipynb", new_output("display_data", {"text/html": hostile}))
    write_report(tmp_path / "r", a_run(stages=stages("01_bronze")), AT)
    browser.open(tmp_path / "r" / "01_bronze.html")
    assert "seen" in browser.text and browser.driver.title == "01_bronze"
    assert browser.requests()[outside] == "csp"

"""The page of a plan: what processing files again by the current rules would change."""

from datetime import UTC, datetime
from pathlib import Path

from vendas.formatting import format_moment
from vendas.landing.arrivals import BronzeFile
from vendas.reports.difference_preview import examples_of, month_rows
from vendas.reports.masking import PAGE_MASKS
from vendas.reports.pages import render, write
from vendas.reports.report_charts import changes_chart
from vendas.stages.difference import Difference, FileDifference
from vendas.tuning import FILES_DRAWN, FILES_SHOWN

PAGE = "plano.html"
EXAMPLES_SHOWN = 4  # of a column
MOVES = {"silver": "Silver", "quarentena": "Quarentena", "duplicadas": "Duplicadas"}


def write_plan_page(lake: Path, difference: Difference) -> Path:
    """Write the page into the lake's folder, in place of that of the last plan; return its path.

    Personal values are masked in it.
    Raises: OSError if it cannot be written.
    """
    now = datetime.now(UTC)
    changed = sorted(filter(None, difference.files), key=lambda file: -changed_rows(file))
    total = difference.total
    columns = sorted(((name, found.mudam) for name, found in total.colunas.items()), key=lambda found: -found[1])
    files = [(BronzeFile.of(file.arquivo).received_as, changed_rows(file)) for file in changed[:FILES_DRAWN]]
    charts = {"Linhas com outro valor, por coluna": columns, "Linhas que mudam, por arquivo": files}
    page = render(
        "plan",
        title=f"Plano de {format_moment(now, zone=False)[:-3]}",
        made=now,
        difference=difference,
        facts={
            "Arquivos": len(difference.files),
            "Mudam": len(changed),
            "Linhas": total.linhas,
            "Entram na quarentena": total.quarentena.entram,
            "Saem da quarentena": total.quarentena.saem,
        },
        charts={name: changes_chart(bars) for name, bars in charts.items() if bars},
        examples=[
            example for found in examples_of(difference, PAGE_MASKS).values() for example in found[:EXAMPLES_SHOWN]
        ],
        moves=MOVES,
        months=list(month_rows(difference.months)),
        shown=[(BronzeFile.of(file.arquivo).received_as, file, changed_rows(file)) for file in changed[:FILES_SHOWN]],
        hidden=len(changed[FILES_SHOWN:]),
    )
    write(lake / PAGE, page)
    return lake / PAGE


def changed_rows(file: FileDifference) -> int:
    """Return in how many rows of a file the column changes that changes most, plus the rows that move."""
    values = max((changes.mudam for changes in file.colunas.values()), default=0)
    return values + file.silver.saem + file.quarentena.saem + file.duplicadas.saem

"""Previews of a difference: which columns change, where rows go, and what it does to each month's totals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import NamedTuple

from vendas import schema
from vendas.formatting import format_number
from vendas.landing.arrivals import BronzeFile
from vendas.reports.masking import MASKED_COLUMNS, Masks
from vendas.reports.preview import Preview, note_cut, showing
from vendas.reports.small_chart import Bars
from vendas.rules import gold, validate
from vendas.stages.difference import Change, Difference, Total, vary
from vendas.tuning import PREVIEW_ROWS

NO_DIFFERENCE = "Nada muda: as regras dão o que está publicado."
NO_REHEARSAL = "Só há o que comparar num ensaio (`ensaio = True`)."
_FATES = {"silver": "vendas em silver", "quarentena": "em quarentena", "duplicadas": "duplicadas"}
_MOST = 24  # months


class Example(NamedTuple):
    """A changed value of a column, masked, with the received name and the line of its row."""

    coluna: str
    mudam: int
    antes: str
    depois: str
    linha: int
    arquivo: str


def examples_of(difference: Difference, masks: Masks = MASKED_COLUMNS) -> dict[str, list[Example]]:
    """Return for each column that changes its examples, one of each kind first, and the files' in turn."""
    counts = {name: changes.mudam for name, changes in difference.total.colunas.items()}
    found: dict[str, list[list[Example]]] = {name: [] for name in counts}
    for file in difference.files:
        received = BronzeFile.of(file.arquivo).received_as
        for name, changes in file.colunas.items():
            mask = masks.get(name, str)
            found[name].append(
                [Example(name, counts[name], *_masked(it, mask), it.linha, received) for it in changes.exemplos]
            )
    in_turns = {name: [example for turn in zip_longest(*files) for example in turn] for name, files in found.items()}
    return {name: vary(filter(None, examples)) for name, examples in in_turns.items()}


def _masked(change: Change, mask: Callable[[str], str | None]) -> tuple[str, str]:
    """Return both values masked; if the mask hides how they differ, the second one says so."""
    before, after = mask(change.antes) or "", mask(change.depois) or ""
    return before, f"{after} (difere na parte mascarada)" if before == after else after


@showing
def show_columns(difference: Difference | None) -> Preview:
    """Show each column whose values change: in how many rows, and examples before and after."""
    if difference is None:
        return Preview.of([], note=NO_REHEARSAL)
    examples = examples_of(difference)
    each = max(1, PREVIEW_ROWS // max(1, len(examples)))
    rows = [
        {
            "coluna": example.coluna,
            "linhas que mudam": example.mudam,
            "antes": example.antes,
            "depois": example.depois,
            "linha": example.linha,
            "arquivo": example.arquivo,
        }
        for found in examples.values()
        for example in found[:each]
    ]
    return Preview.of(rows, note="" if rows else "Nenhum valor muda." if difference else NO_DIFFERENCE)


@showing
def show_fates(difference: Difference | None) -> Preview:
    """Show how many lines come into silver, into quarantine and among the duplicates, and how many leave."""
    if difference is None:
        return Preview.of([], note=NO_REHEARSAL)
    moves = {name: getattr(difference.total, name) for name in _FATES}
    rows = [
        {"as linhas": _FATES[name], "entram": found.entram, "saem": found.saem}
        for name, found in moves.items()
        if found
    ]
    return Preview.of(rows, note="" if rows else "Nenhuma linha muda de destino.")


@showing
def show_months(difference: Difference | None) -> Preview:
    """Show the sales and sums of each month that has others, before and after."""
    if difference is None:
        return Preview.of([], note=NO_REHEARSAL)
    rows = list(month_rows(difference.months))
    return Preview.of(
        rows[:_MOST], note=note_cut(_MOST, len(rows), "meses") if rows else "Os totais de nenhum mês mudam."
    )


def month_rows(months: Mapping[str, tuple[Total, Total]]) -> Iterable[dict[str, str]]:
    """Yield a row for each month: its sales, and the sum of each measure that was summed, before → after."""
    summed = {name for totals in months.values() for total in totals for name in total.somas}
    for month, (before, after) in sorted(months.items()):
        measures = [name for name in schema.SALES.measures if name in summed]  # silver has no others
        sums = {name: _arrow(_sum(before, name), _sum(after, name), 2) for name in measures}
        yield {"mês": month, "vendas": _arrow(before.vendas, after.vendas, 0), **sums}


@showing
def draw_columns(difference: Difference | None) -> Bars | Preview:
    """Draw for each column that changes how many rows have another value."""
    if difference is None or not difference:
        return Preview.of([], note=NO_REHEARSAL if difference is None else NO_DIFFERENCE)
    total = difference.total
    counts: Sequence[tuple[str, int]] = sorted(
        ((name, changes.mudam) for name, changes in total.colunas.items()), key=lambda found: -found[1]
    )
    if not counts:
        return Preview.of([], note="Nenhum valor muda.")
    bars = [(name, (count,), format_number(count)) for name, count in counts[:PREVIEW_ROWS]]
    return Bars(f"Linhas com outro valor, de {format_number(total.linhas)} comparadas", ["linhas"], bars)


@showing
def tell_where(rules: Mapping[str, object]) -> Preview:
    """Show where in the library each rule on trial goes, and which tests will tell of it."""
    rows = [
        {"coluna": name, "a regra vai para": place, "os testes que vão falhar": tests}
        for name in rules
        for place, tests in [_where(name)]
    ]
    then = "Depois: `make check`, `make golden`, `vendas plan`, e `vendas replay --outdated` aplica."
    return Preview.of(rows, note=then if rows else "Nenhuma regra em ensaio.")


def _where(name: str) -> tuple[str, str]:
    """Return where the rule of a column stands in the library, and the tests beside it."""
    if name in validate.RULES:
        return (
            f"lib/vendas/rules/input_columns.py, a função {validate.RULES[name][0].__name__} e a sua irmã dos motivos",
            "tests/test_input_columns.py, tests/test_validate.py",
        )
    if name in schema.INPUT_NAMES:
        return "lib/vendas/rules/cleaning.py, TEXT_RULES", "tests/test_validate.py"
    if name in gold.RULES:
        function = gold.RULES[name].__name__
        return f"lib/vendas/rules/gold.py, a função {function}", "tests/test_gold.py"
    return (
        "lib/vendas/rules/gold.py, RULES; e em lib/vendas/declaration.py a coluna passa a Derived",
        "tests/test_gold.py",
    )


def _sum(total: Total, name: str) -> Decimal:
    return total.somas.get(name, Decimal(0))


def _arrow(before: int | Decimal, after: int | Decimal, places: int) -> str:
    if before == after:
        return format_number(before, places)
    return f"{format_number(before, places)} → {format_number(after, places)}"

"""What the terminal shows of a person."""

from collections.abc import Iterable

from rich import box
from rich.markup import escape
from rich.table import Table

from vendas.cli.terminal import Console
from vendas.lake.erasures import Receipt
from vendas.privacy.search import FoundRecord
from vendas.privacy.show import PersonReport

_TITLES = {
    "landing": "Landing",
    "bronze": "Bronze",
    "silver": "Silver",
    "gold": "Gold",
    "quarentena": "Quarentena",
    "corrigidas": "Linhas corrigidas",
    "livro_razao": "Livro-razão",
    "dw": "Warehouse (dim_cliente)",
    "notebooks": "Notebooks, páginas e logs",
    "versoes": "Versões antigas de objetos em S3",
    "exportados": "Exportados, fora do lake",
    "outras_maquinas": "Exportados para outras máquinas (não vistas)",
    "possiveis": "Talvez da pessoa (só com --line ARQUIVO:N)",
    "recibos": "Recibos",
}
_PLACES = (
    ("Arquivo de Origem", "Linha do Arquivo"),
    ("arquivo_de_origem", "linha_do_arquivo"),
    ("arquivo", "linha"),
)


def print_person(console: Console, report: PersonReport) -> None:
    """Print what each layer holds of a person: a count of each, then every row with its file and line."""
    counts = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    counts.add_column("Camada")
    counts.add_column("Linhas", justify="right")
    for name, title in _TITLES.items():
        counts.add_row(title, str(len(getattr(report, name))))
    console.print(counts)
    for name, title in _TITLES.items():
        if items := getattr(report, name):
            console.print(_table(title, map(_row, items)))


def _table(title: str, rows: Iterable[tuple[str, str]]) -> Table:
    table = Table("Onde", "O quê", title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    for where, what in rows:
        table.add_row(*map(escape, (where, what)))
    return table


def _row(item: object) -> tuple[str, str]:
    """Return where something is, and what it is."""
    if isinstance(item, FoundRecord):
        return f"{item.arquivo}:{item.linha}", item.texto
    if isinstance(item, Receipt):
        layers = ", ".join(f"{layer} {rows}" for layer, rows in item.camadas.items())
        counts = f"{item.arquivos} arquivos, {item.linhas} linhas ({layers})"
        return item.recibo, "; ".join([item.quando, item.fundamento, item.token, counts])
    if not isinstance(item, dict):
        return str(item), ""
    for file, line in _PLACES:
        if file in item:
            return f"{item[file]}:{item.get(line, '')}", _facts(
                {k: v for k, v in item.items() if k not in (file, line)}
            )
    return str(item.get("cliente_id", "")), _facts({k: v for k, v in item.items() if k != "cliente_id"})


def _facts(values: dict) -> str:
    if "etapa" in values:  # an event of the ledger; its survey would fill the screen
        return f"{values['etapa']}: {values['motivo'] or values['arquivo_recebido']}"
    return "; ".join(str(value) for value in values.values() if value is not None)

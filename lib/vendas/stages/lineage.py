"""Row lineage: what a line of a bronze file became."""

from dataclasses import asdict, dataclass

import pyarrow as pa

from vendas import schema
from vendas.lake.table_reader import read_line
from vendas.lake.tables import QUARANTINE_TABLE, SILVER_TABLE
from vendas.rules.keys import sale_id
from vendas.storage import Location

SALE, REFUSED, NEITHER = "venda", "quarentena", "nenhuma"


@dataclass(frozen=True)
class Line:
    """What became of the record that begins on a physical line of a bronze file.

    `situacao` is SALE (then `venda_id` is its key in fato_vendas, and `venda` is silver's row), REFUSED (then `motivos`
    are the codes of its reasons and `texto` is the record), or NEITHER: it equals an earlier sale, no record begins
    there, or the file is pending, rejected or undone.
    """

    arquivo: str
    linha: int
    situacao: str = NEITHER
    venda_id: str | None = None
    venda: dict | None = None
    motivos: tuple[str, ...] = ()
    texto: str | None = None

    def as_json(self) -> dict:
        """Return the document that `vendas status FILE --line N --json` prints for it; a sale's values are texts."""
        sale = {name: str(value) for name, value in self.venda.items()} if self.venda else None
        return asdict(self) | {"venda": sale, "motivos": list(self.motivos)}


def find_line(lake: Location, arquivo: str, linha: int) -> Line:
    """Find what became of the record on this line, without Spark."""
    of_silver = (schema.ARQUIVO.name, schema.LINHA_DO_ARQUIVO.name)
    for sale in read_line(lake, SILVER_TABLE, of_silver, arquivo, linha).to_pylist():
        (venda_id,) = sale_id(pa.array([arquivo]), pa.array([linha])).to_pylist()
        return Line(arquivo, linha, SALE, venda_id=venda_id, venda=sale)
    for row in read_line(lake, QUARANTINE_TABLE, ("arquivo", "linha"), arquivo, linha).to_pylist():
        return Line(arquivo, linha, REFUSED, motivos=tuple(row["motivos"]), texto=row["texto"])
    return Line(arquivo, linha)

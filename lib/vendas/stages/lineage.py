"""Row lineage: what a line of a bronze file became."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.csvfile.records import read_block
from vendas.lake.table_reader import read_rows_with
from vendas.lake.tables import QUARANTINE_TABLE, SILVER_TABLE
from vendas.rules.duplicates import EQUAL_IN
from vendas.rules.keys import sale_id
from vendas.rules.validate import validate
from vendas.stages.survey import SurveyedFile
from vendas.storage import Location

SALE, REFUSED, DUPLICATE, NEITHER = "venda", "quarentena", "duplicada", "nenhuma"


@dataclass(frozen=True)
class Line:
    """What became of the record that begins on a physical line of a bronze file.

    `situacao` is SALE (then `venda_id` is its key in fato_vendas, and `venda` is silver's row), REFUSED (then `motivos`
    are the codes of its reasons and `texto` is the record), DUPLICATE (then `igual_a` is the file and line of the sale
    that it equals, if that is known), or NEITHER: no record begins there, or the file is pending, rejected or undone.
    """

    arquivo: str
    linha: int
    situacao: str = NEITHER
    venda_id: str | None = None
    venda: dict | None = None
    motivos: tuple[str, ...] = ()
    texto: str | None = None
    igual_a: str | None = None  # FILE:N

    def as_json(self) -> dict:
        """Return the document that `vendas status FILE --line N --json` prints for it; a sale's values are texts."""
        sale = {name: str(value) for name, value in self.venda.items()} if self.venda else None
        return asdict(self) | {"venda": sale, "motivos": list(self.motivos)}


def find_line(lake: Location, arquivo: str, linha: int, file: SurveyedFile | None = None) -> Line:
    """Find what became of the record on this line; `file` tells how to read it, if it was processed."""
    place = {schema.ARQUIVO.name: arquivo, schema.LINHA_DO_ARQUIVO.name: linha}
    for sale in read_rows_with(lake, SILVER_TABLE, place).to_pylist():
        (venda_id,) = sale_id(pa.array([arquivo]), pa.array([linha])).to_pylist()
        return Line(arquivo, linha, SALE, venda_id=venda_id, venda=sale)
    for row in read_rows_with(lake, QUARANTINE_TABLE, {"arquivo": arquivo, "linha": linha}).to_pylist():
        return Line(arquivo, linha, REFUSED, motivos=tuple(row["motivos"]), texto=row["texto"])
    for record in _records_at(file, linha) if file else ():
        return Line(arquivo, linha, DUPLICATE, igual_a=_find_equal_sale(lake, record))
    return Line(arquivo, linha)


def _records_at(file: SurveyedFile, linha: int) -> Iterator[pa.RecordBatch]:
    """Yield the record that begins on this line, if one does."""
    for block in [block for block in file.survey.blocks if block.first_line <= linha][-1:]:
        for records in read_block(file.path, block, file.survey):
            if len(found := records.filter(pc.equal(records[schema.LINHA], linha))):
                yield found


def _find_equal_sale(lake: Location, record: pa.RecordBatch) -> str | None:
    """Return the place of silver's sale that equals this record.

    None if there is none by the rules as they are now, or several: only a hash tells the sales of an erased person.
    """
    places = []
    for sale in validate(record).select(EQUAL_IN).to_pylist():
        if (moment := sale[schema.TIMESTAMP.name]) is not None:
            known = read_rows_with(lake, SILVER_TABLE, {schema.TIMESTAMP.name: moment}).to_pylist()
            places += [row for row in known if all(row[name] == value for name, value in sale.items())]
    if len(places) != 1:
        return None
    return f"{places[0][schema.ARQUIVO.name]}:{places[0][schema.LINHA_DO_ARQUIVO.name]}"

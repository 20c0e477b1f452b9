"""Links from corrected rows to their quarantined rows, by a column of origins in the files that come back."""

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.lake.data_files import DataFile, one_of
from vendas.lake.tables import QUARANTINE_TABLE, RESUBMITTED_TABLE, Lake

RESUBMITTED_SCHEMA = schema.arrow_schema(schema.RESUBMITTED_COLUMNS)
_ORIGIN = r"(?is)^\s*(?P<arquivo>registros.*\.csv):(?P<linha>[0-9]{1,18})\s*$"  # as an export has it


def find_links(validated: pa.Table) -> pa.Table:
    """Return the links of validated rows (with their `arquivo`) to their origins; rows without one are left out."""
    found = pc.extract_regex(validated["origem"], _ORIGIN)
    said = found.is_valid()
    origin = found.filter(said)
    file, line = (pc.struct_field(origin, name) for name in ("arquivo", "linha"))
    columns = [*validated.select(["arquivo", "linha"]).filter(said).columns, file, line.cast(pa.int64())]
    return pa.table(columns, schema=RESUBMITTED_SCHEMA)


def write_resubmitted(tables: Lake, said: pa.Table) -> list[DataFile]:
    """Write the links whose origin is a row in quarantine to data files; return these, to be published."""
    names = pc.unique(said["arquivo_de_origem"])
    rows = [
        found.select(["arquivo", "linha"])
        for file in tables.files_of(QUARANTINE_TABLE, names.to_pylist())
        for found in file.rows_where({"arquivo": one_of(names)})
    ]
    if not rows:
        return []
    keys = ["arquivo_de_origem", "linha_de_origem"]
    found = said.join(pa.concat_tables(rows), keys, ["arquivo", "linha"], join_type="left semi")
    return [tables.target(RESUBMITTED_TABLE).write(found)] if len(found) else []

"""Rows deleted beside their data file, as Spark and others do it: a file of their places, in a manifest of its own."""

from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestContent, ManifestWriterV2
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles

from vendas.storage import location

PATH_ID, PLACE_ID = 2147483546, 2147483545  # as Iceberg numbers the columns
PLACES = pa.schema(
    [
        pa.field("file_path", pa.string(), False, {"PARQUET:field_id": str(PATH_ID)}),
        pa.field("pos", pa.int64(), False, {"PARQUET:field_id": str(PLACE_ID)}),
    ]
)


class _Manifest(ManifestWriterV2):
    def content(self):
        return ManifestContent.DELETES

    @property
    def _meta(self):
        return {**super()._meta, "content": "deletes"}


class _Deletion(_FastAppendFiles):
    def new_manifest_writer(self, spec):
        schema, output = self._transaction.table_metadata.schema(), self.new_manifest_output()
        return _Manifest(spec, schema, output, self._snapshot_id, self._compression)


def delete_beside(opened, file, *places):
    """Delete the rows at these places of a table's data file, from 0, in one commit."""
    path = location(opened.location()) / "data" / f"{uuid4()}-deletes.parquet"
    pq.write_table(pa.table([[file.file_path] * len(places), places], schema=PLACES), path)
    bounds = {PATH_ID: file.file_path.encode()}
    deletes = DataFile.from_args(
        content=DataFileContent.POSITION_DELETES,
        file_path=str(path),
        file_format=FileFormat.PARQUET,
        partition=file.partition,
        record_count=len(places),
        file_size_in_bytes=path.stat().st_size,
        lower_bounds=bounds,
        upper_bounds=bounds,
    )
    deletes.spec_id = file.spec_id
    change = _Deletion(operation=Operation.OVERWRITE, transaction=opened.transaction(), io=opened.io)
    change.append_data_file(deletes)
    opened._do_commit(*change._commit())

"""Commits to the lake's tables: data files that are added and taken away at once, new tables and columns, upkeep."""

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import pairwise

import pyarrow.parquet as pq
from pyiceberg.exceptions import CommitFailedException, TableAlreadyExistsError, ValidationException
from pyiceberg.io.pyarrow import (
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
)
from pyiceberg.manifest import (
    DataFile as TableFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.table.update import (
    AssertRefSnapshotId,
    RemoveSnapshotRefUpdate,
    RemoveSnapshotsUpdate,
    SetPropertiesUpdate,
    TableRequirement,
    TableUpdate,
)
from pyiceberg.table.update.snapshot import _ManifestMergeManager, _OverwriteFiles
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import EMPTY_DICT, Record
from pyiceberg.types import (
    DecimalType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    TimestampType,
)

from vendas.declaration_types import Column, Type
from vendas.errors import ConcurrentChange, ConservationError
from vendas.lake.catalog import catalog_of, name_of
from vendas.lake.data_files import DataFile
from vendas.storage import Location, location
from vendas.tuning import MANIFEST_BYTES, MANIFESTS_MERGED

_TYPES: dict[str, IcebergType] = {
    Type.TEXT: StringType(),
    "int": IntegerType(),
    Type.WHOLE: LongType(),
    Type.TIMESTAMP: TimestampType(),
    Type.MONEY: DecimalType(12, 2),
    Type.FRACTION: DecimalType(5, 4),
}
_LIST = "array<string>"


class _Replacement(_OverwriteFiles):
    """A snapshot with files added and others taken away; manifests without files go, and small ones are merged.

    What it tells of a file that was taken away, it tells without bounds, which are values of its rows.
    """

    merged_from: int
    applied: Collection[TableFile]
    is_rewrite: bool
    forgets: bool

    def _build_manifest_evaluator(self, spec_id: int) -> Callable[[ManifestFile], bool]:
        build = super()._build_manifest_evaluator
        # A new one for each manifest, because it holds that one's bounds, and pyiceberg's threads share it.
        return lambda manifest: build(spec_id)(manifest)

    def _existing_manifests(self) -> list[ManifestFile]:
        return [
            self._without_deleted(found) if self.forgets and found.deleted_files_count else found
            for found in super()._existing_manifests()
            if (found.has_added_files() or found.has_existing_files())
            and not (self.applied and found.content == ManifestContent.DELETES)
        ]

    def _without_deleted(self, manifest: ManifestFile) -> ManifestFile:
        with self.new_manifest_writer(self.spec(manifest.partition_spec_id)) as writer:
            for entry in self.fetch_manifest_entry(manifest):
                writer.existing(entry)
        return writer.to_manifest_file()

    def _deleted_entries(self) -> list[ManifestEntry]:
        entries = super()._deleted_entries()
        for entry in entries:
            entry.data_file = _without_bounds(entry.data_file)
        return entries

    def _process_manifests(self, manifests: list[ManifestFile]) -> list[ManifestFile]:
        manager = _ManifestMergeManager(MANIFEST_BYTES, self.merged_from, True, self)
        of_deletes = [found for found in manifests if found.content == ManifestContent.DELETES]
        return manager.merge_manifests([found for found in manifests if found not in of_deletes]) + of_deletes

    def _summary(self, snapshot_properties: dict[str, str] = EMPTY_DICT) -> Summary:
        self._deleted_data_files.update(self.applied)  # now, when the entries of data files are written
        summary = super()._summary(snapshot_properties)
        # Here, because pyiceberg computes no totals of a replacement.
        return Summary(Operation.REPLACE, **summary.additional_properties) if self.is_rewrite else summary


def _without_bounds(file: TableFile) -> TableFile:
    plain = TableFile.from_args(
        content=file.content,
        file_path=file.file_path,
        file_format=file.file_format,
        partition=file.partition,
        record_count=file.record_count,
        file_size_in_bytes=file.file_size_in_bytes,
    )
    plain.spec_id = file.spec_id
    return plain


def replace_files(
    opened: Table,
    added: Iterable[DataFile],
    removed: Iterable[TableFile] = (),
    merged_from: int = MANIFESTS_MERGED,
    rewrite: bool = False,
    applied: Collection[TableFile] = (),
    forgets: bool = False,
) -> None:
    """Add files to a table, and take others away, in one commit to the state in which it was opened.

    From `merged_from` manifests on, small ones are merged. A `rewrite` adds the rows that it takes away. `applied` are
    all delete files of the table, none of which is of a data file that stays. With `forgets`, manifests no longer tell
    of files that were taken away before.
    Raises: ConcurrentChange if the table has changed since it was opened, or a file is not part of it;
    ConservationError if a rewrite would change how many rows a partition has.
    """
    removed = list(removed)
    kind = Operation.OVERWRITE if removed or rewrite or applied else Operation.APPEND
    change = _Replacement(operation=kind, transaction=opened.transaction(), io=opened.io)
    change.merged_from, change.is_rewrite, change.applied, change.forgets = merged_from, rewrite, applied, forgets
    new = [table_file(opened, file) for file in added]
    if rewrite:
        _check_same_rows(opened, new, removed)
    for file in new:
        change.append_data_file(file)
    for old in removed:
        change.delete_data_file(old)
    try:
        opened._do_commit(*change._commit())
    except (CommitFailedException, ValidationException):
        change._clean_all_uncommitted()
        raise _changed(opened) from None


def _check_same_rows(opened: Table, new: Iterable[TableFile], old: Iterable[TableFile]) -> None:
    before, after = _count_by_partition(old), _count_by_partition(new)
    if before != after:
        raise ConservationError(
            f"The rows of {opened.location()} are not conserved: by partition {after} instead of {before}.\n"
            "The table is as it was."
        )


def _count_by_partition(files: Iterable[TableFile]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for file in files:
        counted[str(file.partition)] += file.record_count
    return dict(sorted(counted.items()))


def forget_deleted(opened: Table) -> None:
    """Let a table tell no bounds of files that Iceberg's Java took away, in one commit; none if it tells none."""
    snapshot = opened.current_snapshot()
    told = [
        entry.data_file.lower_bounds
        for manifest in (snapshot.manifests(opened.io) if snapshot else [])
        if manifest.deleted_files_count
        for entry in manifest.fetch_manifest_entry(opened.io, discard_deleted=False)
        if entry.status == ManifestEntryStatus.DELETED
    ]
    if any(told):
        replace_files(opened, [], rewrite=True, forgets=True)


def merge_manifests(opened: Table) -> None:
    """Merge small manifests, which every reader of the table reads, in one commit; none if they are few."""
    snapshot = opened.current_snapshot()
    manifests = snapshot.manifests(opened.io) if snapshot else []
    of_specs: dict[int, list[int]] = {}  # only manifests of one partitioning are merged
    for found in manifests:
        of_specs.setdefault(found.partition_spec_id, []).append(found.manifest_length)
    if any(one + next <= MANIFEST_BYTES for sizes in of_specs.values() for one, next in pairwise(sizes)):
        replace_files(opened, [], merged_from=2, rewrite=True)


def set_properties(opened: Table, wanted: Mapping[str, str]) -> None:
    """Set these properties of a table in one commit; none if it has them."""
    if not wanted.items() <= opened.properties.items():
        _commit(opened, [SetPropertiesUpdate(updates=dict(wanted))])


def expire_snapshots(opened: Table, oldest: datetime) -> None:
    """Let go of a table's snapshots that have not been current since `oldest`, and of all branches and tags.

    However old a snapshot is, who began to read it when it was current can go on for the time since `oldest`. One
    commit; none if there is nothing to let go of.
    """
    metadata, before = opened.metadata, round(oldest.timestamp() * 1000)
    ended = {one.snapshot_id: next.timestamp_ms for one, next in pairwise(metadata.snapshot_log)}
    old = [
        found.snapshot_id
        for found in metadata.snapshots
        if found.snapshot_id != metadata.current_snapshot_id
        and ended.get(found.snapshot_id, found.timestamp_ms) <= before
    ]
    refs = [RemoveSnapshotRefUpdate(ref_name=name) for name in metadata.refs if name != MAIN_BRANCH]
    _commit(opened, [*refs, *([RemoveSnapshotsUpdate(snapshot_ids=old)] if old else [])])


def _commit(opened: Table, updates: Sequence[TableUpdate]) -> None:
    """Change a table's metadata in one commit; none without updates. Raises: ConcurrentChange if its rows changed."""
    if not updates:
        return
    same: tuple[TableRequirement, ...] = (
        AssertRefSnapshotId(ref=MAIN_BRANCH, snapshot_id=opened.metadata.current_snapshot_id),
    )
    with _explained(opened):
        opened._do_commit(tuple(updates), same)


@contextmanager
def _explained(opened: Table) -> Generator[None]:
    """Raise ConcurrentChange for a commit in the block that comes after another one."""
    try:
        yield
    except CommitFailedException:
        raise _changed(opened) from None


def table_file(opened: Table, file: DataFile) -> TableFile:
    """Return Iceberg's description of a data file to be added; its statistics are read from its footer."""
    with location(file.path).open("rb") as content:
        footer = pq.read_metadata(content)
    found = data_file_statistics_from_parquet_metadata(
        footer,
        compute_statistics_plan(opened.schema(), opened.properties),
        parquet_path_to_id_mapping(opened.schema()),
    )
    return TableFile.from_args(
        content=DataFileContent.DATA,
        file_path=file.path,
        file_format=FileFormat.PARQUET,
        partition=Record(file.ano) if opened.spec().fields else Record(),
        file_size_in_bytes=file.bytes,
        sort_order_id=opened.sort_order().order_id,
        spec_id=opened.spec().spec_id,
        equality_ids=None,
        key_metadata=None,
        **found.to_serialized_dict(),
    )


def check_unchanged(lake: Location, opened: Table) -> None:
    """Check that a table has the rows that it had when it was opened. Raises: ConcurrentChange if not."""
    now = catalog_of(lake).load_table(opened.name())
    if now.metadata.current_snapshot_id != opened.metadata.current_snapshot_id:
        raise _changed(opened)


def _changed(opened: Table) -> ConcurrentChange:
    return ConcurrentChange(
        f"The table {opened.name()[-1]} was changed by another run, or by a notebook run by hand, while this stage "
        "worked on it; nothing of this stage was published.\nRun again: it takes up what is still pending."
    )


def create_table(
    lake: Location,
    table: str,
    columns: Sequence[Column],
    partition: str | None,
    sorted_by: str | None,
    properties: dict[str, str],
) -> None:
    """Create a table with these columns, partitioned and sorted by one of them, unless another process has just done.

    `properties` are Iceberg's.
    """
    fields = [_field(number, column, len(columns)) for number, column in enumerate(columns, start=1)]
    schema = Schema(*fields)
    by_year = [
        PartitionField(schema.find_field(name).field_id, 1000, IdentityTransform(), name) for name in _one(partition)
    ]
    order = [SortField(schema.find_field(name).field_id, IdentityTransform()) for name in _one(sorted_by)]
    catalog = catalog_of(lake)
    with suppress(CommitFailedException, TableAlreadyExistsError):
        catalog.create_table(
            name_of(lake, table),
            schema,
            str(lake / table),
            PartitionSpec(*by_year),
            SortOrder(*order),
            properties,
        )


def _one(name: str | None) -> Collection[str]:
    return () if name is None else (name,)


def _field(number: int, column: Column, columns: int) -> NestedField:
    return NestedField(number, column.name, _type(column.type, columns + number), required=False, doc=column.comment)


def _type(name: str, element: int) -> IcebergType:
    return ListType(element, StringType(), element_required=False) if name == _LIST else _TYPES[name]


def update_columns(opened: Table, columns: Sequence[Column], renamed: dict[str, str], sorted_by: str | None) -> None:
    """Rename columns, each given by its new name, add those that are missing, and set the order of rows.

    One commit; none if nothing is to be done.
    Raises: ConcurrentChange if another process has changed the columns since the table was opened.
    """
    with _explained(opened), opened.transaction() as change:
        with change.update_schema() as update:
            for new, former in renamed.items():
                update.rename_column((former,), new)
        there = {*opened.schema().column_names} | renamed.keys()
        with change.update_schema() as update:
            for place, column in enumerate(columns):
                if column.name not in there:
                    update.add_column((column.name,), _type(column.type, 0), column.comment)
                    if place:
                        update.move_after(column.name, columns[place - 1].name)
                    else:
                        update.move_first(column.name)
        if sorted_by and opened.sort_order().is_unsorted:
            with change.update_sort_order() as order:
                order.asc(sorted_by, IdentityTransform())

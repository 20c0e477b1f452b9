"""Events of the ledger, as rows of Arrow: a lake of years has half a million, of which a run needs a few as objects."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.rules.fingerprint import rules_fingerprint

STAGES = ("bronze", "silver", "gold", "dw")
PROCESSED, REJECTED, UNDONE, PENDING = "processado", "rejeitado", "desfeito", "pendente"
EVENT_COLUMNS = schema.arrow_schema(schema.LEDGER_COLUMNS)
_NEVER = np.iinfo(np.int64).max  # the time of an event that is not recorded yet: newer than all others
_ROWS_AT_A_TIME = 1000


@dataclass(frozen=True)
class Event:
    """A finished stage of one file: a row of the ledger, fields as in LEDGER_COLUMNS. Counts are rows."""

    arquivo: str
    arquivo_recebido: str
    etapa: str
    run_id: str
    situacao: str = PROCESSED
    motivo: str | None = None
    lidas: int = 0
    duplicadas: int = 0
    quarentena: int = 0
    duvidosas: int = 0
    gravadas: int = 0
    dialeto: str | None = None
    # Times are UTC, without a zone; `ledger.record` sets them and the executed notebook.
    registrado_em: datetime | None = None
    iniciado_em: datetime | None = None
    notebook: str | None = None
    contrato: int = schema.SALES.version
    regras: str | None = field(default_factory=rules_fingerprint)

    @property
    def recorded_at(self) -> datetime:
        """When the event was recorded; an event that is not recorded yet counts as newer than all others."""
        return self.registrado_em or datetime.max


def stage_before(stage: str) -> str:
    """Return the stage whose work this one takes up."""
    return STAGES[STAGES.index(stage) - 1]


def as_rows(events: Iterable[Event]) -> pa.Table:
    """Return events as rows of the ledger's table."""
    return pa.Table.from_pylist([vars(event) for event in events], EVENT_COLUMNS)


def at(places: np.ndarray, values: np.ndarray, nothing: int | bool = False) -> np.ndarray:
    """Return the values at these places, and `nothing` where the place is -1."""
    return np.append(values, nothing)[places]


class Events(Sequence[Event]):
    """Events in rows of the ledger's columns; an `Event` is made when it is asked for."""

    def __init__(self, rows: pa.Table):
        self.rows = rows
        self._columns: dict[str, pa.Array] = {}

    @classmethod
    def of(cls, events: Iterable[Event]) -> "Events":
        """Return any events as such rows."""
        return events if isinstance(events, cls) else cls(as_rows(events))

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Event: ...
    @overload
    def __getitem__(self, place: slice) -> "Events": ...
    def __getitem__(self, place):
        if isinstance(place, slice):
            return Events(self.rows.take(pa.array(range(len(self))[place], pa.int64())))
        return self.take([range(len(self))[place]])[0]

    def __iter__(self) -> Iterator[Event]:
        for batch in self.rows.to_batches(_ROWS_AT_A_TIME):
            yield from (Event(**row) for row in batch.to_pylist())

    def take(self, places: Collection[int] | np.ndarray) -> list[Event]:
        """Return the events at these places, in their order."""
        chosen, found, end = np.asarray(places, dtype=np.int64), {}, 0
        for batch in self.rows.to_batches():  # a table's own `take` copies all of its columns first
            first, end = end, end + len(batch)
            here = np.unique(chosen[(chosen >= first) & (chosen < end)])
            found.update(zip(here.tolist(), batch.take(pa.array(here - first)).to_pylist(), strict=True))
        return [Event(**found[place]) for place in chosen.tolist()]

    def of_files(self, arquivos: Collection[str]) -> list[Event]:
        """Return the events of these bronze files, in their own order."""
        return self.take(np.flatnonzero(self.are_of(arquivos)))

    def are_of(self, arquivos: Collection[str]) -> np.ndarray:
        """Return which events are about these bronze files."""
        return pc.is_in(self.rows["arquivo"], pa.array(arquivos, pa.string())).to_numpy()

    def counts(self, name: str, places: np.ndarray) -> np.ndarray:
        """Return a count of rows at these places; 0 where the place is -1."""
        return at(places, self.column(name).to_numpy(), 0)

    def texts(self, name: str, places: np.ndarray) -> pa.Array:
        """Return a text at these places; null where the place is -1."""
        return self.column(name).take(pa.array(places, mask=places < 0))

    def column(self, name: str) -> pa.Array:
        """Return one field of all events."""
        if name not in self._columns:  # only those that are asked for, since each is copied
            self._columns[name] = self.rows[name].combine_chunks()
        return self._columns[name]

    def are(self, situacao: str, places: np.ndarray) -> np.ndarray:
        """Return which of the events at these places have this situation; none where the place is -1."""
        return at(places, self.equal("situacao", situacao))

    def equal(self, name: str, value: str) -> np.ndarray:
        """Return for which events a field has this value."""
        return pc.fill_null(pc.equal(self.column(name), value), False).to_numpy(zero_copy_only=False)

    @cached_property
    def moments(self) -> np.ndarray:
        """When each event was recorded, in microseconds since 1970."""
        return self.column("registrado_em").cast(pa.int64()).fill_null(_NEVER).to_numpy()

    @cached_property
    def files(self) -> list[str]:
        """The bronze files that there are events of, in the order of their first event."""
        return self._by_file.dictionary.to_pylist()

    @cached_property
    def file_places(self) -> dict[str, int]:
        """Each bronze file's place in `files`."""
        return {arquivo: place for place, arquivo in enumerate(self.files)}

    @cached_property
    def last(self) -> np.ndarray:
        """The place of each file's last event of each stage, by `files` and STAGES; -1 where there is none."""
        stages = pc.index_in(self.rows["etapa"], pa.array(STAGES)).to_numpy()
        places = np.full((len(self.files), len(STAGES)), -1)
        by_time = np.argsort(self.moments, kind="stable")
        # Of several values for one element, NumPy keeps the last.
        places[self._by_file.indices.to_numpy()[by_time], stages[by_time]] = by_time
        return places

    def last_of(self, stage: str) -> np.ndarray:
        """The place of each file's last event of a stage; -1 where there is none."""
        return self.last[:, STAGES.index(stage)]

    @cached_property
    def _by_file(self) -> pa.DictionaryArray:
        return self.column("arquivo").dictionary_encode()

"""The resources that a run on AWS used, and an estimate of their cost from the prices in `prices.yaml`."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

import yaml

from vendas import resources
from vendas.lake.events import Event

DPUS = {"G.025X": 0.25, "G.1X": 1, "G.2X": 2, "G.4X": 4, "G.8X": 8, "R.1X": 1, "R.2X": 2, "R.4X": 4, "R.8X": 8}

# Requests to S3 of a run, measured with an emulator: a fixed number per run, and a number per file.
_WRITES, _WRITES_A_FILE = 140, 4
_READS, _READS_A_FILE = 620, 8


@dataclass(frozen=True)
class Usage:
    """The resources that a run used: DPU-seconds, requests to S3 (estimated), bytes of CSV read.

    DPU-seconds are an upper bound: they assume that all workers ran from the first second to the last.
    """

    dpu_seconds: float
    writes: int
    reads: int
    bytes_read: int

    @classmethod
    def of(cls, seconds: Iterable[float], dpus: float, events: Iterable[Event]) -> Self:
        """Return the usage of jobs that took `seconds` on `dpus` each, with these events of bronze in the ledger."""
        minimum = read_prices()["minimum_seconds"]
        files = [json.loads(event.dialeto) for event in events if event.dialeto]
        return cls(
            dpu_seconds=sum(max(minimum, taken) for taken in seconds) * dpus,
            writes=_WRITES + _WRITES_A_FILE * len(files),
            reads=_READS + _READS_A_FILE * len(files),
            bytes_read=sum(block["length"] for file in files for block in file["blocks"]),
        )

    @property
    def dollars(self) -> Decimal:
        """The estimated cost in US dollars, rounded to a hundredth of a cent."""
        price = read_prices()
        jobs = self.dpu_seconds / 3600 * price["dpu_hour"]
        requests = self.writes * price["write_request"] + self.reads * price["read_request"]
        return Decimal(jobs + requests).quantize(Decimal("0.0001"))


def read_prices() -> dict:
    """Read the price table."""
    return yaml.safe_load((resources.PACKAGE / "reports" / "prices.yaml").read_text(encoding="utf-8"))

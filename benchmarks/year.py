"""A year of a chain of shops: what three points of it cost here, and from these what each month costs.

`make year` runs the chain hour by hour to 20,000 files and in larger steps to 100,000, and keeps what it measured in
year.json; `python -m benchmarks.year --page` only writes YEAR.md anew from that.
"""

import json
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks import chain
from benchmarks.figures import machine
from benchmarks.pipeline_run import COMMAND, run
from benchmarks.processes import Cost, cost_of
from benchmarks.size import MB
from vendas.lake.events import STAGES
from vendas.reports.cost import Usage, read_prices
from vendas.settings import Settings, load_settings
from vendas.warehouse.embedded import stop

MEASURED, PAGE = (Path(__file__).with_name(name) for name in ("year.json", "YEAR.md"))
POINTS = (1_000, 20_000, 100_000)  # files ever seen
HOURS_AFTER_UPKEEP = 3  # that are measured at each point
HOURS_AT_ONCE = 33  # of a run that only leads to the last point: some 10,000 files
MONTHS, RUNS_OF_MONTH = 12, 365 / 12 * chain.HOURS
TABLES = ("silver", "gold", "quarantine", "mended", "ledger")
JOBS, DPUS, RPUS = len(STAGES), 2, 8  # of a run on AWS, as the template has them
FUNCTION_GB, FUNCTION_SECONDS = 0.25, 1.0  # of a call; the seconds are on paper


@dataclass(frozen=True)
class Hour:
    """One run over what the chain sends in an hour: files seen before it, runs since the upkeep, seconds, memory."""

    seen: int
    since: int
    wall: float
    cpu: float
    peak_mb: float


@dataclass(frozen=True)
class Point:
    """The lake when so many files were seen: seconds of `vendas status` and of the upkeep, and bytes around that.

    `runs` are those of the lake so far, `since` those since the upkeep before; sizes are in MB.
    """

    seen: int
    runs: int
    since: int
    status: float
    upkeep: float
    before: dict[str, float]
    after: dict[str, float]


@dataclass
class Measured:
    """All that was measured, where and when."""

    when: str
    where: str
    hours: list[Hour] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)


class _Lake:
    """The chain's lake, one run after the other."""

    def __init__(self, settings: Settings, measured: Measured):
        self.settings, self.measured = settings, measured
        self.hour = self.seen = self.runs = self.since = 0

    def take(self, hours: int = 1) -> None:
        """Run over what comes in the next hours; keep the figures if it is one."""
        files = chain.drop_hours(range(self.hour, self.hour + hours), self.settings.landing)
        time.sleep(self.settings.quiet_seconds)
        done = run(self.settings)
        if hours == 1:
            whole, peak = done.whole, done.peak_bytes / MB
            self.measured.hours.append(Hour(self.seen, self.since, whole.wall, whole.cpu, peak))
        self.hour += hours
        self.seen += files
        self.runs += 1
        self.since += 1
        print(f"{self.seen:,} files: {done.whole}", flush=True)

    def keep_up(self) -> None:
        """Measure the point that is reached, and the hours after an upkeep."""
        before, status = _sizes(self.settings.lake), self._cost("status").wall
        upkeep = self._cost("maintain", "--keep", "0").wall
        after = _sizes(self.settings.lake)
        self.measured.points.append(Point(self.seen, self.runs, self.since, status, upkeep, before, after))
        self.since = 0
        for _ in range(HOURS_AFTER_UPKEEP):
            self.take()

    def _cost(self, *words: str) -> Cost:
        return cost_of([COMMAND, *words, "--lake", self.settings.lake], self.settings.lake.parent)


def measure(folder: Path, points: Sequence[int] = POINTS) -> Measured:
    """Run the chain, by hours until the last point but one, then by many hours at once until the last."""
    measured = Measured(date.today().isoformat(), machine())
    lake = _Lake(load_settings(lake=folder / "lago"), measured)
    *by_hours, last = points
    try:
        for point in by_hours:
            while lake.seen < point:
                lake.take()
            lake.keep_up()
        while lake.seen < last:
            lake.take(HOURS_AT_ONCE)
        lake.keep_up()
    finally:
        stop(lake.settings.dw)
    return measured


def _sizes(lake: Path) -> dict[str, float]:
    """Return the MB of the lake's parts: bronze, tables, executed notebooks with pages, warehouse."""
    parts = {"bronze": ["bronze"], "tables": TABLES, "runs": ["runs"], "warehouse": ["dw"]}
    return {part: sum(_mb(lake / name) for name in names) for part, names in parts.items()}


def _mb(folder: Path) -> float:
    """Return the MB that a folder takes of the disk, whose blocks small files do not fill."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*")) / MB


@dataclass(frozen=True)
class Model:
    """What an hour of the chain costs, linear in files ever seen and runs since an upkeep; from so many `hours`.

    `seconds` and `memory_mb` are a constant, a value for each thousand files, and one for each run; `furthest` is how
    far the seconds of a measured hour are from that, at most. Sizes are in MB.
    """

    hours: int
    seconds: list[float]
    memory_mb: list[float]
    furthest: float
    mb_a_file: float
    mb_a_run: float
    mb_a_run_since_upkeep: float
    warehouse_mb: list[float]

    @classmethod
    def of(cls, measured: Measured) -> "Model":
        """Fit it to the measured hours and points, by least squares."""
        hours = [hour for hour in measured.hours if hour.seen]  # the first one makes all tables
        terms = np.array([[1, hour.seen / 1000, hour.since] for hour in hours])
        walls = np.array([hour.wall for hour in hours])
        seconds = _fit(terms, walls)
        by_hours, last = measured.points[-2], measured.points[-1]
        held = np.array([[1, point.seen / 1000] for point in measured.points])
        return cls(
            hours=len(hours),
            seconds=seconds,
            memory_mb=_fit(terms, np.array([hour.peak_mb for hour in hours])),
            furthest=float(np.abs(terms @ seconds - walls).max()),
            mb_a_file=(last.after["bronze"] + last.after["tables"]) / last.seen,
            mb_a_run=last.after["runs"] / last.runs,
            mb_a_run_since_upkeep=(by_hours.before["tables"] - by_hours.after["tables"]) / by_hours.since,
            warehouse_mb=_fit(held, np.array([point.after["warehouse"] for point in measured.points])),
        )

    def hour(self, seen: float, since: float) -> float:
        """Return the seconds of a run over an hour's files."""
        return float(np.dot(self.seconds, [1, seen / 1000, since]))

    def memory(self, seen: float, since: float) -> float:
        """Return the most memory of such a run, in MB."""
        return float(np.dot(self.memory_mb, [1, seen / 1000, since]))

    def disk(self, seen: float, runs: float, since: float) -> float:
        """Return the MB of the lake and its warehouse."""
        tables = self.mb_a_file * seen + self.mb_a_run_since_upkeep * since
        return tables + self.mb_a_run * runs + float(np.dot(self.warehouse_mb, [1, seen / 1000]))


def _fit(terms: np.ndarray, values: np.ndarray) -> list[float]:
    return np.linalg.lstsq(terms, values, rcond=None)[0].tolist()


def page(measured: Measured) -> str:
    """Return the page: what was measured, and what follows from it for each month, here and on AWS."""
    model = Model.of(measured)
    parts = [*_measured(measured), *_months(model), *_on_aws()]
    return "\n\n".join(parts) + "\n"


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [names, ["---"] * len(names), *rows])


def _measured(measured: Measured) -> Iterator[str]:
    yield "# A year of a chain"
    yield f"""`make year` writes this page. Each of {chain.SHOPS} shops sends a file of {chain.ROWS} sales for each of
{chain.HOURS} hours a day; of a thousand files {chain.LATE} come a day late, {chain.TWICE} twice, and {chain.CORRECTED}
again with a missing sale. Each hour is one `vendas run` as it is typed, prompt to prompt."""
    yield "## Measured"
    yield f"{measured.when}, {measured.where}. Memory is what all processes hold, shared pages counted for each."
    names = ["files ever seen", "runs since the upkeep", "run of an hour", "… after the upkeep", "its memory"]
    names += ["`vendas status`", "`vendas maintain`", "tables", "… after it", "all on disk"]
    yield _table(names, (_point(point, measured.hours) for point in measured.points))


def _point(point: Point, hours: Sequence[Hour]) -> list[str]:
    just_before = point.seen - 2 * chain.FILES_AN_HOUR  # none, if a run over many hours led to the point
    before = [hour.wall for hour in hours if just_before < hour.seen < point.seen]
    after = [hour for hour in hours if hour.seen >= point.seen][:HOURS_AFTER_UPKEEP]
    return [
        f"{point.seen:,}",
        f"{point.since}",
        f"{before[-1]:.1f} s" if before else "",
        f"{np.median([hour.wall for hour in after]):.1f} s",
        f"{max(hour.peak_mb for hour in after):,.0f} MB",
        f"{point.status:.1f} s",
        f"{point.upkeep:.1f} s",
        f"{point.before['tables']:,.0f} MB",
        f"{point.after['tables']:,.0f} MB",
        f"{sum(point.after.values()):,.0f} MB",
    ]


def _months(model: Model) -> Iterator[str]:
    constant, a_thousand, a_run = model.seconds
    yield "## By month, on such a machine"
    yield f"""A run of an hour takes {constant:.1f} s, {a_thousand:+.3f} s for each thousand files ever seen, and
{a_run:+.3f} s for each run since the upkeep: least squares of {model.hours} measured hours, of which none is further
from that than {model.furthest:.1f} s. What lies beyond the last point is drawn on in a line. With an upkeep every
day, and without any:"""
    names = ["month", "files ever seen", "run, daily upkeep", "… none", "at work in the month", "… none", "memory"]
    yield _table([*names, "disk", "… none"], (_month(model, month) for month in range(1, MONTHS + 1)))


def _month(model: Model, month: int) -> list[str]:
    runs = month * RUNS_OF_MONTH
    seen, daily = runs * chain.FILES_AN_HOUR, chain.HOURS / 2
    seconds = [model.hour(seen, since) for since in (daily, runs)]
    return [
        f"{month}",
        f"{seen:,.0f}",
        *(f"{each:.0f} s" for each in seconds),
        *(f"{each * RUNS_OF_MONTH / 3600:.1f} h" for each in seconds),
        f"{model.memory(seen, daily) / 1000:.1f} GB",
        *(f"{model.disk(seen, runs, since) / 1000:.1f} GB" for since in (daily, runs)),
    ]


def _on_aws() -> Iterator[str]:
    yield "## By month, on AWS"
    yield f"""By the list prices in `lib/vendas/reports/prices.yaml`, and by requests as an emulator counts them, which
are as many however large the lake is ([test](../tests/aws/test_requests.py)). On paper are that a call of the function
takes {FUNCTION_SECONDS:g} s, and that each job and each load stay within the minute that is billed at least. What a
stack costs when no file comes, and storage, are [besides](../docs/aws.md#cost)."""
    rows = list(_services())
    together = ("together", "", sum(dollars for *_, dollars in rows))
    cells = ([name, quantity, f"{dollars:.2f}"] for name, quantity, dollars in [*rows, together])
    yield _table(["of a month", "quantity", "US$"], cells)


def _services() -> Iterator[tuple[str, str, float]]:
    """Yield what a month uses of each service: its name, how much, and US dollars."""
    price, runs = read_prices(), RUNS_OF_MONTH
    surveyed = SimpleNamespace(dialeto='{"blocks": []}')
    usage = Usage.of([price["minimum_seconds"]] * JOBS, DPUS, [surveyed] * round(chain.FILES_AN_HOUR))
    calls, gb_seconds = runs * chain.FILES_AN_HOUR, FUNCTION_SECONDS * FUNCTION_GB
    yield (
        "calls of the function",
        f"{calls:,.0f}",
        calls * (price["function_call"] + gb_seconds * price["function_gb_second"]),
    )
    of_jobs = usage.dpu_seconds / 3600 * price["dpu_hour"]
    yield "jobs", f"{runs * JOBS:,.0f} of a minute on {DPUS} DPUs", runs * of_jobs
    for what, requests in (("write", usage.writes), ("read", usage.reads)):
        yield f"requests to S3 that {what}", f"{runs * requests:,.0f}", runs * requests * price[f"{what}_request"]
    of_load = price["rpu_minimum_seconds"] * RPUS / 3600 * price["rpu_hour"]
    yield "Redshift", f"{runs:,.0f} loads of a minute on {RPUS} RPUs", runs * of_load


def main(words: list[str] | None = None) -> None:
    parser = ArgumentParser(prog="benchmarks.year", description="Measures three points of a chain's year.")
    parser.add_argument("--page", action="store_true", help="only write the page, from what was measured before")
    if not parser.parse_args(words).page:
        with tempfile.TemporaryDirectory() as folder:
            MEASURED.write_text(json.dumps(asdict(measure(Path(folder))), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(read_measured(MEASURED)), encoding="utf-8")


def read_measured(path: Path) -> Measured:
    """Return what was measured, from its file."""
    held = json.loads(path.read_text(encoding="utf-8"))
    hours, points = [Hour(**hour) for hour in held["hours"]], [Point(**point) for point in held["points"]]
    return Measured(held["when"], held["where"], hours, points)


if __name__ == "__main__":
    main()

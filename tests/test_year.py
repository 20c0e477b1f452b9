"""The year of a chain: its files, the model of what they cost, and its page."""

import csv
from dataclasses import replace

import pytest

from benchmarks import chain, year
from benchmarks.pipeline_run import PipelineRun
from benchmarks.processes import Cost
from vendas.landing.arrivals import is_sales_file

pytestmark = pytest.mark.slow

SECONDS = [10, 0.05, 0.02]  # of a run, for each thousand files, for each run since the upkeep


def test_each_shop_sends_each_hour_some_late_twice_or_corrected(tmp_path, monkeypatch):
    monkeypatch.setattr(chain, "HOURS", 4)
    hours = 2 * chain.HOURS
    by_hour = [chain.drop_hours(range(hour, hour + 1), tmp_path / str(hour)) for hour in range(hours)]
    names = [{path.name for path in (tmp_path / str(hour)).iterdir()} for hour in range(hours)]
    assert [len(each) for each in names] == by_hour and all(map(is_sales_file, set().union(*names)))
    late, again, corrected = set(), set(), set()
    for hour in range(chain.HOURS):
        expected = {chain._name(hour, shop) for shop in range(chain.SHOPS)}
        of_hour = names[hour] & expected
        late |= (expected - of_hour) & names[hour + chain.HOURS]
        assert of_hour | late >= expected
        again |= {name for name in names[hour + 1] if name.replace("_1.csv", ".csv") in of_hour}
        for name in {name for name in names[hour + chain.HOURS] if name.replace("_2.csv", ".csv") in of_hour}:
            paths = tmp_path / str(hour) / name.replace("_2.csv", ".csv"), tmp_path / str(hour + chain.HOURS) / name
            was, became = (list(csv.DictReader(path.open(encoding="utf-8"))) for path in paths)
            assert became[:-1] == was and len(became) == chain.ROWS
            corrected.add(name)
    sent = chain.SHOPS * chain.HOURS / 1000
    assert len(late) == pytest.approx(chain.LATE * sent, rel=0.6)
    assert len(again) == pytest.approx(chain.TWICE * sent, rel=0.6)
    assert len(corrected) == pytest.approx(chain.CORRECTED * sent, rel=0.6)


def test_sales_are_of_their_hour(tmp_path):
    chain.drop_hours(range(chain.HOURS + 1, chain.HOURS + 2), tmp_path)
    rows = [row for path in tmp_path.glob("*2025010310.csv") for row in csv.DictReader(path.open())]
    assert len(rows) > 5000 and {row["Timestamp do Registro"][:13] for row in rows} == {"2025-01-03 10"}


POINTS = (30, 100, 300)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Return what is measured where a run costs as SECONDS says."""
    folder = tmp_path_factory.mktemp("chain")
    lake = folder / "lago"

    def run(settings):
        files = sorted(settings.landing.iterdir())
        for number, folder in enumerate(("bronze", "runs", *year.TABLES, "dw")):
            (lake / folder).mkdir(exist_ok=True)
            (lake / folder / f"{files[0].name}.{number}").write_bytes(bytes(4096))
        for file in files:
            file.unlink()
        made = counted.copy()
        counted["seen"], counted["since"] = counted["seen"] + len(files), counted["since"] + 1
        wall = SECONDS[0] + SECONDS[1] * made["seen"] / 1000 + SECONDS[2] * made["since"]
        return PipelineRun(Cost(wall, wall), {}, 1_000_000_000 + made["seen"], 0, "run", {})

    def cost_of(command, folder):
        if "maintain" in command:
            counted["since"] = 0
        return Cost(2.0, 2.0)

    counted = {"seen": 0, "since": 0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain, "SHOPS", 10)
        patch.setattr(year, "HOURS_AT_ONCE", 10)
        patch.setattr(year, "run", run)
        patch.setattr(year, "cost_of", cost_of)
        patch.setattr(year.time, "sleep", lambda seconds: None)
        return year.measure(folder, POINTS)


def test_the_model_is_what_was_measured(measured):
    assert [point.seen >= least for point, least in zip(measured.points, POINTS, strict=True)] == [True] * 3
    model = year.Model.of(measured)
    assert model.seconds == pytest.approx(SECONDS) and model.furthest == pytest.approx(0, abs=1e-9)
    assert model.hour(1_000_000, 6) == pytest.approx(60.12) and model.memory(2_000_000, 6) == pytest.approx(1002)
    assert model.hours == len(measured.hours) - 1


def test_the_first_hour_which_makes_all_tables_is_not_in_the_model(measured):
    first, *others = measured.hours
    slow = replace(measured, hours=[replace(first, wall=99), *others])
    assert year.Model.of(slow) == year.Model.of(measured)


def test_the_page_has_a_row_for_each_point_and_month(measured):
    lines = year.page(measured).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert [row[0] for row in rows if row[0].isdigit()][-12:] == [str(month) for month in range(1, 13)]
    december = next(row for row in rows if row[0] == "12")
    seen = 12 * year.RUNS_OF_MONTH * chain.FILES_AN_HOUR
    assert december[1:3] == [f"{seen:,.0f}", f"{SECONDS[0] + SECONDS[1] * seen / 1000 + SECONDS[2] * 6:.0f} s"]
    together = next(row for row in rows if row[0] == "together")
    assert float(together[2]) == pytest.approx(
        sum(float(row[2]) for row in rows[rows.index(together) - 5 : rows.index(together)]), abs=0.03
    )


def test_the_page_that_is_kept_is_of_what_was_measured():
    assert year.PAGE.read_text(encoding="utf-8") == year.page(year.read_measured(year.MEASURED))

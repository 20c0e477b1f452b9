"""Four notebooks over a lake where nothing is new: one JVM for all of them, against a JVM for each.

Prints seconds (minimum and median over the rounds), and the ratio of the two ways. The start of the one JVM, with
its Spark session, is not counted; the start of each of the four is what the other way costs.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vendas.embedded import stop
from vendas.pipeline import Progress, run_notebooks, run_pipeline
from vendas.sample import write_sample
from vendas.settings import Settings, load_settings
from vendas.spark import gateway_environment

ROUNDS = 3
OPEN_SESSION = """
import sys
from vendas.settings import load_settings
from vendas.spark import session

session(load_settings(lake=sys.argv[1]))
"""


def in_one_jvm(settings: Settings, folder: Path) -> float:
    """Seconds for the notebooks, from the moment their common JVM has its Spark session."""
    with gateway_environment(settings, folder / "spark.log") as environment:
        subprocess.run([sys.executable, "-c", OPEN_SESSION, settings.lake], env=os.environ | environment, check=True)
        begun = time.monotonic()
        list(run_notebooks(settings, folder, environment, Progress()))
        return time.monotonic() - begun


def in_a_jvm_each(settings: Settings, folder: Path) -> float:
    """Seconds for the same notebooks as papermill alone would run them: each starts a JVM."""
    begun = time.monotonic()
    list(run_notebooks(settings, folder, {}, Progress()))
    return time.monotonic() - begun


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        settings = load_settings(lake=Path(temporary) / "lago")
        write_sample(1000, settings.landing)
        run_pipeline(settings, Progress())
        seconds: dict[str, list[float]] = {"one JVM": [], "a JVM each": []}
        for number in range(ROUNDS):
            seconds["one JVM"].append(in_one_jvm(settings, settings.runs / f"one-{number}"))
            seconds["a JVM each"].append(in_a_jvm_each(settings, settings.runs / f"each-{number}"))
        stop(settings.dw)
    for name, values in seconds.items():
        print(f"{name:<12} min {min(values):5.1f} s   median {statistics.median(values):5.1f} s")
    pairs = [one / each for one, each in zip(*seconds.values(), strict=True)]
    print(f"{'ratio':<12} min {min(pairs):5.2f}     median {statistics.median(pairs):5.2f}")


if __name__ == "__main__":
    sys.exit(main())

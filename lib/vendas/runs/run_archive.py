"""The runs of a lake in S3: executed notebooks and pages, which are on the job's machine only while a job works.

Each run has a folder. A summary of each run is kept separately, under a name that sorts by time, so that the list of
all runs can be made without a look into every folder.
"""

import mimetypes
from pathlib import Path

from vendas.landing.s3_objects import list_objects
from vendas.reports.report import SUMMARY, Summary
from vendas.storage import S3Path, client
from vendas.tuning import RUNS_LISTED

SUMMARIES = "_resumos"
_LIST = "index.html"


def fetch(runs: S3Path, run_id: str, folder: Path) -> None:
    """Download into `folder` what earlier jobs of the run have stored, and beside it summaries of the newest runs."""
    folder.mkdir()
    for found in list_objects(client("s3"), runs / run_id):
        _download(found, folder / found.name)
    newest = sorted(list_objects(client("s3"), runs / SUMMARIES), key=lambda found: found.name, reverse=True)
    for found in newest[:RUNS_LISTED]:
        other = folder.parent / Path(found.name).stem.partition("_")[2]
        if other != folder:
            other.mkdir(exist_ok=True)
            _download(found, other / SUMMARY)


def store(folder: Path, runs: S3Path) -> None:
    """Upload all files of the folder, the run's summary, and the list of runs beside the folder."""
    for path in folder.iterdir():
        _upload(path, runs / folder.name / path.name)
    if summary := Summary.read(folder / SUMMARY):
        _upload(folder / SUMMARY, runs / SUMMARIES / f"{summary.begun:%Y%m%dT%H%M%SZ}_{folder.name}.json")
    if (folder.parent / _LIST).exists():
        _upload(folder.parent / _LIST, runs / _LIST)


def _download(found: S3Path, path: Path) -> None:
    client("s3").download_file(found.bucket, found.key, str(path))


def _upload(path: Path, target: S3Path) -> None:
    kind = mimetypes.guess_type(path.name)[0] or "text/plain"
    client("s3").upload_file(str(path), target.bucket, target.key, ExtraArgs={"ContentType": kind})

"""The preflight of a stack as its job runs it: checks, where stages run, each thing that a stage needs."""

import json
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

from py4j.protocol import Py4JJavaError

from vendas.doctor import job_probes, warehouse_probes
from vendas.doctor.findings import Finding, findings_as_json
from vendas.errors import ProbeFailed, without_java_frames
from vendas.lake.workers import SparkWorkers
from vendas.landing.s3_objects import PREFLIGHT_FOLDER
from vendas.settings import Settings
from vendas.storage import S3Path, as_s3
from vendas.warehouse.endpoint import Endpoint
from vendas.warehouse.load import endpoint_of

LONGEST_MESSAGE = 2000  # characters

_DEPLOY = "Deploy again: make deploy brings the jobs' arguments and modules up to date."
_PINS = (
    "Look which version of Glue the stack's jobs have (GlueVersion in workflow/template.yaml: 5.1), and that "
    "--additional-python-modules names the archive that make deploy uploaded last."
)
_PLACES = "See which of them cannot be written to, and why (is the disk full?): the job's log has more."
_NOTEBOOK = "See the job's log, /aws-glue/STACK/error: every stage would fail in the same way."
_LAKE = (
    "Look at the policies of the job's role and of the bucket (KMS key, VPC endpoint), at the Glue database and at "
    "what Lake Formation lets the role do: docs/aws.md, Lake Formation."
)
_WAREHOUSE = (
    "Look at the connection's subnet, security group (port 5439) and zone, at the secret's host, user and password, "
    "and whether the workgroup is there: docs/aws.md, Preflight."
)
_COPY = "Attach the copy role to the warehouse, and let it read staging/ of the lake (and use the bucket's KMS key)."
_SQL = "The warehouse does not take the project's SQL as it is: no load would commit. Report it with this text."


class Probe(NamedTuple):
    """A check of one thing, the remedy if it fails, and the name of the probe whose failure would make it fail, too."""

    at: Callable[[], str]
    remedy: str
    needs: str = ""


class Preflight:
    """The probes of one stack that run inside it; each yields a finding, even if others fail."""

    def __init__(self, settings: Settings, region: str | None):
        self._settings, self._region = settings, region

    @cached_property
    def _workers(self) -> SparkWorkers:
        return SparkWorkers(self._settings)

    @cached_property
    def _endpoint(self) -> Endpoint:
        return endpoint_of(self._settings)

    def looks(self) -> dict[str, Probe]:
        """Return the probes by name, in the order in which a run needs these things."""
        settings, region = self._settings, self._region or "the region of --aws_region, which the job is not given"
        spark, endpoint, staging = lambda: self._workers.spark, lambda: self._endpoint, lambda: as_s3(settings.staging)
        return {
            "Spark": Probe(lambda: job_probes.versions(spark()), _PINS),
            "Python modules": Probe(job_probes.modules, _PINS),
            "Python modules of workers": Probe(lambda: job_probes.modules_of_workers(spark()), _PINS),
            "Paths": Probe(job_probes.places, _PLACES),
            "Region of the driver": Probe(lambda: job_probes.region_of_driver(spark(), region), _DEPLOY),
            "Region of workers": Probe(lambda: job_probes.region_of_workers(spark(), region), _DEPLOY),
            "Notebook": Probe(lambda: job_probes.kernel(settings), _NOTEBOOK),
            "Catalog": Probe(lambda: job_probes.catalog(settings.lake), _LAKE),
            "Staging": Probe(lambda: job_probes.staging(spark(), staging()), _LAKE),
            "Warehouse": Probe(lambda: warehouse_probes.connect(self._workers, endpoint()), _WAREHOUSE),
            "SQL": Probe(lambda: warehouse_probes.explain(self._workers, endpoint()), _SQL, "Warehouse"),
            "COPY": Probe(lambda: warehouse_probes.copy(self._workers, endpoint(), staging()), _COPY, "Warehouse"),
        }

    def findings(self) -> list[Finding]:
        """Run all probes, but skip those that need a failed one; return a finding for each."""
        findings: dict[str, Finding] = {}
        for what, look in self.looks().items():
            if look.needs and not findings[look.needs].ok:
                findings[what] = Finding(what, False, "not looked at", f"Mend {look.needs} first, and look again.")
            else:
                findings[what] = run_probe(what, look)
        return list(findings.values())


def run_probe(what: str, look: Probe) -> Finding:
    """Run a probe and return its finding; if the probe raises, the finding has the error."""
    try:
        return Finding(what, True, look.at())
    except Exception as error:  # services, drivers and Java fail in more ways than can be listed
        return Finding(what, False, _said(error)[:LONGEST_MESSAGE], look.remedy)


def _said(error: Exception) -> str:
    """Return the message of an error without the stack traces of Java and of Spark's Python workers."""
    if isinstance(error, ProbeFailed):
        return str(error)
    if not isinstance(error, Py4JJavaError):
        return without_java_frames(f"{type(error).__name__}: {error}")
    said = without_java_frames(str(error.java_exception.toString()))
    _, traceback, raised = said.rpartition("Traceback (most recent call last):\n")
    if traceback:
        return next((line for line in raised.splitlines() if line and not line[0].isspace()), said)
    return said


def result_path(lake: S3Path, name: str) -> S3Path:
    """Return the path of the result of the preflight with this name."""
    return lake / "runs" / PREFLIGHT_FOLDER / f"{name}.json"


def run_preflight(settings: Settings, name: str, region: str | None) -> None:
    """Run all probes, print the findings as JSON, and write them below the lake's runs for `vendas doctor` to read."""
    document = json.dumps(findings_as_json(Preflight(settings, region).findings()), ensure_ascii=False)
    print(document, flush=True)
    result_path(as_s3(settings.lake), name).write_bytes(document.encode())

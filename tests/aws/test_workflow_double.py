"""The rules of the workflow double, with the template's triggers and jobs that only record that they ran."""

import boto3
import pytest

from helpers.stack import Stack
from helpers.workflow_double import ConcurrentRunsExceeded, JobRun, WorkflowDouble

JOBS = ["BronzeJob", "SilverJob", "GoldJob", "WarehouseJob"]


class Jobs:
    """Records jobs instead of executing them; `failing` jobs fail, and `during` is called while a job runs."""

    def __init__(self):
        self.failing, self.during, self.given = set(), {}, {}

    def __call__(self, job, arguments):
        self.given[job] = dict(zip(arguments[::2], arguments[1::2], strict=True))
        self.during.pop(job, lambda: None)()
        return JobRun("FAILED" if job in self.failing else "SUCCEEDED")


@pytest.fixture
def jobs():
    return Jobs()


@pytest.fixture
def workflow(aws, jobs):
    made = WorkflowDouble(Stack(ArtifactsBucket="artefatos", JobModules="x.gluewheels.zip", JobScript="x.py"), jobs)
    glue = boto3.client("glue")
    glue.create_workflow(Name=made.name)
    yield made
    glue.delete_workflow(Name=made.name)


def test_each_job_starts_when_the_one_before_has_succeeded(workflow, jobs):
    assert list(workflow.start()) == JOBS
    notebooks = [jobs.given[job]["--notebook"] for job in JOBS]
    assert notebooks == ["01_bronze", "02_silver", "03_gold", "04_dw"]


@pytest.mark.parametrize("failing", JOBS)
def test_a_job_that_fails_holds_up_all_that_wait_for_it(workflow, jobs, failing):
    jobs.failing = {failing}
    done = workflow.start()
    assert list(done) == JOBS[: JOBS.index(failing) + 1] and done[failing].state == "FAILED"


def test_all_jobs_of_a_run_know_it_and_its_properties(workflow, jobs):
    workflow.start(undo='["x.csv"]')
    (run_id,) = {given["--WORKFLOW_RUN_ID"] for given in jobs.given.values()}
    asked = boto3.client("glue").get_workflow_run_properties(Name=workflow.name, RunId=run_id)
    assert asked["RunProperties"] == {"undo": '["x.csv"]'}


@pytest.mark.parametrize("job", JOBS)
def test_no_second_run_goes_beside_one(workflow, jobs, job):
    jobs.during[job] = workflow.start
    with pytest.raises(ConcurrentRunsExceeded):
        workflow.start()
    assert list(workflow.start()) == JOBS


def test_no_job_goes_beside_itself(workflow, jobs):
    jobs.during["GoldJob"] = lambda: workflow.run_job("GoldJob", "by hand")
    with pytest.raises(ConcurrentRunsExceeded):
        workflow.start()


@pytest.mark.parametrize(("logical", "fires"), [("AND", False), ("ANY", True)])
def test_a_predicate_of_two_jobs(workflow, logical, fires):
    conditions = workflow.triggers["SilverDoneTrigger"]["Predicate"]["Conditions"]
    two = [*conditions, workflow.triggers["GoldDoneTrigger"]["Predicate"]["Conditions"][0]]
    trigger = {"Type": "CONDITIONAL", "Predicate": {"Logical": logical, "Conditions": two}}
    assert workflow._fires(trigger, {"SilverJob": JobRun("SUCCEEDED"), "GoldJob": JobRun("FAILED")}) is fires

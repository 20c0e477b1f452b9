"""A double of the template's Glue workflow: its triggers start its jobs as processes on this machine.

The emulator has runs of a workflow and their properties, but starts no jobs. This double starts them as Glue does: a
trigger fires once when its predicate holds, a failed job blocks triggers that wait for its success, and no more runs or
jobs are active at a time than the template allows.
"""

import json
from collections import Counter
from dataclasses import dataclass, field

import boto3


class ConcurrentRunsExceeded(Exception):
    pass


@dataclass
class JobRun:
    """The result of a job: its state `SUCCEEDED` or `FAILED`, and its output."""

    state: str
    said: str = ""
    error: str = ""


@dataclass
class WorkflowDouble:
    """Runs the template's workflow; `execute` gets a job's logical name and command line, and returns its JobRun."""

    stack: object
    execute: object
    running: Counter = field(default_factory=Counter)

    def __post_init__(self):
        self.jobs = self.stack.resources("AWS::Glue::Job")
        self.triggers = self.stack.resources("AWS::Glue::Trigger")
        ((logical, workflow),) = self.stack.resources("AWS::Glue::Workflow").items()
        self.name, self._at_most = self.stack.name(logical), workflow["MaxConcurrentRuns"]
        self._logical = {self.stack.name(job): job for job in self.jobs}

    def start(self, **properties):
        """Start a run with these properties, execute its jobs, and return their results."""
        return self.follow(boto3.client("glue").start_workflow_run(Name=self.name, RunProperties=properties)["RunId"])

    def follow(self, run_id):
        """Execute the jobs of a started run; return the result of each by its logical name, in order."""
        self._take(self.name, self._at_most)
        done: dict[str, JobRun] = {}
        fired = set()
        try:
            while ready := [t for t in self.triggers if t not in fired and self._fires(self.triggers[t], done)]:
                for trigger in ready:
                    fired.add(trigger)
                    for action in self.triggers[trigger]["Actions"]:
                        job = self._logical[action["JobName"]]
                        done[job] = self.run_job(job, run_id, **action.get("Arguments", {}))
        finally:
            self.running[self.name] -= 1
        return done

    def _fires(self, trigger, done):
        if trigger["Type"] == "ON_DEMAND":
            return True
        conditions = trigger["Predicate"]["Conditions"]
        states = [done.get(self._logical[c["JobName"]], JobRun("")).state == c["State"] for c in conditions]
        return (any if trigger["Predicate"].get("Logical") == "ANY" else all)(states)

    def run_job(self, job, run_id, **arguments):
        """Execute one job of a run and return its result."""
        properties = self.jobs[job]
        self._take(job, properties["ExecutionProperty"]["MaxConcurrentRuns"])
        try:
            given = properties["DefaultArguments"] | arguments
            given |= {"--JOB_NAME": self.stack.name(job), "--JOB_RUN_ID": f"jr_{job}"}
            given |= {"--WORKFLOW_NAME": self.name, "--WORKFLOW_RUN_ID": run_id}
            return self.execute(job, [part for pair in given.items() for part in map(str, pair)])
        finally:
            self.running[job] -= 1

    def _take(self, what, at_most):
        if self.running[what] >= at_most:
            raise ConcurrentRunsExceeded(what)
        self.running[what] += 1


def metrics_of(said):
    """Return the metrics in a job's output, as CloudWatch extracts them: value by (stage, name)."""
    found = {}
    for line in said.splitlines():
        if '"_aws"' in line:
            told = json.loads(line)
            for declared in told["_aws"]["CloudWatchMetrics"]:
                for metric in declared["Metrics"]:
                    found[told.get("stage"), metric["Name"]] = told[metric["Name"]]
    return found

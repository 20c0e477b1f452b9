"""Which notebook follows which, read from the triggers of workflow/template.yaml: the definition that AWS runs too."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from vendas.errors import VendasError


@dataclass(frozen=True)
class Trigger:
    """Starts jobs (logical names) once all jobs it waits for have succeeded; one that waits for none starts the run."""

    waits_for: frozenset[str]
    starts: tuple[str, ...]


def notebooks_in_order(template: Path) -> list[str]:
    """Names of the notebooks, without ending, in the order in which the template's triggers start their jobs.

    Jobs without a notebook are no stages of a run.

    Raises VendasError when a job of the template is started by no trigger.
    """
    resources = yaml.safe_load(template.read_text(encoding="utf-8"))["Resources"]
    jobs = {
        name: resource["Properties"]["DefaultArguments"]["--notebook"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Glue::Job" and "--notebook" in resource["Properties"]["DefaultArguments"]
    }
    triggers = [_trigger(r["Properties"]) for r in resources.values() if r["Type"] == "AWS::Glue::Trigger"]
    done: list[str] = []
    while fired := [job for t in triggers if t.waits_for <= set(done) for job in t.starts if job not in done]:
        done.extend(dict.fromkeys(fired))
    if unreached := jobs.keys() - set(done):
        raise VendasError(f"{template} starts these jobs by no trigger: {', '.join(sorted(unreached))}.")
    return [jobs[job] for job in done]


def _trigger(properties: dict) -> Trigger:
    conditions = properties.get("Predicate", {}).get("Conditions", [])
    return Trigger(
        frozenset(condition["JobName"]["Ref"] for condition in conditions),
        tuple(action["JobName"]["Ref"] for action in properties["Actions"]),
    )

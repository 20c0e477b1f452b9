import pytest
import yaml

from vendas import resources
from vendas.errors import VendasError
from vendas.runs.workflow import notebooks_in_order

TEMPLATE = resources.folder("workflow") / "template.yaml"


def test_the_projects_workflow_runs_every_stage_in_order():
    assert notebooks_in_order(TEMPLATE) == ["01_bronze", "02_silver", "03_gold", "04_dw"]


def test_every_job_has_its_notebook():
    names = {path.stem for path in resources.folder("notebooks").glob("*.ipynb")}
    assert set(notebooks_in_order(TEMPLATE)) <= names


def write(path, triggers, jobs):
    resources = {
        job: {"Type": "AWS::Glue::Job", "Properties": {"DefaultArguments": {"--notebook": job.lower()}}} for job in jobs
    }
    for number, (waits_for, starts) in enumerate(triggers):
        conditions = [{"JobName": {"Ref": job}, "State": "SUCCEEDED"} for job in waits_for]
        properties = {"Actions": [{"JobName": {"Ref": starts}}], "Predicate": {"Conditions": conditions}}
        resources[f"Trigger{number}"] = {"Type": "AWS::Glue::Trigger", "Properties": properties}
    path.write_text(yaml.safe_dump({"Resources": resources}))
    return path


def test_the_triggers_decide_not_the_order_in_the_file(tmp_path):
    template = write(tmp_path / "t.yaml", [(["B"], "A"), (["C"], "B"), ([], "C")], "ABC")
    assert notebooks_in_order(template) == ["c", "b", "a"]


def test_a_job_waits_for_all_it_depends_on(tmp_path):
    template = write(tmp_path / "t.yaml", [([], "A"), (["A", "B"], "C"), (["A"], "B")], "ABC")
    assert notebooks_in_order(template) == ["a", "b", "c"]


def test_a_job_that_nothing_starts_is_an_error(tmp_path):
    template = write(tmp_path / "t.yaml", [([], "A"), (["C"], "B"), (["B"], "C")], "ABC")
    with pytest.raises(VendasError, match="by no trigger: B, C"):
        notebooks_in_order(template)

"""docs/aws.md on the stack: the real awscli accepts its commands, and the template has its names."""

import json
import re
from types import SimpleNamespace

import pytest
from awscli.clidriver import create_clidriver

from helpers.stack import Stack
from test_project import ROOT
from test_readme import TEXT, shell_commands
from vendas.doctor import preflight
from vendas.doctor.preflight_job import Preflight

PAGE = TEXT["aws.md"]
STACK = Stack(ArtifactsBucket="artifacts", JobModules="vendas/vendas.gluewheels.zip", JobScript="vendas/glue_job.py")
OUTPUTS = STACK._template["Outputs"]
COMMANDS = [words[1:] for words in shell_commands("aws.md") if words[0] == "aws"]
WORDS_OF_AWS = {
    *("IAMAllowedPrincipals", "Super", "DESCRIBE", "SELECT"),
    *("CreateDatabaseDefaultPermissions", "CreateTableDefaultPermissions"),
    *("SweepRole", "RefreshRole", "UpkeepScheduleRole"),  # roles of the template
}
HIGH_LEVEL = {"s3": {"cp": 2, "ls": 1, "mb": 1}}  # commands with positional arguments, and their number


@pytest.fixture(scope="module")
def driver():
    """Return awscli itself, whose start takes most of a second."""
    return create_clidriver()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_awscli_takes_the_command(aws, driver, words):
    if words[0] in HIGH_LEVEL:
        places = [word for word in words[2:] if not word.startswith("--")]
        assert len(places) == HIGH_LEVEL[words[0]][words[1]]
        assert any(place.startswith("s3://") for place in places)
        return
    asked = []

    def answer(params, **_):
        """Answer in place of AWS, after botocore has validated the request against the service's model."""
        asked.append(params)
        return SimpleNamespace(status_code=200), {}

    driver.session.register("before-call", answer)
    try:
        assert driver.main(words) == 0 and len(asked) == 1
    finally:
        driver.session.unregister("before-call", answer)


def test_run_properties_are_lists_that_a_job_understands():
    from vendas.runs.job import read_corrections

    given = [json.loads(words[-1]) for words in COMMANDS if "--run-properties" in words]
    understood = [{name for name, files in read_corrections(properties).items() if files} for properties in given]
    assert understood == [{"undo"}, {"replay"}]


def test_every_parameter_and_alarm_it_names_is_there():
    parameters = set(re.findall(r"`([A-Z]\w+)`", PAGE)) - {"PARAMS", "LANDING", "LAKE"}
    named = {*STACK._template["Parameters"], *OUTPUTS}
    exceptions = {name for name in parameters if name.endswith("Exception") or name.startswith("VENDAS_")}
    assert parameters - exceptions - {"AWS_PROFILE"} - WORDS_OF_AWS <= named
    given = re.findall(r"PARAMS=\"(\w+)=", PAGE)
    assert given and set(given) <= named
    alarms = {alarm["AlarmName"].removeprefix("loja-") for alarm in STACK.resources("AWS::CloudWatch::Alarm").values()}
    assert set(re.findall(r"`vendas-([A-Z]\w+)`", PAGE)) == alarms


def test_defaults_are_as_it_says():
    told = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", PAGE, re.MULTILINE)
    assert told and [(name, STACK.parameters[name]) for name, _ in told] == told


def test_placeholders_are_what_make_deploy_prints():
    used = {word for words in COMMANDS for word in re.findall(r"\b[A-Z]{4,}\b", " ".join(words))}
    printed = {name.upper().removesuffix("BUCKET") for name in OUTPUTS} | {"SECRET"}
    others = {"BUCKET", "NAMESPACE", "ERROR"}  # of the reader; printed by make undeploy; a word in logs
    others |= {"ROLE", "TABLE", "DESCRIBE"}  # chosen by the reader from the stack; a word of Lake Formation
    assert used - printed == others


def test_what_the_preflight_advises_to_read_is_there():
    advice = [look.remedy for look in Preflight(None, None).looks().values()] + [preflight._JOB, preflight._FUNCTION]
    named = {section for text in advice for section in re.findall(r"docs/aws\.md, (.+?)\.", text)}
    assert {"Preflight", "Lake Formation"} <= named <= set(re.findall(r"^## (.+)$", PAGE, re.MULTILINE))


def test_log_groups_are_as_it_says():
    groups = {log["LogGroupName"].replace("loja", "vendas") for log in STACK.resources("AWS::Logs::LogGroup").values()}
    assert {group for group in groups if f"`{group}`" in PAGE} == groups


def test_the_scripts_are_what_it_and_make_call():
    assert all((ROOT / "workflow" / name).stat().st_mode & 0o111 for name in ("deploy", "undeploy"))

"""Checks of workflow/template.yaml without an account: two linters, and that it fits this project."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.stack import TEMPLATE, Stack, parse
from test_project import ROOT
from vendas import resources
from vendas.results import StageResult
from vendas.runs import job
from vendas.runs.lake_notebooks import NOTEBOOKS
from vendas.settings import Settings
from vendas.tuning import SNAPSHOTS_KEPT_HOURS, SNAPSHOTS_KEPT_MIN_HOURS

TEXT = TEMPLATE.read_text(encoding="utf-8")
GIVEN = {
    "ArtifactsBucket": "artifacts",
    "JobModules": "vendas/vendas.gluewheels.zip",
    "JobScript": "vendas/glue_job.py",
}
WAREHOUSE = {
    "WarehouseSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:dw",
    "WarehouseCopyRoleArn": "arn:aws:iam::123456789012:role/copy",
}
WITHOUT_SECRET = "With a role, workgroup or cluster of an existing warehouse give WarehouseSecretArn, too"
NETWORK = {"VpcId": "vpc-0a1b2c3d", "SubnetIds": "subnet-0a1b2c3d,subnet-1a1b2c3d,subnet-2a1b2c3d"}
OF_GLUE = re.compile(r"additional-.+|python-.+|job-bookmark-option|custom-.+|enable-.+")
OF_THE_SCRIPT = {
    *("notebook", "preflight", "upkeep", "erasures", "erasure_job", "aws_region", "worker_type", "workers"),
}


@pytest.fixture(scope="module")
def stack():
    return Stack(**GIVEN)


# --- linters


@pytest.mark.slow
def test_cfn_lint_finds_nothing():
    done = subprocess.run([Path(sys.executable).with_name("cfn-lint"), TEMPLATE], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_checkov_finds_nothing_that_is_not_answered():
    if "CHECKOV" not in os.environ:
        pytest.skip("checkov is in an environment of its own: `make test` sets it up and says where")
    options = ["--framework", "cloudformation", "--skip-download", "--output", "json"]
    done = subprocess.run([ROOT / os.environ["CHECKOV"], "--file", TEMPLATE, *options], capture_output=True, text=True)
    results = json.loads(done.stdout)["results"]
    assert [(check["check_id"], check["resource"]) for check in results["failed_checks"]] == []
    assert all(check["check_result"]["suppress_comment"] for check in results["skipped_checks"])
    assert results["passed_checks"] and not results["parsing_errors"]


@pytest.mark.parametrize("what", ["ignore_checks:", 'Resource: "*"'])
def test_what_is_let_through_has_its_reason_beside_it(what):
    lines = [line for line in TEXT.splitlines() if what in line]
    assert lines and [line for line in lines if "  # " not in line] == []


# --- what the code expects


def started_in_order(stack):
    """Return the jobs' notebooks in the order in which the triggers start them, and the notebooks of all jobs."""
    jobs = {stack.name(job): told["DefaultArguments"] for job, told in stack.resources("AWS::Glue::Job").items()}
    triggers = [
        (
            {condition["JobName"] for condition in trigger.get("Predicate", {}).get("Conditions", [])},
            [action["JobName"] for action in trigger["Actions"]],
        )
        for trigger in stack.resources("AWS::Glue::Trigger").values()
    ]
    done = []
    while fired := [job for waits, starts in triggers if waits <= set(done) for job in starts if job not in done]:
        done += fired
    return [jobs[job]["--notebook"] for job in done], {told.get("--notebook") for told in jobs.values()} - {None}


def test_the_triggers_start_the_notebooks_in_the_order_of_a_run_here(stack):
    assert started_in_order(stack) == (list(NOTEBOOKS), set(NOTEBOOKS))


def test_the_triggers_decide_not_their_order_in_the_template(stack, tmp_path):
    template = parse(TEXT)
    reversed_order = dict(reversed(template["Resources"].items()))
    (tmp_path / "t.yaml").write_text(json.dumps(template | {"Resources": reversed_order}))
    assert started_in_order(Stack(tmp_path / "t.yaml", **GIVEN)) == started_in_order(stack)


def test_every_stage_has_its_notebook():
    assert set(NOTEBOOKS) < {path.stem for path in resources.folder("notebooks").glob("*.ipynb")}


def test_jobs_are_told_what_the_script_and_the_settings_know(stack):
    known = OF_THE_SCRIPT | Settings.model_fields.keys()
    jobs = stack.resources("AWS::Glue::Job")
    told = {name.removeprefix("--") for properties in jobs.values() for name in properties["DefaultArguments"]}
    assert {name for name in told if not OF_GLUE.fullmatch(name)} <= known
    assert told >= OF_THE_SCRIPT | {"lake", "landing", "glue_database"}


def test_every_job_is_told_the_stacks_region(stack):
    jobs = stack.resources("AWS::Glue::Job").values()
    assert {properties["DefaultArguments"].get("--aws_region") for properties in jobs} == {"us-east-1"}


def test_jobs_are_glue_5_1(stack):
    assert {properties["GlueVersion"] for properties in stack.resources("AWS::Glue::Job").values()} == {"5.1"}


def test_alarms_and_dashboard_look_at_metrics_that_jobs_write(stack, capsys):
    for stage in ("bronze", "silver"):
        job._measure(StageResult(stage=stage, run_id="r", files=()), 1.0)
    job._count_pending([])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    written = {
        (metric["Name"], *sorted((name, line[name]) for name in declared["Dimensions"][0]))
        for line in told
        for declared in line["_aws"]["CloudWatchMetrics"]
        for metric in declared["Metrics"]
    }
    watched = [
        (metric["MetricName"], *sorted((d["Name"], d["Value"]) for d in metric["Dimensions"]))
        for alarm in stack.resources("AWS::CloudWatch::Alarm").values()
        for metric in _metrics(alarm)
        if metric["Namespace"] == job.NAMESPACE
    ]
    shown = [
        (name, *sorted(zip(rest[::2], rest[1::2], strict=False)))
        for widget in json.loads(stack.properties("Dashboard")["DashboardBody"])["widgets"]
        for namespace, name, *rest in [[word for word in m if isinstance(word, str)] for m in _lists(widget)]
        if namespace == job.NAMESPACE and "chegada" not in rest
    ]
    assert len(watched) == 4 and len(shown) == 5
    assert {*watched, *shown} <= written


def _metrics(alarm):
    return [metric["MetricStat"]["Metric"] for metric in alarm.get("Metrics", []) if "MetricStat" in metric] or [alarm]


def _lists(widget):
    return [metric for metric in widget["properties"]["metrics"] if isinstance(metric[0], str)]


# --- operation


def test_events_are_hidden_six_times_as_long_as_they_may_take(stack):
    function = stack.properties("ArrivalFunction")
    assert stack.properties("ArrivalQueue")["VisibilityTimeout"] >= 6 * function["Timeout"]
    reserved = Stack(**GIVEN, ArrivalConcurrency=5).properties("ArrivalFunction")["ReservedConcurrentExecutions"]
    assert stack.properties("ArrivalMapping")["ScalingConfig"]["MaximumConcurrency"] < reserved
    assert "ReservedConcurrentExecutions" not in function  # a new account has a quota of 10, so it cannot reserve any


def test_every_log_ends_and_every_alarm_is_told(stack):
    logs, alarms = stack.resources("AWS::Logs::LogGroup"), stack.resources("AWS::CloudWatch::Alarm")
    assert [log["RetentionInDays"] for log in logs.values()] == [90] * 3
    assert {action for alarm in alarms.values() for action in alarm["AlarmActions"]} == {stack.arn("Topic")}
    rules = stack.resources("AWS::Events::Rule").values()
    assert {target["Arn"] for rule in rules for target in rule["Targets"]} == {stack.arn("Topic")}


def test_every_job_that_fails_is_told(stack):
    told = stack.properties("FailedJob")["EventPattern"]["detail"]
    assert sorted(told["jobName"]) == sorted(job["Name"] for job in stack.resources("AWS::Glue::Job").values())
    assert {"FAILED", "TIMEOUT"} <= set(told["state"])  # the states in Glue's events of failed runs


@pytest.mark.parametrize(
    ("given", "own", "not_own"),
    [
        ({}, {"Vpc", "Connection", "SecurityGroup", "Workgroup", "CopyRole"}, set()),
        (NETWORK, {"Connection", "SecurityGroup", "Workgroup"}, {"Vpc", "GlueEndpoint"}),
        (NETWORK | {"SecurityGroupId": "sg-0a1b2c3d"}, {"Connection", "Workgroup"}, {"Vpc", "SecurityGroup"}),
        (WAREHOUSE, {"WarehouseJob"}, {"Vpc", "Connection", "Workgroup", "WarehouseSecret", "CopyRole", "Refresh"}),
        (WAREHOUSE | NETWORK, {"Connection", "SecurityGroup"}, {"Vpc", "Workgroup", "Refresh"}),
        (WAREHOUSE | {"WarehouseClusterId": "dw"}, {"Refresh", "RefreshRole"}, {"Connection"}),
    ],
    ids=["nothing", "network", "security group", "warehouse", "both", "cluster"],
)
def test_what_is_given_is_not_made(given, own, not_own):
    stack = Stack(**GIVEN, **given)
    kinds = {resource["Type"] for resource in stack._template["Resources"].values()}
    made = {name for kind in kinds for name in stack.resources(kind)}
    assert own <= made and not not_own & made


# By AWS Glue's documentation all connections but JDBC's need AvailabilityZone: "PhysicalConnectionRequirements".
@pytest.mark.parametrize(
    ("given", "zone"),
    [({}, "loja-firstsubnet.AvailabilityZone"), (NETWORK | {"SubnetZone": "us-east-1c"}, "us-east-1c")],
    ids=["own network", "given network"],
)
def test_each_connection_with_a_subnet_has_its_zone(given, zone):
    stack = Stack(**GIVEN, **given)
    for connection in stack.resources("AWS::Glue::Connection").values():
        place = connection["ConnectionInput"]["PhysicalConnectionRequirements"]
        assert place["SubnetId"] and place["AvailabilityZone"] == zone


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, []),
        (NETWORK | {"SubnetZone": "us-east-1c"}, []),
        (WAREHOUSE | {"WarehouseClusterId": "dw"}, []),
        (NETWORK, ["With VpcId give SubnetZone, too - the availability zone of the first subnet"]),
        ({"SubnetIds": "subnet-0a1b2c3d"}, ["With SubnetIds or SecurityGroupId give VpcId, too"]),
        ({"SecurityGroupId": "sg-0a1b2c3d"}, ["With SubnetIds or SecurityGroupId give VpcId, too"]),
        ({"WarehouseSecretArn": "arn:"}, ["With WarehouseSecretArn give WarehouseCopyRoleArn, too"]),
        ({"WarehouseClusterId": "dw"}, [WITHOUT_SECRET]),
        ({"WarehouseWorkgroupArn": "arn:"}, [WITHOUT_SECRET]),
        ({"WarehouseCopyRoleArn": "arn:"}, [WITHOUT_SECRET]),
    ],
)
def test_what_is_given_by_half_is_refused(given, said):
    """Otherwise it would be ignored, and the stack would create its own network or warehouse."""
    stack = Stack(**GIVEN, **given)
    rules = [rule for rule in yaml_of_template()["Rules"].values() if stack._holds(rule["RuleCondition"])]
    refused = [a["AssertDescription"] for rule in rules for a in rule["Assertions"] if not stack._holds(a["Assert"])]
    assert refused == said


def leaves_on(stack, port):
    """Return the destinations that a member of the stack's own security group may reach on this TCP port."""
    group = stack.properties("SecurityGroup")["SecurityGroupEgress"]
    rules = [*group, *stack.resources("AWS::EC2::SecurityGroupEgress").values()]
    may = [rule for rule in rules if rule["IpProtocol"] == "tcp" and rule["FromPort"] <= port <= rule["ToPort"]]
    return {rule.get("CidrIp", "members") for rule in may}


@pytest.mark.parametrize(
    ("given", "reached"),
    [
        ({}, {"members"}),
        (NETWORK, {"members"}),
        (WAREHOUSE | NETWORK, {"members", "0.0.0.0/0"}),
    ],
    ids=["own warehouse", "own warehouse in a given network", "given warehouse"],
)
def test_jobs_reach_the_warehouse_from_a_group_of_the_stacks_own(given, reached):
    stack = Stack(**GIVEN, **given)
    assert (leaves_on(stack, 5439), leaves_on(stack, 443)) == (reached, {"members", "0.0.0.0/0"})


# By default a schedule tries 185 times in 24 hours and then gives up silently: AWS::Scheduler::Schedule RetryPolicy,
# and "Monitoring Amazon EventBridge Scheduler with Amazon CloudWatch".
def test_a_schedule_that_cannot_call_gives_up_and_is_told(stack):
    schedules = stack.resources("AWS::Scheduler::Schedule").values()
    alarm = stack.properties("SchedulesAlarm")
    assert {schedule["GroupName"] for schedule in schedules} == {d["Value"] for d in alarm["Dimensions"]} == {"loja"}
    assert [schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] for schedule in schedules] == [3] * 3
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Scheduler", "InvocationDroppedCount")


def test_nothing_conditions_glues_trust():
    """It is not documented which condition keys Glue sends when it assumes a role."""
    roles = [role for role in yaml_of_template()["Resources"].values() if role["Type"] == "AWS::IAM::Role"]
    trusting = [
        statement
        for role in roles
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if "glue.amazonaws.com" in str(statement["Principal"])
    ]
    assert len(trusting) >= 6 and not [statement for statement in trusting if "Condition" in statement]


def test_no_parameter_makes_a_new_password():
    """A change of GenerateSecretString creates a new secret value, which the namespace would not have."""
    generated = yaml_of_template()["Resources"]["WarehouseSecret"]["Properties"]["GenerateSecretString"]
    assert set(re.findall(r"\$\{([^}]+)\}", str(generated))) == {
        "AWS::StackName",
        "AWS::AccountId",
        "AWS::Region",
        "AWS::URLSuffix",
    }
    assert '"dbname": "vendas"' in str(generated) and "Ref" not in str(generated)


def test_a_new_warehouse_costs_no_more_than_its_bound(stack):
    workgroup = stack.properties("Workgroup")
    assert workgroup["BaseCapacity"] < workgroup["MaxCapacity"] == 32


def test_what_protects_a_bucket_stays_with_it():
    resources = yaml_of_template()["Resources"]
    policies = [resource for resource in resources.values() if resource["Type"] == "AWS::S3::BucketPolicy"]
    buckets = {name: resources[name]["DeletionPolicy"] for name in ("LandingBucket", "LakeBucket")}
    assert [policy["DeletionPolicy"] for policy in policies] == list(buckets.values())
    assert [policy["UpdateReplacePolicy"] for policy in policies] == ["Retain"] * 2


def test_tables_are_left_to_iam_whatever_lake_formations_default_is(stack):
    assert stack.properties("Database")["DatabaseInput"]["CreateTableDefaultPermissions"] == [
        {"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}
    ]


def test_jobs_run_a_script_that_is_called_python(stack):
    scripts = {job["Command"]["ScriptLocation"] for job in stack.resources("AWS::Glue::Job").values()}
    assert scripts == {f"s3://artifacts/{GIVEN['JobScript']}"}


def yaml_of_template():
    return parse(TEXT)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, {"WorkgroupName": "loja", "SecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:"}),
        (WAREHOUSE | {"WarehouseClusterId": "dw"}, {"ClusterIdentifier": "dw", "SecretArn": "arn:"}),
        (WAREHOUSE | {"WarehouseWorkgroupArn": "arn:x"}, {"WorkgroupName": "arn:x", "SecretArn": "arn:"}),
    ],
    ids=["own", "cluster", "workgroup"],
)
def test_the_refresh_asks_the_warehouse_there_is(given, asked):
    told = json.loads(Stack(**GIVEN, **given).properties("Refresh")["Target"]["Input"])
    assert told["Sql"] == "call refresh_star()"
    assert {name: told[name].startswith(value) for name, value in asked.items()} == dict.fromkeys(asked, True)


def test_the_upkeep_is_started_as_a_job_whose_lock_no_stage_has_to_wait_out(stack):
    target, job = stack.properties("Upkeep")["Target"], stack.properties("UpkeepJob")
    assert target["Arn"] == "arn:aws:scheduler:::aws-sdk:glue:startJobRun"
    assert json.loads(target["Input"]) == {"JobName": job["Name"]}
    assert (
        job["DefaultArguments"]["--upkeep"] >= SNAPSHOTS_KEPT_MIN_HOURS and "--notebook" not in job["DefaultArguments"]
    )
    given = yaml_of_template()["Parameters"]["UpkeepHours"]
    assert (given["MinValue"], given["Default"]) == (SNAPSHOTS_KEPT_MIN_HOURS, SNAPSHOTS_KEPT_HOURS)
    assert job["Timeout"] < stack.properties("SilverJob")["Timeout"]


# --- permissions

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:loja-warehousesecret"
LANDING, LAKE = "arn:aws:s3:::loja-landingbucket", "arn:aws:s3:::loja-lakebucket"
TABLE, JOB = "arn:aws:glue:us-east-1:123456789012:table/vendas", "arn:aws:glue:us-east-1:123456789012:job"
LOGS = "arn:aws:logs:us-east-1:123456789012:log-group"
STAGES = {"BronzeRole", "SilverRole", "GoldRole", "WarehouseRole"}
RECOGNIZE = {"BronzeRole", "SilverRole", "GoldRole"}
OF_ALL_TABLES = {"UpkeepRole", "ErasureRole"}
ASK_WAREHOUSE = {"WarehouseRole", "RefreshRole", "SessionRole", "PreflightRole", "ErasureRole"}
REHEARSE = {"SilverRole", "GoldRole", "WarehouseRole", "PreflightRole", "ErasureRole"}  # or have all of staging/
KEY = "arn:aws:secretsmanager:us-east-1:123456789012:secret:loja-privacysecret"


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("s3:DeleteObjectVersion", f"{LANDING}/registros.csv", {"ArrivalRole", "BronzeRole", "ErasureRole"}),
        ("s3:DeleteObject", f"{LANDING}/registros.csv", {"ArrivalRole", "BronzeRole"}),
        ("s3:PutObject", f"{LANDING}/registros.csv", set()),
        ("s3:PutObject", f"{LAKE}/bronze/registros.csv", {"ArrivalRole", "BronzeRole", "ErasureRole"}),
        ("s3:GetObject", f"{LAKE}/bronze/registros.csv", {"ArrivalRole", "BronzeRole", "SilverRole", "ErasureRole"}),
        ("s3:DeleteObjectVersion", f"{LAKE}/bronze/registros.csv", {"BronzeRole", "ErasureRole"}),
        ("s3:DeleteObjectVersion", f"{LAKE}/silver/data/x.parquet", {"ErasureRole"}),
        ("s3:GetObjectVersion", f"{LAKE}/runs/r/index.html", {"ErasureRole"}),
        ("s3:GetObject", f"{LAKE}/privacy/lines.json", RECOGNIZE | {"ErasureRole", "SessionRole"}),
        ("s3:PutObject", f"{LAKE}/privacy/lines.json", {"BronzeRole", "ErasureRole"}),
        ("s3:GetObject", f"{LAKE}/privacy/people.json", {"BronzeRole", "ErasureRole"}),
        ("s3:GetObject", f"{LAKE}/privacy/erasure.json", {"ErasureRole"}),
        ("s3:PutObject", f"{LAKE}/privacy/people.json", {"ErasureRole"}),
        ("secretsmanager:GetSecretValue", KEY, {"BronzeRole", "ErasureRole"}),
        ("glue:StartJobRun", f"{JOB}/loja-06-erasure", {"BronzeRole"}),
        ("s3:PutObject", f"{LAKE}/silver/data/x.parquet", {"SilverRole", "GoldRole", "UpkeepRole", "ErasureRole"}),
        ("s3:PutObject", f"{LAKE}/gold/data/x.parquet", {"GoldRole", "UpkeepRole", "ErasureRole"}),
        ("s3:GetObject", f"{LAKE}/gold/data/x.parquet", {"GoldRole", "WarehouseRole", "SessionRole", *OF_ALL_TABLES}),
        ("s3:PutObject", f"{LAKE}/.lock", STAGES | {"PreflightRole", *OF_ALL_TABLES}),
        ("s3:GetObject", f"{LAKE}/staging/x.parquet", {"WarehouseRole", "CopyRole", "PreflightRole", "ErasureRole"}),
        ("s3:PutObject", f"{LAKE}/staging/ensaio-0a1b2c3d/silver/x.parquet", REHEARSE),
        ("s3:DeleteBucket", LAKE, set()),
        ("glue:DeleteTable", f"{TABLE}/gold", set()),
        ("glue:CreateTable", f"{TABLE}/gold", {"BronzeRole"}),
        ("glue:StartJobRun", f"{JOB}/loja-05-upkeep", {"UpkeepScheduleRole"}),
        ("glue:StartJobRun", f"{JOB}/loja-01-bronze", set()),
        ("glue:StartWorkflowRun", "arn:aws:glue:us-east-1:123456789012:workflow/loja", {"ArrivalRole"}),
        ("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:loja-arrival", {"SweepRole"}),
        ("secretsmanager:GetSecretValue", SECRET, ASK_WAREHOUSE),
        ("glue:DeleteTable", f"{TABLE}/preflight_0a1b", {"PreflightRole"}),
        ("logs:PutLogEvents", f"{LOGS}:/aws/lambda/loja-arrival:*", {"ArrivalRole"}),
        ("logs:PutLogEvents", f"{LOGS}:/aws-glue/loja/output:*", STAGES | {"PreflightRole", *OF_ALL_TABLES}),
        ("logs:PutLogEvents", f"{LOGS}:/aws-glue/sessions/output:log-stream:s", STAGES | {"SessionRole"}),
        ("logs:CreateLogGroup", f"{LOGS}:/aws-glue/sessions/error:*", STAGES | {"SessionRole"}),
        ("logs:PutLogEvents", f"{LOGS}:/aws-glue/jobs/error:*", set()),
        ("logs:DeleteLogGroup", f"{LOGS}:/aws-glue/sessions/error:*", set()),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/loja-copyrole", set()),
    ],
    ids=lambda value: value if isinstance(value, str) and not value.startswith("arn") else "",
)
def test_only_who_needs_it_may(stack, action, resource, allowed):
    roles = stack.resources("AWS::IAM::Role")
    assert {role for role in roles if stack.allows(stack.arn(role), action, resource, {})} == allowed


def test_no_roles_policies_are_longer_than_iam_takes():
    """The quota of a role's inline policies is 10,240 characters: "IAM and AWS STS quotas".

    The names here are the shortest possible, so the test allows only 70 % of it.
    """
    key = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"
    policies = Stack(**GIVEN, DataKeyArn=key, ArtifactsKeyArn=key).policies
    assert max(len(json.dumps(statements, separators=(",", ":"))) for statements in policies.values()) < 10_240 * 0.7


def test_every_actor_has_a_role_of_its_own(stack):
    jobs = [properties["Role"] for properties in stack.resources("AWS::Glue::Job").values()]
    schedules = [properties["Target"]["RoleArn"] for properties in stack.resources("AWS::Scheduler::Schedule").values()]
    used = [*jobs, *schedules, stack.properties("ArrivalFunction")["Role"], *stack.properties("Namespace")["IamRoles"]]
    used.append(stack.arn("SessionRole"))  # used by people
    assert sorted(used) == sorted({stack.arn(role) for role in stack.resources("AWS::IAM::Role")})


def test_no_role_may_do_anything_by_a_wildcard(stack):
    actions = {
        action
        for statements in stack.policies.values()
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert actions and [action for action in actions if "*" in action] == []

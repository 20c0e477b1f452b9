"""The costs in docs/aws.md: the prices in prices.yaml, multiplied by what the template creates."""

import json
import re

import pytest

from helpers.stack import Stack
from test_readme import TEXT
from test_template import GIVEN, NETWORK
from vendas import resources
from vendas.reports.cost import DPUS, read_prices

PAGE = TEXT["aws.md"].partition("## Cost")[2].partition("## Take it down")[0]
PRICE = read_prices()
DAYS = PRICE["hours_a_month"] / 24
STACK = Stack(**GIVEN)


def made(kind, stack=STACK):
    return list(stack.resources(kind).values())


def metrics_read(alarm):
    """Count the metrics that an alarm reads, which are billed; the result of an expression is not."""
    return len([metric for metric in alarm["Metrics"] if "MetricStat" in metric]) if "Metrics" in alarm else 1


def endpoint_hours(stack=STACK):
    endpoints = [
        endpoint for endpoint in made("AWS::EC2::VPCEndpoint", stack) if endpoint["VpcEndpointType"] != "Gateway"
    ]
    return sum(len(endpoint["SubnetIds"]) for endpoint in endpoints) * PRICE["hours_a_month"]


def metrics_of_the_function():
    """Return the metrics of the dashboard that the function writes at each call."""
    body = STACK.properties("Dashboard")["DashboardBody"]
    return {json.dumps(m) for w in json.loads(body)["widgets"] for m in w["properties"]["metrics"] if "chegada" in m}


def jobs_on_a_schedule():
    triggers = [trigger for trigger in made("AWS::Glue::Trigger") if trigger["Type"] == "SCHEDULED"]
    targets = [schedule["Target"]["Arn"] for schedule in made("AWS::Scheduler::Schedule")]
    return [a for t in triggers for a in t["Actions"]] + [arn for arn in targets if arn.endswith(":glue:startJobRun")]


def warehouse(minutes):
    seconds = minutes * max(60, PRICE["rpu_minimum_seconds"])
    return STACK.properties("Workgroup")["BaseCapacity"] * seconds / 3600 * PRICE["rpu_hour"]


def daily_job(workers=2, worker="G.1X"):
    return DAYS * workers * DPUS[worker] * PRICE["minimum_seconds"] / 3600 * PRICE["dpu_hour"]


ALARMS = made("AWS::CloudWatch::Alarm")
SECRETS = made("AWS::SecretsManager::Secret")
READ = sum(map(metrics_read, ALARMS))
IDLE = {
    "interface endpoints": ("4 for 730 hours", endpoint_hours() * PRICE["endpoint_hour"]),
    "dashboard": (f"{len(made('AWS::CloudWatch::Dashboard'))}", PRICE["dashboard_month"]),
    "warehouse,": ("8 processing units for 30 minutes", warehouse(DAYS)),
    "daily upkeep": ("2 DPUs for 30 minutes at least", len(jobs_on_a_schedule()) * daily_job()),
    "the topic's key": (f"{len(made('AWS::KMS::Key'))}", PRICE["key_month"]),
    "alarms": (f"{len(ALARMS)} on {READ} metrics", READ * PRICE["alarm_metric_month"]),
    "metrics of the function": (
        f"{len(metrics_of_the_function())}",
        len(metrics_of_the_function()) * PRICE["metric_month"],
    ),
    "the warehouse's secret": (f"{len(SECRETS)}", len(SECRETS) * PRICE["secret_month"]),
}


def test_each_figure_of_an_idle_stack_is_quantity_times_price():
    rows = re.findall(r"^\| (.+?) \| (.*?) ?\| ([\d.]+) \|$", PAGE, re.MULTILINE)
    *told, (together, _, total) = rows
    assert len(told) == len(IDLE)
    for what, (quantity, dollars) in IDLE.items():
        (row,) = [row for row in told if row[0].startswith(what)]
        assert row[1:] == (quantity, f"{dollars:.2f}")
    assert (together, total) == ("together", f"{sum(dollars for _, dollars in IDLE.values()):.2f}")


def test_what_is_counted_is_what_the_template_makes():
    assert endpoint_hours() == 4 * 730
    assert STACK.properties("Workgroup")["BaseCapacity"] == 8
    assert re.fullmatch(r"cron\(\d+ \d+ \* \* \? \*\)", STACK.parameters["RefreshSchedule"])  # once a day
    assert STACK.parameters["SweepSchedule"] == "rate(1 hour)"  # so the function writes its metrics every hour
    assert endpoint_hours(Stack(**GIVEN, **NETWORK)) == 0
    assert STACK.properties("TopicKey")["EnableKeyRotation"] is True
    assert STACK.parameters["UpkeepSchedule"] == "cron(0 3 * * ? *)"  # once a day
    assert (STACK.properties("UpkeepJob")["WorkerType"], STACK.properties("UpkeepJob")["NumberOfWorkers"]) == (
        "G.1X",
        2,
    )


@pytest.mark.parametrize(
    ("told", "dollars"),
    [
        (r"costs its seconds: ([\d.]+) a minute", warehouse(1)),
        (r"Storage is ([\d.]+) a gigabyte", PRICE["gigabyte_month"]),
        (r"pays ([\d.]+) less", sum(IDLE[what][1] for what in ("dashboard", "alarms", "metrics of the function"))),
        (r"; ([\d.]+) in its second year", 2 * PRICE["key_month"]),
        (r", ([\d.]+) from then on", 3 * PRICE["key_month"]),
    ],
)
def test_the_other_figures_are_calculated_so(told, dollars):
    (figure,) = re.findall(told, PAGE.replace("\n", " "))
    assert figure == f"{dollars:.{len(figure.partition('.')[2])}f}"


def test_what_runs_cost_at_least_is_calculated_so():
    text = TEXT["aws.md"].replace("\n", " ")
    stages = [job for job in made("AWS::Glue::Job") if "--notebook" in job["DefaultArguments"]]
    least = len(stages) * daily_job() / DAYS
    assert "Four jobs on two workers `G.1X` of a minute each come to about six cents" in text
    assert (len(stages), round(least, 2)) == (4, 0.06)
    assert "about US$ 0.015 a minute" in text and round(daily_job() / DAYS, 3) == 0.015


def test_every_price_has_the_page_it_is_from():
    blocks = (resources.PACKAGE / "reports" / "prices.yaml").read_text(encoding="utf-8").split("\n\n")[1:]
    assert len(blocks) >= 7
    for block in blocks:
        assert re.match(r"# https://aws\.amazon\.com/[a-z0-9-]+/pricing\n\w+: ", block), block

"""The command `vendas doctor`: the preflight of a lake in S3, and the table of findings."""

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from vendas.cli.terminal import EXIT_FAILED, Console, console, print_json
from vendas.doctor.findings import Finding, findings_as_json
from vendas.storage import S3Lake


def look_at_stack(lake: S3Lake, json: bool) -> None:
    """Run the preflight of the stack that this lake belongs to, and show its findings.

    Raises: Exit with code 1 if something will not work; SettingsError if there is no such stack or it is outdated.
    """
    from vendas.doctor.preflight import (  # here, because boto3 and Spark would cost every command a second
        preflight,
        stack_of,
    )

    stack = stack_of(lake)
    with console.status(f"Looking at the stack {stack.name} …"):
        findings = preflight(stack, lambda said: console.print(said, markup=False, highlight=False))
    show(findings, json)


def show(findings: list[Finding], json: bool) -> None:
    """Show the findings. Raises: Exit with code 1 if something will not work."""
    print_json(findings_as_json(findings)) if json else print_findings(Console(), findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(EXIT_FAILED)


def print_findings(to: Console, findings: list[Finding]) -> None:
    """Print a table with a line for each finding: ok, or what to do."""
    table = Table("Looked at", "", "Found", "What to do", box=box.SIMPLE_HEAD, pad_edge=False)
    for finding in findings:
        state = Text("ok", "green") if finding.ok else Text("no", "bold red")
        table.add_row(Text(finding.what), state, Text(finding.found), Text(finding.remedy))
    to.print(table)

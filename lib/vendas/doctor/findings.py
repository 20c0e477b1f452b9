"""The result of `vendas doctor`: one finding for each thing that it checked in an installation or a stack."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Finding:
    """One checked thing: what it is, whether it will work, what was found, and what to do if it will not."""

    what: str
    ok: bool
    found: str
    remedy: str = ""


def findings_as_json(findings: list[Finding]) -> dict:
    """Return the document that `vendas doctor --json` prints."""
    return {"ok": all(finding.ok for finding in findings), "findings": [asdict(finding) for finding in findings]}

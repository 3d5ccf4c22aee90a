"""Findings that are consequences of another: the first cause is reported, and what depends on it is skipped."""

from collections.abc import Sequence
from dataclasses import replace

from adapters.ports.diagnostics import REMEDIES, Check, Finding, Verdict
from adapters.ports.errors import Unreachable

Checked = tuple[Check, Sequence[Finding]]
"""A check with its findings."""


def without_consequences(results: Sequence[Checked]) -> list[Finding]:
    """Return the findings of all checks; those that only repeat an earlier failure are `skipped`.

    A check that gates and fails is the cause for all later checks that are about nothing else. An unreachable provider explains
    only that others cannot reach it either. Two such checks that fail with one text have one cause, such as the daemon's own
    credentials, which each role needs.
    """
    causes: dict[str, Finding] = {}
    out: list[Finding] = []
    for check, findings in results:
        cause = causes.get(min(check.about)) if check.about and check.about <= causes.keys() else None
        found = [finding if cause is None else consequence(finding, cause) for finding in findings]
        failed = next((finding for finding in found if finding.verdict is Verdict.FAIL and finding.check != "clock"), None)
        if check.gates and failed is not None:
            same = next((each for each in causes.values() if each.text == failed.text), None)
            if same is not None:
                found = [consequence(finding, same, "the same failure as {}") for finding in found]
            causes |= {name: same or failed for name in check.about if name not in causes}
        out += dict.fromkeys(found)
    return out


def consequence(finding: Finding, cause: Finding, text: str = "needs {}, which failed") -> Finding:
    """Return the finding of a check that depends on a failed one. The clock is measured with any answer, also a refusal."""
    unreachable = REMEDIES[Unreachable]
    if finding.verdict is Verdict.OK or (finding.check == "clock" and finding.verdict is not Verdict.UNCHECKED):
        return finding
    if cause.remedy == unreachable and finding.remedy != unreachable:
        return finding
    what = cause.subject if cause.check == "answer" else f"{cause.check} of {cause.subject}"
    return replace(finding, verdict=Verdict.SKIPPED, text=text.format(what), remedy="")

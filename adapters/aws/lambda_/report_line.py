"""Parser of Lambda's REPORT in the tail of an invocation's log: run time, and whether the environment was new. No I/O."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TEXT = re.compile(r"^REPORT RequestId: .*?(?<!\w )Duration: (?P<run>[\d.]+) ms(?P<rest>.*)$", re.MULTILINE)
STARTED = re.compile(r"(?<!Billed )(?:Init|Restore) Duration: ([\d.]+) ms")


@dataclass(frozen=True, slots=True)
class Report:
    """Durations in a REPORT. `run_ms`: of the handler. `start_ms`: of the initialisation or of the restore of a snapshot; None
    in a warm environment.
    """

    run_ms: float
    start_ms: float | None


def report_in(log: str) -> Report | None:
    """Return the last REPORT in a log's tail, as text or in JSON; None when there is none."""
    for line in reversed(log.splitlines()):
        if line.startswith("{"):
            found = _structured(line)
        else:
            match = TEXT.match(line)
            found = None if match is None else _plain(match)
        if found is not None:
            return found
    return None


def _plain(match: re.Match[str]) -> Report:
    started = STARTED.search(match["rest"])
    return Report(float(match["run"]), None if started is None else float(started[1]))


def _structured(line: str) -> Report | None:
    try:
        event: Any = json.loads(line)
    except ValueError:
        return None  # the first line of the tail may be cut, or the handler wrote the line
    if not isinstance(event, dict) or event.get("type") != "platform.report":
        return None
    metrics: Mapping[str, Any] = event["record"]["metrics"]
    started = metrics.get("initDurationMs", metrics.get("restoreDurationMs"))
    return Report(float(metrics["durationMs"]), None if started is None else float(started))

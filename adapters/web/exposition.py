"""Metrics on a page in Prometheus text format or OpenMetrics, read by the parsers of prometheus-client.

Only lines of requested metrics are parsed: other lines take no time, and an error in them has no effect. A line of a requested
metric is never left out: without it, the sum would be smaller than the demand.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text_format
from prometheus_client.samples import Sample

OPENMETRICS, END = "application/openmetrics-text", "# EOF"
ACCEPT = f"text/plain;version=0.0.4,{OPENMETRICS};version=1.0.0;q=0.5,*/*;q=0.1"
"""Prefers the text format, because the parser of OpenMetrics refuses a page for a wrong comment."""

CREATED = "_created"
SUFFIXES = ("_total", "_sum", "_count", "_bucket", CREATED)
PARTIAL = ("le", "quantile")
"""Labels of one bucket of a histogram and of one quantile of a summary. Neither can be summed."""

MOST_LINES, LONGEST_LINE = 10_000, 8192
"""Maximum lines of requested metrics, and characters of a line. The parsers take about 0.1 ms a line."""

NAME = re.compile(r"(?:#[ \t]+(?:HELP|TYPE|UNIT)[ \t]+)?([A-Za-z_:][A-Za-z0-9_:]*)")
REFUSALS = (ValueError, LookupError, TypeError, ArithmeticError)
"""Errors of the parsers for lines that are not in their format."""

Labels = frozenset[tuple[str, str]]


class UnreadablePage(ValueError):
    """A requested metric cannot be read. The message continues a sentence that starts with the page's URL."""


@dataclass(frozen=True, slots=True)
class Value:
    """One label set of a metric. `created`: when the counter was zero, in seconds since the epoch; None when the page has no
    `_created` for it.
    """

    value: float
    created: float | None = None


def metrics_of(page: str, content_type: str, names: Sequence[str]) -> dict[str, dict[Labels, Value]]:
    """Return the label sets of each of `names` that is on the page. Raise `UnreadablePage`."""
    lines = [line.strip() for line in page.removeprefix("\ufeff").split("\n")]  # splitlines() would also cut within label values
    strict = content_type.partition(";")[0].strip().lower() == OPENMETRICS or END in lines[-2:]
    samples = list(_openmetrics(lines, names) if strict else _text(lines, names))
    created = {(each.name, _labels(each)): _finite(each.value) for each in samples if each.name.endswith(CREATED)}
    found: dict[str, dict[Labels, Value]] = {}
    for sample in samples:
        if sample.name not in names:
            continue
        labels, sets = _labels(sample), found.setdefault(sample.name, {})
        if labels in sets:
            raise UnreadablePage(f"has the same label set of {sample.name} twice: give each unit a distinct label")
        sets[labels] = Value(_amount(sample), created.get((_base(sample.name) + CREATED, labels)))
    return found


def _text(lines: Sequence[str], names: Sequence[str]) -> Iterator[Sample]:
    """Parse each line alone, without its TYPE, because the parser would rename counters that do not end in _total."""
    accepted = {*names, *(_base(name) + CREATED for name in names)}
    wanted = [(at, line) for at, line in enumerate(lines, 1) if not line.startswith("#") and _concerns(line, accepted)]
    _bounded([line for _, line in wanted], names)
    for number, line in wanted:
        try:
            sample = next(sample for family in text_format(line) for sample in family.samples)
            if sample.name in accepted:
                yield sample
            elif not line.startswith("{"):
                raise ValueError(sample.name)
        except REFUSALS:
            if _concerns(line, names):  # a counter without its _created can be used
                raise UnreadablePage(f"has {_named(line, names)} in line {number}, which is not in Prometheus' text format: "
                                     "correct the line") from None


def _openmetrics(lines: Sequence[str], names: Sequence[str]) -> Iterator[Sample]:
    """Parse complete families with their metadata, because OpenMetrics has rules for families."""
    accepted = {part + suffix for name in names for part in (name, _base(name)) for suffix in ("", *SUFFIXES)}
    wanted = [line for line in lines if line == END or _concerns(line, accepted)]
    _bounded(wanted, names)
    try:
        families = openmetrics("\n".join([*wanted, ""]))  # type: ignore[no-untyped-call]
        samples = [sample for family in families for sample in family.samples]
    except REFUSALS as error:
        reason = " ".join(str(error).split())[:200]
        raise UnreadablePage(f"has {' or '.join(names)} not in the format of OpenMetrics ({reason}): correct the page") from None
    if len(samples) != sum(not line.startswith("#") for line in wanted):  # the parser drops a repeated line
        raise UnreadablePage(f"has a label set of {' or '.join(names)} twice: give each unit a distinct label")
    return iter(samples)


def _bounded(lines: Sequence[str], names: Sequence[str]) -> None:
    if len(lines) > MOST_LINES or any(len(line) > LONGEST_LINE for line in lines):
        raise UnreadablePage(f"has over {MOST_LINES} lines of {' and '.join(names)}, or one of over {LONGEST_LINE} characters: "
                             "name metrics with fewer label sets")


def _amount(sample: Sample) -> float:
    """Return the value of a sample. Raise `UnreadablePage` when it cannot be summed."""
    if any(label in sample.labels for label in PARTIAL):
        raise UnreadablePage(f"has {sample.name} by bucket or quantile, which cannot be summed: name its _count or its _sum")
    value = _finite(sample.value)
    if value is None or value < 0:
        raise UnreadablePage(f"has the value {sample.value} for {sample.name}, not a finite number of at least 0: correct the "
                             "metric")
    return value


def _finite(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, OverflowError):
        return None
    return number if isfinite(number) else None


def _labels(sample: Sample) -> Labels:
    return frozenset(sample.labels.items())


def _concerns(line: str, names: Collection[str]) -> bool:
    """Return whether a line is about one of `names`, which may be quoted within the braces."""
    if line.startswith("{"):
        return any(f'"{name}"' in line for name in names)
    found = NAME.match(line)
    return found is not None and found[1] in names


def _named(line: str, names: Collection[str]) -> str:
    return next(name for name in names if name in line)


def _base(name: str) -> str:
    """Return the family of a counter, or of the sum or count of a histogram."""
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)

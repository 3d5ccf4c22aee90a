"""Text of PromQL queries: the pool's name in them, and the mistakes that can be found without a server. Pure."""

import re

PLACEHOLDER = "{pool}"
LONGEST_RANGE = 120.0
"""Longest range, in seconds, of a query that proves minutes: a longer one has values for minutes after the metrics have ended."""

APART = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`|#[^\n]*')
"""Strings and comments."""

BRACKETS = re.compile(r"\[([^\]:]*)(:[^\]]*)?\]")
DURATION = re.compile(r"(\d+)(ms|s|m|h|d|w|y)")
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
WITHOUT_METRICS = re.compile(r"\b(vector|absent|absent_over_time)\s*\(")
"""Functions that return a value where there are no metrics."""


def expanded(query: str, pool: str) -> str:
    """Return `query` with the name of `pool` for each `{pool}`. In the regular expression of a label matcher, a dot of the name
    matches only a dot.

    The name of a pool has no character that ends a string: letters, digits, dots, hyphens and underscores.
    """
    def filled(part: re.Match[str]) -> str:
        matched = query[: part.start()].rstrip().endswith(("=~", "!~"))
        return part[0].replace(PLACEHOLDER, pool.replace(".", "[.]") if matched else pool)

    return APART.sub(filled, query)


def text_fault(query: str) -> str | None:
    """Return what is wrong with the placeholders and brackets of `query`; None when nothing is found."""
    code = _code(query)
    if PLACEHOLDER in code:
        return f'{PLACEHOLDER} stands outside quotes: write it in the value of a label, such as {{app="{PLACEHOLDER}"}}'
    if "$__" in query:
        return "it has a variable of Grafana ($__…): write a range such as [1m]"
    brackets = re.sub(r"[^()\[\]{}]", "", code)
    while (fewer := re.sub(r"\(\)|\[\]|\{\}", "", brackets)) != brackets:
        brackets = fewer
    return "its brackets do not match: correct them" if brackets else None


def proof_fault(query: str) -> str | None:
    """Return why a value of `query` does not prove that metrics were published in its minute; None when it does."""
    code = _code(query)
    invented = WITHOUT_METRICS.search(code)
    if invented is not None:
        return f"{invented[1]}() returns a value also while metrics are missing"
    ranges = [(seconds_of(length), nested) for length, nested in BRACKETS.findall(code)]
    if any(length is None for length, _ in ranges):
        return "it has a range that is not a duration: write it like [1m]"
    plain, subqueries = ([length or 0 for length, nested in ranges if bool(nested) is wanted] for wanted in (False, True))
    if not plain:
        return "it has no range, so Prometheus repeats the last value for 5 min after metrics have ended"
    if max(plain) + max(subqueries, default=0) > LONGEST_RANGE:
        return "its range is longer than 2 min, so it has values for minutes after metrics have ended"
    return None


def seconds_of(duration: str) -> float | None:
    """Return a duration of PromQL in seconds, such as `1m30s` or, since Prometheus 3, `90`; None when it is none."""
    text = duration.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    return sum(int(count) * SECONDS[unit] for count, unit in DURATION.findall(text)) if re.fullmatch(
        f"(?:{DURATION.pattern})+", text) else None


def _code(query: str) -> str:
    """Return `query` without the contents of strings and without comments."""
    return APART.sub(lambda part: "" if part[0].startswith("#") else '""', query)

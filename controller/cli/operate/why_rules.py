"""Text of the rules in `stoker why`: what the heaviest ask for, with weight and cost; the others as one sum; the ensemble."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

COLUMNS = 32
"""Width of the columns before the text of a rule."""


def rules(rationale: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield a table of the heaviest rules, and the ensemble before and after rounding."""
    ensemble, others = rationale["ensemble"], rationale["others"]
    yield f"  {'rules':6} {'asks':>7} {'weight':>7} {'cost':>7}  rule"
    for each in rationale["rules"]:
        yield from row(f"{each['units']}", percent(each["share"]), f"{each['usd']:.2f}", each["text"], width)
    if others is not None:
        count = f"{others['rules']} other rule{'s' if others['rules'] > 1 else ''}, mean by weight"
        yield from row(f"{others['units']:.2f}", percent(others["share"]), "", count, width)
    naive = ", ".join(f"{each['usd']:.2f} {each['rule']}" for each in rationale["naive"])
    cost = ("cost: simulated bill + cold-start cost in USD on recent demand, minus the bill of on-demand service without cold "
            f"starts. Naive rules: {naive}")
    yield from wrapped(cost, " " * 17, width)
    yield from wrapped(ensemble_line(ensemble), f"  {'ensemble':13}", width)


def ensemble_line(ensemble: Mapping[str, Any]) -> str:
    """Return how the rules are combined, with the value before and after rounding, and the cost."""
    count = f"{ensemble['rules']} rule{'s' if ensemble['rules'] > 1 else ''}"
    if ensemble["mode"] == "alone":
        return f"none: {ensemble['leader']} is followed alone -> {ensemble['units']}"
    exact = f"mean of {count} by weight {ensemble['exact_text']}"
    if ensemble["mode"] == "fallback":
        return (f"{exact}, cost {ensemble['usd']:.2f}, not followed because it has recently cost more than: {ensemble['leader']} "
                f"-> {ensemble['units']}")
    return f"{exact} -> {ensemble['units']}, cost {ensemble['usd']:.2f}"


def row(units: str, share: str, usd: str, text: str, width: int) -> Iterator[str]:
    """Yield one line of the table, wrapped in its last column."""
    yield from wrapped(text, f"{units:>16} {share:>7} {usd:>7}  "[-COLUMNS - 2 :], width)


def wrapped(text: str, start: str, width: int) -> Iterator[str]:
    """Yield a text after `start`, with later lines below its first character and 2 columns further right."""
    yield from textwrap.wrap(text, width, initial_indent=start, subsequent_indent=" " * (len(start) + 2),
                             break_long_words=False, break_on_hyphens=False)


def percent(share: float) -> str:
    """Return a share in percent with one decimal."""
    return f"{100 * share:.1f} %" if share >= 0.0005 else "<0.1 %"

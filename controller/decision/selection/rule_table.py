"""The rules behind a proposal as JSON values: what each asks for and its weight, which give the ensemble by hand. Pure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.decision.selection.candidates import CANDIDATES, INDEX, NAIVE
from controller.decision.selection.rule_values import ProposalBasis, RuleValue, exact_text, rule_text, signal_text
from forecasting.demand import instant_of

HEAVIEST = 5
"""Rules that are displayed one by one; the others are displayed as one sum."""

Costs = NDArray[np.float64]


def rules_body(basis: ProposalBasis) -> list[dict[str, Any]]:
    """Return all rules with weight, the highest weight first. `text` has the steps from the signals to `units`."""
    at, total = basis.minute + basis.horizon, basis.total
    return [{"rule": each.rule.name, "text": rule_text(each.rule, each.signals, at),
             "signals": {signal_text(name, at): int(value) for name, value in each.signals.items()}, "units": each.units,
             "weight": each.weight, "share": round(each.weight / total, 6)} for each in basis.rules()]


def heaviest_body(basis: ProposalBasis, bills: Costs) -> dict[str, Any]:
    """Return the heaviest rules with their cost, the others as one sum, and the naive rules by cost.

    `bills`: float64[candidates + 1], discounted USD of each rule and last of the ensemble on the pool's own past, relative to
    serving all on demand without a cold start.
    """
    rows, values = rules_body(basis), basis.rules()
    for row, each in zip(rows[:HEAVIEST], values, strict=False):
        row["usd"] = round(float(bills[INDEX[each.rule]]), 4)
    return {"rules": rows[:HEAVIEST], "others": others_body(values[HEAVIEST:], basis.total),
            "ensemble": ensemble_body(basis) | {"usd": round(float(bills[len(CANDIDATES)]), 4)},
            "naive": [{"rule": CANDIDATES[rule].name, "usd": round(float(bills[rule]), 4)}
                      for rule in sorted(NAIVE, key=lambda rule: (bills[rule], rule))]}


def ensemble_body(basis: ProposalBasis) -> dict[str, Any]:
    """Return how the rules are combined: `mode`, number of rules, sum of their weights, mean before rounding, units proposed.
    `known_at`: the newest known minute of demand, with the maximum `peak` of concurrent demand.
    """
    exact = basis.exact
    return {"mode": basis.mode.name.lower(), "rules": len(basis.weights), "weight": basis.total, "exact": exact,
            "exact_text": exact_text(exact), "units": basis.target,
            "leader": rule_text(basis.leader, basis.signals, basis.minute + basis.horizon),
            "known_at": instant_of(basis.minute).isoformat(), "peak": round(basis.peak, 4)}


def others_body(values: Sequence[RuleValue], total: int) -> dict[str, Any] | None:
    """Return the number of rules, their share of the weight and their mean by weight; None without rules."""
    weight = sum(each.weight for each in values)
    if not weight:
        return None
    return {"rules": len(values), "share": round(weight / total, 6),
            "units": sum(each.weight * each.units for each in values) / weight}

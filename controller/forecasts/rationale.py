"""Rationale of a proposal for the decision record: cost and weight of the pool's rules, and the forecast at its horizon.

No plan is made from it, so it stays short: the cheapest rules, and the naive ones for comparison.
"""

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from controller.decision.costs.keep_alive import keep_alive_body
from controller.decision.selection.candidates import CANDIDATES, NAIVE
from controller.decision.selection.timing_cohort import CandidateCosts
from controller.fleet.fleet import Fleet
from controller.forecasts.accuracy_tracker import ForecastAccuracy
from controller.forecasts.capacity_forecast import SCORED_LEVELS
from forecasting.demand import minute_of

TOP = 4
"""Number of cheapest rules that are shown in addition to the naive ones."""


def proposal_rationale(fleet: Fleet, accuracy: ForecastAccuracy, name: str, now: datetime) -> dict[str, Any]:
    """Return the rationale of one pool. Its horizon: from `now` to the first minute that a decision made now can change."""
    region = fleet.region_of[name]
    terms, _ = region.weights(name)
    at = now + timedelta(minutes=terms.lead_time)
    peaks = accuracy.at(np.array([accuracy.row[name]]), minute_of(at))[0]
    return {
        "forecast": None if np.isnan(peaks).any() else {
            "of": at.replace(second=0, microsecond=0).isoformat(), "horizon_minutes": terms.lead_time,
            "peak_below": {str(level): round(float(peak), 2) for level, peak in zip(SCORED_LEVELS, peaks, strict=True)}},
        "keep_alive": keep_alive_body(fleet.keep_alive(name)) | {"used_minutes": terms.keep_alive},
        **candidate_ranking(region.proposer.costs(name)),
    }


def candidate_ranking(costs: CandidateCosts) -> dict[str, Any]:
    """Return the cheapest rules, the one with the highest share and the naive ones, the cheapest first, each with cost and share.

    Costs are USD on the pool's own past, relative to serving all on demand without a cold start; older minutes weigh less.
    """
    bills, shares = costs.bills[: len(CANDIDATES)], costs.shares
    cheapest = np.argsort(bills, kind="stable")[:TOP]
    heaviest = np.argsort(-shares, kind="stable")[:1]
    shown = sorted({*map(int, cheapest), *map(int, heaviest), *NAIVE}, key=lambda rule: (bills[rule], rule))
    return {
        "choice_usd": round(float(costs.bills[-1]), 4),
        "rules": [{"rule": CANDIDATES[rule].name, "usd": round(float(bills[rule]), 4), "share": round(float(shares[rule]), 4)}
                  | ({"naive": True} if rule in NAIVE else {}) for rule in shown],
    }

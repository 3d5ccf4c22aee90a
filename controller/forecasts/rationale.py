"""What a proposal rests on, for people: how the rules of a pool stand, and what is forecast of the minute that it is for.

It goes into the record of a decision beside what the plan was made from. No plan is made from it, so it stays short: the rules
that have cost least, and the naive ones to compare with.
"""

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from controller.decision.costs.keep_alive import keep_alive_body
from controller.decision.selection.candidates import CANDIDATES, NAIVE
from controller.decision.selection.timing_cohort import CandidateCosts
from controller.fleet.fleet import Fleet
from controller.forecasts.accuracy_tracker import ForecastAccuracy
from controller.forecasts.capacity_forecast import SAID
from forecasting.demand import minute_of

TOP = 4
"""Rules that are told beside the naive ones."""


def proposal_rationale(fleet: Fleet, foresight: ForecastAccuracy, name: str, now: datetime) -> dict[str, Any]:
    """Of one pool as things stand. Its horizon: from `now` to the first minute that a decision made now can change."""
    region = fleet.region_of[name]
    terms, _ = region.weights(name)
    at = now + timedelta(minutes=terms.lead_time)
    said = foresight.at(np.array([foresight.row[name]]), minute_of(at))[0]
    return {
        "forecast": None if np.isnan(said).any() else {
            "of": at.replace(second=0, microsecond=0).isoformat(), "horizon_minutes": terms.lead_time,
            "peak_below": {str(level): round(float(peak), 2) for level, peak in zip(SAID, said, strict=True)}},
        "keep_alive": keep_alive_body(fleet.keep_alive(name)) | {"used_minutes": terms.keep_alive},
        **rules(region.proposer.costs(name)),
    }


def rules(weighing: CandidateCosts) -> dict[str, Any]:
    """The cheapest rules and the naive ones, the cheapest first, each with its cost and its share in what is proposed.

    USD on the pool's own past, beyond serving all on demand without a cold start, an older minute counting less.
    """
    costs, shares = weighing.bills[: len(CANDIDATES)], weighing.shares
    cheapest = np.argsort(costs, kind="stable")[:TOP]
    heaviest = np.argsort(-shares, kind="stable")[:1]
    told = sorted({*map(int, cheapest), *map(int, heaviest), *NAIVE}, key=lambda rule: (costs[rule], rule))
    return {
        "choice_usd": round(float(weighing.bills[-1]), 4),
        "rules": [{"rule": CANDIDATES[rule].name, "usd": round(float(costs[rule]), 4), "share": round(float(shares[rule]), 4)}
                  | ({"naive": True} if rule in NAIVE else {}) for rule in told],
    }

"""Rationale of a proposal for the decision record: value, weight and cost of the rules, and the forecast at its horizon.

No plan is made from it, so it stays short: the heaviest rules, and the naive ones for comparison.
"""

from datetime import timedelta
from typing import Any

import numpy as np

from config.model.layers import base_name
from controller.decision.costs.keep_alive import keep_alive_body
from controller.decision.planning.plan import Plan
from controller.decision.selection.rule_table import heaviest_body
from controller.decision.selection.rule_values import ProposalBasis
from controller.fleet.fleet import Fleet
from controller.forecasts.accuracy_tracker import ForecastAccuracy
from controller.forecasts.capacity_forecast import SCORED_LEVELS
from forecasting.demand import minute_of


def proposal_rationale(fleet: Fleet, accuracy: ForecastAccuracy, plan: Plan) -> dict[str, Any]:
    """Return the rationale of a plan's proposal. Its horizon: from the plan to the first minute that it can change. Pings above a
    base have the forecast of their pool; their rules are in the text of the proposal.
    """
    name, proposal = base_name(plan.pool), plan.proposal
    region = fleet.region_of[name]
    terms, _ = region.weights(name)
    at = plan.at + timedelta(minutes=terms.lead_time)
    peaks = accuracy.at(np.array([accuracy.row[name]]), minute_of(at))[0]
    basis = None if proposal is None or proposal.basis is None else proposal.basis.detach()
    return {
        "forecast": None if np.isnan(peaks).any() else {
            "of": at.replace(second=0, microsecond=0).isoformat(), "horizon_minutes": terms.lead_time,
            "peak_below": {str(level): round(float(peak), 2) for level, peak in zip(SCORED_LEVELS, peaks, strict=True)}},
        "keep_alive": keep_alive_body(fleet.keep_alive(name)) | {"used_minutes": terms.keep_alive},
        **({} if not isinstance(basis, ProposalBasis) else heaviest_body(basis, region.proposer.costs(name).bills)),
    }

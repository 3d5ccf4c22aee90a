"""Grants of prewarm requests from applications that expect users: units, end and cost. Pure."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.model.policy import PoolPolicy
from config.model.schedule import MOST_UNITS
from controller.decision.costs.cost_model import usd_per_minute_left
from controller.decision.planning.overrides_in_force import Kind, Override
from controller.decision.planning.planner import bounds_now


@dataclass(frozen=True, slots=True)
class PrewarmRequest:
    """Request of an application."""

    units: int
    span: timedelta
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class PrewarmGrant:
    """Granted part of a request. `limited_by`: keys of the policy that reduced it. `bill_usd`: of the units that are not
    requested already; None while their price is unknown.
    """

    units: int
    until: datetime
    limited_by: tuple[str, ...]
    bill_usd: float | None


@dataclass(frozen=True, slots=True)
class PoolCapacity:
    """Capacity and spending of a pool that a grant depends on. `usd_per_unit_minute` is 0 while it is unknown."""

    requested: int
    spent_usd: float
    usd_per_unit_minute: float
    billing_step: timedelta = timedelta(0)


def grant(policy: PoolPolicy, capacity: PoolCapacity, request: PrewarmRequest, now: datetime) -> PrewarmGrant:
    """Return the part of a request within the ceiling, the budget and the policy's `prewarm`; 0 units without `prewarm`."""
    if policy.prewarm is None:
        return PrewarmGrant(0, now, ("prewarm",), 0.0)
    _, ceiling, _ = bounds_now(policy, now)
    price, budget = capacity.usd_per_unit_minute, policy.budget_usd_per_month
    limits = {"prewarm.max_units": policy.prewarm.max_units, "max": ceiling}
    if budget is not None and price > 0:
        limits["budget_usd_per_month"] = int(min(usd_per_minute_left(budget, capacity.spent_usd, now) / price, MOST_UNITS))
    units, span = min(request.units, *limits.values()), min(request.span, policy.prewarm.max_duration)
    limited_by = [key for key, most in limits.items() if most < request.units and most == units]
    if span < request.span:
        limited_by.append("prewarm.max_duration")
    usd = max(span, capacity.billing_step).total_seconds() / 60 * max(0, units - capacity.requested) * price
    return PrewarmGrant(units, now + span, tuple(limited_by), round(usd, 6) if math.isfinite(price) and price > 0 else None)


def override_of(request: PrewarmRequest, granted: PrewarmGrant, now: datetime) -> Override:
    """Return the override of a grant."""
    return Override(Kind.PREWARM, granted.until, request.by, request.reason, granted.units, since=now,
                    steps=((granted.units, granted.until),))

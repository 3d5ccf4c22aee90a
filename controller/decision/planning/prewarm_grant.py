"""What an application asks for that knows of users coming: how much of it is granted, for how long, and at what cost. Pure."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.model.policy import PoolPolicy
from config.model.schedule import MOST_UNITS
from controller.decision.costs.cost_model import usd_per_minute_left
from controller.decision.planning.overrides import Kind, Override
from controller.decision.planning.planner import bounds_now


@dataclass(frozen=True, slots=True)
class PrewarmRequest:
    """What is asked for."""

    units: int
    span: timedelta
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class PrewarmGrant:
    """What is granted of a wish. `limited_by`: the keys of the policy that left less. `cost_usd`: of the units that are not
    requested already; None while their price is not known.
    """

    units: int
    until: datetime
    limited_by: tuple[str, ...]
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class PoolCapacity:
    """What of a pool counts for a grant. `usd_per_unit_minute` is 0 while it is not known."""

    requested: int
    spent_usd: float
    usd_per_unit_minute: float
    billing_step: timedelta = timedelta(0)


def grant(policy: PoolPolicy, standing: PoolCapacity, wish: PrewarmRequest, now: datetime) -> PrewarmGrant:
    """What ceiling, budget and the policy's `prewarm` leave of a wish. A policy without `prewarm` leaves nothing."""
    if policy.prewarm is None:
        return PrewarmGrant(0, now, ("prewarm",), 0.0)
    _, ceiling, _ = bounds_now(policy, now)
    price, budget = standing.usd_per_unit_minute, policy.budget_usd_per_month
    left = {"prewarm.max_units": policy.prewarm.max_units, "max": ceiling}
    if budget is not None and price > 0:
        left["budget_usd_per_month"] = int(min(usd_per_minute_left(budget, standing.spent_usd, now) / price, MOST_UNITS))
    units, span = min(wish.units, *left.values()), min(wish.span, policy.prewarm.max_duration)
    limited = [key for key, most in left.items() if most < wish.units and most == units]
    if span < wish.span:
        limited.append("prewarm.max_duration")
    paid = max(span, standing.billing_step).total_seconds() / 60 * max(0, units - standing.requested) * price
    return PrewarmGrant(units, now + span, tuple(limited), round(paid, 6) if math.isfinite(price) and price > 0 else None)


def override_of(wish: PrewarmRequest, granted: PrewarmGrant, now: datetime) -> Override:
    """The order that keeps what was granted."""
    return Override(Kind.PREWARM, granted.until, wish.by, wish.reason, granted.units, since=now,
                    steps=((granted.units, granted.until),))

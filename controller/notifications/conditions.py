"""What the fleet shows at a tick that an operator may have to be told of. Pure reading."""

from collections.abc import Iterator
from datetime import datetime

from controller.decision.planning.observation import DataFreshness
from controller.decision.planning.plan import deciding_code
from controller.decision.planning.planner import UNSEEN
from controller.decision.planning.reasons import ReasonCode
from controller.fleet.fleet import Fleet
from controller.notifications.notice import DAEMON, Key, Standing
from controller.redaction.redactor import redact_text

NEAR = 0.9
"""The share of a budget that is told as near."""

CODES = {
    ReasonCode.WRITE_FAILED: "write-failed", ReasonCode.ALLOCATION_FAILED: "write-failed",
    ReasonCode.CAPACITY_UNKNOWN: "capacity-unknown",
    ReasonCode.FOREIGN_WRITE: "foreign-write", ReasonCode.SETTING_GONE: "foreign-write",
    ReasonCode.FOREIGN_OWNER: "other-autoscaler",
    ReasonCode.QUOTA: "quota-reached", ReasonCode.BUDGET: "budget-reached",
}
"""Reasons of a plan that are a condition to tell of."""


def standing_of(fleet: Fleet, now: datetime) -> Standing:
    """Every pool's conditions, and the daemon's own. Of pools that another daemon leads that one tells."""
    leads = fleet.tenure.write_blocked is None
    found = {name: dict(conditions(fleet, name, now)) if leads and not unknown(fleet, name) else None
             for name in fleet.reconcilers}
    store = fleet.store_error
    own = {} if store is None else {Key(DAEMON, "store-failing"): redact_text(f"nothing can be stored: {store}")}
    return found | {DAEMON: own}


def unknown(fleet: Fleet, name: str) -> bool:
    """Whether nothing can be said of a pool yet: it was not planned, or its capacity was not read in this run."""
    plan = fleet.plans.get(name)
    return plan is None or deciding_code(plan) is ReasonCode.NOT_READ


def conditions(fleet: Fleet, name: str, now: datetime) -> Iterator[tuple[Key, str]]:
    """What holds of one pool, with a sentence."""
    reconciler, plan = fleet.reconcilers[name], fleet.plans[name]
    for reason in plan.reasons:
        if reason.code in CODES:
            yield Key(name, CODES[reason.code]), redact_text(reason.text)
    sight, age = fleet.region_of[name].collector.freshness(name, now)
    if sight in (DataFreshness.LATE, DataFreshness.BROKEN):
        error = fleet.region_of[name].collector.errors.get(name)
        newest = "" if age is None else f", the newest is {int(age.total_seconds() // 60)} min old"
        yield Key(name, "metrics-stale"), redact_text(f"{UNSEEN[sight]}{newest}{'' if error is None else f': {error}'}")
    budget, state = reconciler.policy.budget_usd_per_month, reconciler.state
    if budget is not None and state.month == f"{now:%Y-%m}" and state.spent_usd >= NEAR * budget:
        yield Key(name, "budget-near", state.month), f"{state.spent_usd:.2f} of {budget:g} USD of {state.month} are spent"
    for order in reconciler.overrides:
        if order.until > now:
            yield Key(name, "override-set", f"{order.kind.value} {order.until.isoformat()}"), redact_text(order.text)
    diary = fleet.region_of[name].diary
    if diary is not None and (warnings := diary.warnings(name)):
        yield Key(name, "event-no-effect"), redact_text("; ".join(warnings))
    if name in fleet.faults:
        yield Key(name, "fault"), redact_text(f"its step failed: {fleet.faults[name]}")

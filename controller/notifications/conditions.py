"""Conditions of the fleet at a tick that may need an operator. Reads the fleet only."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from controller.decision.planning.missing_metrics import MISSING_TEXT
from controller.decision.planning.observation import DataFreshness
from controller.decision.planning.plan import deciding_code
from controller.decision.planning.reason_codes import ReasonCode
from controller.fleet.fleet import Fleet
from controller.notifications.notice import DAEMON
from controller.notifications.sending_rules import CurrentConditions, Key
from controller.redaction.redactor import redact_text

NEAR = 0.9
"""Share of a budget from which `budget-near` holds."""

CODES = {
    ReasonCode.WRITE_FAILED: "write-failed", ReasonCode.ALLOCATION_FAILED: "write-failed",
    ReasonCode.CAPACITY_UNKNOWN: "capacity-unknown",
    ReasonCode.FOREIGN_WRITE: "foreign-write", ReasonCode.SETTING_GONE: "foreign-write",
    ReasonCode.FOREIGN_OWNER: "other-autoscaler",
    ReasonCode.QUOTA: "quota-reached", ReasonCode.BUDGET: "budget-reached",
}
"""Reason codes of a plan that are a condition."""


def current_conditions(fleet: Fleet, now: datetime) -> CurrentConditions:
    """Return the conditions of every pool and of the daemon. On a standby all pools are unknown, the leader reports them."""
    leads = fleet.term.write_blocked is None
    by_pool = {name: dict(pool_conditions(fleet, name, now)) if leads and not is_unknown(fleet, name) else None
               for name in fleet.reconcilers}
    error = fleet.store_error
    daemon = {} if error is None else {Key(DAEMON, "store-failing"): redact_text(f"store writes fail: {error}")}
    if leads:
        daemon |= {Key(DAEMON, "orphan", each.lever.resource): redact_text(f"{each.pool}: {fleet.orphans.text(each)}")
                   for each in fleet.orphans.found}
    return by_pool | {DAEMON: daemon}


def is_unknown(fleet: Fleet, name: str) -> bool:
    """Return whether a pool has no plan yet, or its capacity was not read in this run."""
    plan = fleet.plans.get(name)
    return plan is None or deciding_code(plan) is ReasonCode.NOT_READ


def pool_conditions(fleet: Fleet, name: str, now: datetime) -> Iterator[tuple[Key, str]]:
    """Yield the conditions of one pool, each with a sentence."""
    reconciler, top = fleet.reconcilers[name], fleet.tops.get(name)
    layers = [("", name)] if top is None else [("", name), ("pings: ", top.policy.name)]
    for code, texts in plan_conditions(fleet, layers).items():
        yield Key(name, code), redact_text("; ".join(texts))
    freshness, age = fleet.region_of[name].collector.freshness(name, now)
    if freshness in (DataFreshness.LATE, DataFreshness.BROKEN):
        error = fleet.region_of[name].collector.errors.get(name)
        newest = "" if age is None else f", the newest is {int(age.total_seconds() // 60)} min old"
        yield Key(name, "metrics-stale"), redact_text(f"{MISSING_TEXT[freshness]}{newest}{'' if error is None else f': {error}'}")
    budget, month = reconciler.policy.budget_usd_per_month, f"{now:%Y-%m}"
    spent_usd = sum(each.state.spent_usd for each in (reconciler, top) if each is not None and each.state.month == month)
    if budget is not None and spent_usd >= NEAR * budget:
        spent = "would have been spent" if reconciler.policy.mode == "shadow" else "are spent"
        amount = f"{spent_usd:.2f} of {budget:g} USD of {month}"
        yield Key(name, "budget-near", month), f"{amount} {spent} on warm capacity (bill, without cold-start cost)"
    for override in reconciler.overrides:
        if override.until > now:
            yield Key(name, "override-set", f"{override.kind.value} {override.until.isoformat()}"), redact_text(override.text)
    events = fleet.region_of[name].events
    if events is not None and (warnings := events.warnings(name)):
        yield Key(name, "event-no-effect"), redact_text("; ".join(warnings))
    if faults := [f"{layer}its step failed: {fleet.faults[each]}" for layer, each in layers if each in fleet.faults]:
        yield Key(name, "fault"), redact_text("; ".join(faults))


def plan_conditions(fleet: Fleet, layers: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the texts of each condition in the plans of a pool's layers. `layers`: start of the text, and name."""
    found: dict[str, list[str]] = {}
    for layer, name in layers:
        plan = fleet.plans.get(name)
        for reason in () if plan is None else plan.reasons:
            if reason.code in CODES:
                found.setdefault(CODES[reason.code], []).append(f"{layer}{reason.text}")
    return found

"""Effects of the overrides in force, as text: what each one requests or holds, and what limits it, from the pool's plan."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from controller.decision.planning.overrides_in_force import Kind, Override, entry
from controller.decision.planning.plan import Action, Plan, PlannedDecision
from controller.decision.planning.reason_codes import Reason, ReasonCode
from controller.fleet.fleet import Fleet
from controller.redaction.redactor import redact_text

CODES = {Kind.PAUSE: ReasonCode.PAUSED, Kind.PIN: ReasonCode.PINNED, Kind.BOOST: ReasonCode.BOOSTED,
         Kind.PREWARM: ReasonCode.PREWARMED}

SHADOW = "shadow: nothing is written; simulated capacity follows"

NOW, NEXT_TICK = "now", "at the next tick"


def taking_effect(soon: bool) -> str:
    """Return when a change of overrides takes effect. `soon`: whether a step of the pool has been started."""
    return NOW if soon else NEXT_TICK


def entries_in_force(fleet: Fleet, name: str, now: datetime) -> list[dict[str, Any]]:
    """Return the overrides of a pool that are in force, each with its effect, as JSON values."""
    in_force = tuple(each for each in fleet.reconcilers[name].overrides if each.until > now)
    if not in_force:
        return []
    decision = decision_under(fleet, name, now, in_force)
    return [entry(each) | {"effect": redact_text(effect_of(each, decision.plan, decision.policy.mode))} for each in in_force]


def decision_under(fleet: Fleet, name: str, now: datetime, in_force: tuple[Override, ...]) -> PlannedDecision:
    """Return the pool's last decision if it was made under these overrides, else a plan on the current state. Changes nothing."""
    last = fleet.inputs.get(name, {}).get("decision")
    if isinstance(last, PlannedDecision) and last.seen.overrides == in_force:
        return last
    reconciler, view = fleet.reconcilers[name], fleet.view(name, now)
    planned = reconciler.plan(view, now)
    bounds = fleet.limiter.preview(planned, now)
    return reconciler.plan(view, now, bounds) if bounds else planned


def effect_of(override: Override, plan: Plan, mode: str) -> str:
    """Return the effect of an override on a plan made under it: its own step, then each later step that changed the result."""
    at = next((at for at, reason in enumerate(plan.reasons) if reason.code is CODES[override.kind]), None)
    if at is None:
        text = no_effect(override, plan)
    else:
        limits = [reason.limit for reason in plan.reasons[at + 1:] if reason.before != reason.after]
        if plan.action is Action.HOLD and at + 1 < len(plan.reasons) and plan.reasons[-1].limit not in limits:
            limits.append(plan.reasons[-1].limit)
        text = own_step(override.kind, plan.reasons[at], plan)
        text += f"; held at {units_text(plan.target)}: {', then '.join(limits)}" if limits else change_text(plan, mode)
    return f"{text}; {SHADOW}" if mode == "shadow" else text


def own_step(kind: Kind, reason: Reason, plan: Plan) -> str:
    """Return what an override requires, by its own step of the plan."""
    match kind:
        case Kind.PIN:
            return f"pinned at {reason.after}"
        case Kind.BOOST:
            return f"boosted from {reason.before} to {reason.after}"
        case Kind.PREWARM:
            return f"raised from {reason.before} to {reason.after}"
        case Kind.PAUSE:
            without = "" if reason.before == reason.after else f"; without the pause {reason.before} would be requested"
            return f"holding {units_text(plan.target)}{without}"


def no_effect(override: Override, plan: Plan) -> str:
    """Return why an override changes nothing: capacity is unknown or held, or the target is the same without it."""
    if plan.action is Action.HOLD or plan.target is None:
        return f"no effect while capacity is held at {units_text(plan.target)}: {plan.reasons[-1].limit}"
    if override.kind is Kind.BOOST and all(reason.code is not ReasonCode.PROPOSED for reason in plan.reasons):
        return f"no effect: there is no proposal to raise; target {plan.target}: {plan.text}"
    return f"no additional units: the target is {plan.target} without it"


def change_text(plan: Plan, mode: str) -> str:
    """Return the units that a plan changes; empty where it changes none."""
    if plan.action is not Action.WRITE:
        return ""
    return f" ({'simulated' if mode == 'shadow' else 'requested'} {plan.requested} → {plan.target})"


def units_text(units: int | None) -> str:
    """Return units as text; they are unknown until capacity has been read."""
    return "an unknown number of units" if units is None else str(units)


def entry_of(override: Override, in_force: list[dict[str, Any]]) -> Mapping[str, Any]:
    """Return the entry of an override among those in force; a request at the same time may have ended it."""
    return next((each for each in in_force if each["kind"] == override.kind.value), entry(override) | {"effect": "ended already"})

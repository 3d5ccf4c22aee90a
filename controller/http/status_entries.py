"""Status of one pool and of one demand source as JSON values."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from adapters.ports.lever import Capacity, MeasuresRounds
from controller.accounting.figures import rounded
from controller.accounting.shown_figures import ShownFigures
from controller.decision.costs.kinds import KIND_OF_MODE, KINDS, Kind
from controller.decision.events.event_demand import UpcomingEvent, expected_text
from controller.decision.planning.missing_metrics import exceeds_missing_limit
from controller.decision.planning.plan import Plan
from controller.decision.planning.reason_codes import Reason, ReasonCode
from controller.decision.selection.layers.top_basis import PingBasis
from controller.demand.collector import DemandCollector
from controller.fleet.decision_log import DecisionLog
from controller.fleet.fleet import Fleet
from controller.fleet.readings import readings_of
from controller.fleet.reconciler import Reconciler
from controller.forecasts.components import Forecasts
from controller.overrides.effects import entries_in_force
from controller.redaction.redactor import redact_text
from forecasting.demand import instant_of

MOST_EVENTS = 20
CAPACITY_KEYS = {kind: tuple(f"{kind}_{name}" for name in ("requested", "ready", "phase")) for kind in KINDS}
"""Keys of a pool's entry by kind."""

BLACKOUT_KEYS = ("actual_ping_blackout_seconds_since_start", "actual_ping_blackout_requests_since_start")


def pool_entry(fleet: Fleet, figures: ShownFigures, decision_log: DecisionLog, forecasts: Forecasts, name: str,
               now: datetime) -> dict[str, Any]:
    """Return one pool as in `/status`. Units are integers or, for demand, averages; unknown values are None.

    A key that starts with `actual_` is what the provider has or did, one with `simulated_` what a pool in shadow mode would have
    had. A pool has only the keys of its kinds.
    """
    ahead = forecasts.rotation.capacity_forecast(name, now)
    reconciler, region, plan = fleet.reconcilers[name], fleet.region_of[name], fleet.plans.get(name)
    freshness, age = region.collector.freshness(name, now)
    peak, busy = region.collector.latest(name) or (math.nan, math.nan)
    (actual, simulated), error = readings_of(reconciler), reconciler.error
    source_error = region.collector.errors.get(name)
    keep_alive = fleet.keep_alive(name)
    mode, hourly = reconciler.policy.mode, reconciler.usd_per_unit_minute * 60
    return {
        "name": name, "mode": mode, "lever": reconciler.policy.lever.kind, "account": reconciler.policy.account,
        **capacity_entry("actual", actual), **(capacity_entry("simulated", simulated) if mode == "shadow" else {}),
        "kept_by_others": None if actual is None else actual.others,
        "kept_by": redact_text(actual.others_by) if actual is not None and actual.others else None,
        "busy": rounded(busy), "peak": rounded(peak), "target": None if plan is None else plan.target,
        "action": None if plan is None else plan.action_name, "min": reconciler.policy.min, "max": reconciler.policy.max,
        "traffic": region.collector.traffic(name, now).value, "metrics_missing_since": iso_text(outage_since(fleet, name, now)),
        "freshness": freshness.value, "data_age_seconds": seconds(age),
        "forecast_age_seconds": None if region.followed_at is None else seconds(now - region.followed_at),
        "capacity_age_seconds": None if actual is None else seconds(now - actual.observed_at),
        "lead_time_seconds": seconds(reconciler.lead_time),
        "last_write": iso_text(reconciler.state.written_at) if mode == "active" else None,
        "keep_alive_seconds": seconds(keep_alive.span), "keep_alive_basis": keep_alive.basis.value,
        "dead_man": [[iso_text(at), units] for at, units in reconciler.state.scheduled_fallback],
        f"{KIND_OF_MODE[mode]}_usd_per_hour": hourly_usd(simulated if mode == "shadow" else actual, hourly),
        "others_usd_per_hour": None if actual is None else rounded(actual.others * hourly),
        **figures.entry(name),
        "error": next((redact_text(str(each)) for each in (error, source_error, fleet.faults.get(name)) if each), None),
        "overrides": entries_in_force(fleet, name, now),
        "decision": decision_entry(plan), "last_change": decision_entry(decision_log.last_change.get(name)),
        "next": ahead.pairs, "next_at": iso_text(ahead.at), "next_missing": ahead.reason,
        **({} if (top := fleet.tops.get(name)) is None else {"pings": pings_entry(fleet, top)}), **blackout_entry(fleet, name),
        "events": [event_entry(each) for each in region.upcoming_events(name, now)[:MOST_EVENTS]],
        "metric_reads_usd_per_month": rounded(region.collector.reading.usd_per_month(name)),
        "metric_reads_slowed": region.collector.reading.slowed.get(name),
        "event_warnings": region.event_warnings(name), "leads": lead_entries(fleet, name, now),
    }


def pings_entry(fleet: Fleet, top: Reconciler) -> dict[str, Any]:
    """Return the layer above the base of a pool: units that pings keep warm, in addition to those of the pool's entry.

    `level`: units in total that both layers should keep; None for a plan without a proposal.
    """
    (actual, simulated), plan, mode = readings_of(top), fleet.plans.get(top.policy.name), top.policy.mode
    basis = None if plan is None or plan.proposal is None or plan.proposal.basis is None else plan.proposal.basis.detach()
    error = next((redact_text(str(each)) for each in (top.error, fleet.faults.get(top.policy.name)) if each), None)
    return {
        "lever": top.policy.lever.kind, "mode": mode, **capacity_entry("actual", actual),
        **(capacity_entry("simulated", simulated) if mode == "shadow" else {}),
        "target": None if plan is None else plan.target, "level": basis.top.level if isinstance(basis, PingBasis) else None,
        "action": None if plan is None else plan.action_name,
        "text": None if plan is None else "; ".join(map(reason_text, plan.reasons)),
        f"{KIND_OF_MODE[mode]}_usd_per_hour": hourly_usd(simulated if mode == "shadow" else actual,
                                                         top.usd_per_unit_minute * 60),
        "error": error,
    }


def blackout_entry(fleet: Fleet, name: str) -> dict[str, Any]:
    """Return for how long rounds of pings have held all idle units of a pool since the start of the daemon, in seconds, and the
    requests of users that are expected to have arrived then. None where it is not measured: in shadow mode, before the first
    round, and for requests in minutes without metrics. Empty for a pool without pings.
    """
    reconciler = fleet.tops.get(name) or fleet.reconcilers[name]
    if reconciler.policy.lever.persists:
        return {}
    rounds = reconciler.lever.rounds() if isinstance(reconciler.lever, MeasuresRounds) else None
    held, requests = (None, None) if rounds is None or not rounds.rounds else (rounds.blackout_seconds, rounds.blackout_requests)
    return {key: None if value is None else rounded(value) for key, value in zip(BLACKOUT_KEYS, (held, requests), strict=True)}


def capacity_entry(kind: Kind, capacity: Capacity | None) -> dict[str, Any]:
    """Return requested and ready units and the phase of a reading under the keys of its kind."""
    values = (None, None, None) if capacity is None else (capacity.requested, capacity.ready, capacity.phase.value)
    return dict(zip(CAPACITY_KEYS[kind], values, strict=True))


def hourly_usd(capacity: Capacity | None, hourly: float) -> float | None:
    """Return the cost per hour of ready units, with those that others keep; `hourly`: of one unit."""
    return None if capacity is None else rounded((capacity.ready + capacity.others) * hourly)


def outage_since(fleet: Fleet, name: str, now: datetime) -> datetime | None:
    """Return since when metrics of a pool are missing; None within the limit that its policy sets."""
    since = fleet.region_of[name].collector.missing_since(name, now)
    return since if exceeds_missing_limit(fleet.reconcilers[name].policy, since, now) else None


def decision_entry(plan: Plan | None) -> dict[str, Any] | None:
    """Return the summary of a plan; None without one."""
    if plan is None:
        return None
    return {"at": iso_text(plan.at), "action": plan.action_name, "target": plan.target,
            "text": "; ".join(map(reason_text, plan.reasons))}


def reason_text(reason: Reason) -> str:
    """Return a reason without secrets. Only limits have texts of others; they repeat, so that their redaction is cached, while
    the numbers of a proposal differ at each tick.
    """
    if reason.code is ReasonCode.PROPOSED:
        return reason.text
    return redact_text(reason.limit) + (f": {reason.change}" if reason.change else "")


def event_entry(event: UpcomingEvent) -> dict[str, Any]:
    """Return one window of an announced event, with the expected demand."""
    window = event.window
    return {"name": redact_text(window.name), "start": iso_text(instant_of(window.start)),
            "end": iso_text(instant_of(window.end)),
            "expected": redact_text(expected_text(event))}


def lead_entries(fleet: Fleet, name: str, now: datetime) -> list[dict[str, Any]]:
    """Return the leading signals of a pool. The last plan used at most one: the one that has recently cost least."""
    if fleet.leads is None:
        return []
    plan, found = fleet.plans.get(name), list[dict[str, Any]]()
    used = None if plan is None else plan.lead
    for each in fleet.leads.states(name, now):
        best = used if used is not None and used.name == each.name else None
        found.append({
            "name": redact_text(each.name), "value": None if each.value is None else rounded(each.value),
            "age_seconds": seconds(each.age), "delay_seconds": seconds(each.delay), "error": redact_text(each.error) or None,
            "forecast": None if best is None else best.forecast, "followed": best is not None and best.applies,
        })
    return found


def source_entry(collector: DemandCollector, interval: timedelta, leads: bool = False) -> Mapping[str, Any]:
    """Return one demand source: its delay, errors, and monthly cost of reads at list price. `interval`: between ticks. `leads`:
    whether its series are leading signals and no pool's demand.
    """
    count = collector.reading.pools
    usd = collector.reading.total_usd_per_month(interval)
    return {
        "kind": collector.source.kind, "pools": 0 if leads else count, "leads": count if leads else 0,
        "collected_at": iso_text(collector.collected_at),
        "metric_delay_seconds": seconds(collector.metric_delay), "metric_delay_measured": collector.meter.delay is not None,
        "failing": len(collector.errors), "metric_reads_usd_per_month": rounded(usd),
    }


def seconds(span: timedelta | None) -> float | None:
    """Return a duration in seconds."""
    return None if span is None else round(span.total_seconds(), 3)


def iso_text(at: datetime | None) -> str | None:
    """Return an instant in ISO 8601."""
    return None if at is None else at.isoformat()

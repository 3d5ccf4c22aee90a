"""Status of one pool and of one demand source as JSON values."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from controller.accounting.ledger import NAMES, Ledger, range_of
from controller.decision.events.event_demand import UpcomingEvent, expected_text
from controller.decision.planning.missing_metrics import exceeds_missing_limit
from controller.decision.planning.plan import Plan
from controller.demand.pool_group import PoolGroup
from controller.fleet.decision_log import DecisionLog
from controller.fleet.fleet import Fleet
from controller.forecasts.components import Forecasts
from controller.overrides.effects import entries_in_force
from controller.redaction.redactor import redact_text
from forecasting.demand import instant_of

MOST_EVENTS = 20
AT = {name: at for at, name in enumerate(NAMES)}
COST, SAVED, COLD, COLD_WITHOUT = (AT[name] for name in ("cost_usd", "saved_usd", "cold_starts", "cold_starts_without"))


def pool_entry(fleet: Fleet, accounts: Ledger, decision_log: DecisionLog, forecasts: Forecasts, name: str,
               now: datetime) -> dict[str, Any]:
    """Return one pool as in `/status`. Units are integers or, for demand, averages; unknown values are None."""
    ahead = forecasts.rotation.capacity_forecast(name, now)
    reconciler, region, plan = fleet.reconcilers[name], fleet.region_of[name], fleet.plans.get(name)
    freshness, age = region.collector.freshness(name, now)
    peak, busy = region.collector.latest(name) or (math.nan, math.nan)
    capacity, error = reconciler.capacity, reconciler.error
    source_error = region.collector.errors.get(name)
    keep_alive = fleet.keep_alive(name)
    (today, month), hourly = accounts.row(name), reconciler.usd_per_unit_minute * 60
    return {
        "name": name, "mode": reconciler.policy.mode, "lever": reconciler.policy.lever.kind,
        "requested": None if capacity is None else capacity.requested, "ready": None if capacity is None else capacity.ready,
        "phase": None if capacity is None else capacity.phase.value,
        "kept_by_others": None if capacity is None else capacity.others,
        "kept_by": redact_text(capacity.others_by) if capacity is not None and capacity.others else None,
        "busy": rounded(busy), "peak": rounded(peak), "target": None if plan is None else plan.target,
        "action": None if plan is None else plan.action.value, "min": reconciler.policy.min, "max": reconciler.policy.max,
        "traffic": region.collector.traffic(name, now).value, "metrics_missing_since": iso_text(outage_since(fleet, name, now)),
        "freshness": freshness.value, "data_age_seconds": seconds(age),
        "forecast_age_seconds": None if region.followed_at is None else seconds(now - region.followed_at),
        "capacity_age_seconds": None if capacity is None else seconds(now - capacity.observed_at),
        "lead_time_seconds": seconds(reconciler.lead_time), "last_write": iso_text(reconciler.state.written_at),
        "keep_alive_seconds": seconds(keep_alive.span), "keep_alive_basis": keep_alive.basis.value,
        "dead_man": [[iso_text(at), units] for at, units in reconciler.state.scheduled_fallback],
        "usd_per_hour": None if capacity is None else rounded((capacity.ready + capacity.others) * hourly),
        "others_usd_per_hour": None if capacity is None else rounded(capacity.others * hourly),
        "cost_today_usd": rounded(today[COST]), "cost_month_usd": rounded(month[COST]),
        "others_month_usd": rounded(month[AT["others_usd"]]), "saved_month_usd": rounded(month[SAVED]),
        "saved_month_range_usd": rounded_range(range_of(month, "saved_usd")),
        "cold_starts_today": rounded(today[COLD]), "cold_starts_today_without": rounded(today[COLD_WITHOUT]),
        "cold_starts_today_range": rounded_range(range_of(today, "cold_starts")),
        "cold_starts_today_without_range": rounded_range(range_of(today, "cold_starts_without")),
        "cost_today_without_usd": rounded(today[AT["without_usd"]]),
        "cost_today_tracking_usd": rounded(today[AT["tracking_usd"]]),
        "cold_starts_today_tracking": rounded(today[AT["cold_starts_tracking"]]),
        "cold_start_cost_today_usd": rounded(today[AT["cold_start_usd"]]), "saved_today_usd": rounded(today[SAVED]),
        "saved_today_range_usd": rounded_range(range_of(today, "saved_usd")),
        "saved_today_on_tracking_usd": rounded(today[AT["saved_on_tracking_usd"]]),
        "error": next((redact_text(str(each)) for each in (error, source_error, fleet.faults.get(name)) if each), None),
        "overrides": entries_in_force(fleet, name, now),
        "decision": decision_entry(plan), "last_change": decision_entry(decision_log.last_change.get(name)),
        "next": ahead.pairs, "next_at": iso_text(ahead.at), "next_missing": ahead.reason,
        "events": [event_entry(each) for each in region.upcoming_events(name, now)[:MOST_EVENTS]],
        "event_warnings": region.event_warnings(name),
    }


def outage_since(fleet: Fleet, name: str, now: datetime) -> datetime | None:
    """Return since when metrics of a pool are missing; None within the limit that its policy sets."""
    since = fleet.region_of[name].collector.missing_since(name, now)
    return since if exceeds_missing_limit(fleet.reconcilers[name].policy, since, now) else None


def decision_entry(plan: Plan | None) -> dict[str, Any] | None:
    """Return the summary of a plan; None without one."""
    if plan is None:
        return None
    return {"at": iso_text(plan.at), "action": plan.action.value, "target": plan.target, "text": redact_text(plan.text)}


def event_entry(event: UpcomingEvent) -> dict[str, Any]:
    """Return one window of an announced event, with the expected demand."""
    window = event.window
    return {"name": redact_text(window.name), "start": iso_text(instant_of(window.start)),
            "end": iso_text(instant_of(window.end)),
            "expected": redact_text(expected_text(event))}


def source_entry(region: PoolGroup, interval: timedelta) -> Mapping[str, Any]:
    """Return one demand source: its delay, errors, and monthly cost of reads at list price. `interval`: between ticks."""
    collector = region.collector
    return {
        "kind": collector.source.kind, "pools": len(collector.pools), "collected_at": iso_text(collector.collected_at),
        "metric_delay_seconds": seconds(collector.metric_delay), "metric_delay_measured": collector.meter.delay is not None,
        "failing": len(collector.errors),
        "reads_usd_per_month": rounded(collector.source.monthly_cost_usd(len(collector.pools), interval)),
    }


def rounded(value: float) -> float | None:
    """Return `value` rounded to 6 decimals, None if it is NaN or infinite."""
    return round(value, 6) if math.isfinite(value) else None


def rounded_range(pair: tuple[float, float] | None) -> tuple[float | None, ...] | None:
    """Return both ends of a range, rounded."""
    return None if pair is None else tuple(rounded(each) for each in pair)


def seconds(span: timedelta | None) -> float | None:
    """Return a duration in seconds."""
    return None if span is None else round(span.total_seconds(), 3)


def iso_text(at: datetime | None) -> str | None:
    """Return an instant in ISO 8601."""
    return None if at is None else at.isoformat()

"""Plan of a pool whose metrics are missing. Pure."""

from datetime import datetime

from config.model.policy import PoolPolicy
from controller.decision.planning.observation import DataFreshness, DemandView, Observation
from controller.decision.planning.overrides_in_force import Kind, active
from controller.decision.planning.plan import (
    GuardrailContext,
    PlanDraft,
    raised_by,
    whole_units,
)
from controller.decision.planning.reason_codes import ReasonCode

MISSING_TEXT = {DataFreshness.FRESH: "there is no forecast yet", DataFreshness.LATE: "metrics are late",
                DataFreshness.BROKEN: "metrics are broken",
                DataFreshness.QUIET: "no metrics come, as where nothing runs", DataFreshness.NONE: "no metrics have come yet"}
"""Why there is no usable demand, as text."""


def draft_without_metrics(context: GuardrailContext) -> PlanDraft:
    """Return the draft while metrics are missing: hold, or follow the last forecast; not below current capacity or the floor."""
    demand, rule, requested = context.seen.demand, context.policy.on_missing_metrics, context.requested
    code, text = missing_reason(context.seen, context.policy)
    draft = PlanDraft(requested)
    if rule == "hold" and requested >= max(context.floor, raised_by(demand.announced, context)):
        if has_fixed_override(context):  # overrides apply also while metrics are missing
            return draft.decide(requested, code, f"{text}, on_missing_metrics {rule}")
        return draft.hold(requested, code, f"{text}, on_missing_metrics {rule}")
    wanted, least = context.floor, [f"requested {requested}", f"floor {context.floor}"]
    if rule == "forecast" and demand.proposal is not None:
        proposed = whole_units(demand.proposal.target) or 0
        wanted = max(wanted, proposed)
        least.append(f"last proposal {proposed}")
    return draft.decide(max(requested, wanted), code, f"{text}, on_missing_metrics {rule}, the highest of {', '.join(least)}")


def missing_reason(seen: Observation, policy: PoolPolicy) -> tuple[ReasonCode, str]:
    """Return why there is no usable demand: a reason code and its text."""
    demand, since = seen.demand, seen.demand.missing_since
    code, text = ReasonCode.METRICS_MISSING, f"{MISSING_TEXT[demand.freshness]}{age_of(demand)}"
    if demand.freshness is DataFreshness.QUIET:
        code, text = ReasonCode.QUIET_REGION, demand.quiet or text
    if since is not None and exceeds_missing_limit(policy, since, seen.now):
        minutes = (seen.now - since).total_seconds() / 60
        return ReasonCode.METRICS_MISSING_LONG, f"metrics missing since {since:%Y-%m-%d %H:%M} UTC, for {minutes:.0f} min: {text}"
    return code, text


def age_of(demand: DemandView) -> str:
    """Return the age of the newest known minute, as the end of a sentence; empty where no minute is known."""
    if demand.data_age is None:
        return ""
    minutes = int(demand.data_age.total_seconds() // 60)
    return f", the newest is {minutes} min old" if minutes >= 0 else f", the newest is {-minutes} min ahead of our clock"


def exceeds_missing_limit(policy: PoolPolicy, missing_since: datetime | None, now: datetime) -> bool:
    """Return whether metrics have been missing for at least `missing_metrics_limit` of the policy."""
    return missing_since is not None and now - missing_since >= policy.missing_metrics_limit


def has_fixed_override(context: GuardrailContext) -> bool:
    """Return whether an override is in force that needs no demand: a pin, a prewarm or a pause."""
    return any(active(context.seen.overrides, kind, context.seen.now) for kind in (Kind.PIN, Kind.PREWARM, Kind.PAUSE))

"""What Stoker wants of one pool, and why: a pure function of what was observed, the pool's state, its policy and the instant.

The target is first what the chooser proposes; then each guardrail may alter it and must say so. The result is a value:
nothing here reads a clock, calls a provider or remembers anything, so the daemon, the backtest and the tests share it.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from adapters.protocol import Capacity, Phase
from config.policy import PoolPolicy, schedule_bounds
from controller.falls import unbroken
from controller.metering import change, rest
from controller.others import remarked
from controller.overrides import Kind, active
from controller.plan import (
    INSTANTS,
    Action,
    Code,
    Context,
    Draft,
    Guardrail,
    Observation,
    Plan,
    PoolState,
    Reason,
    Sight,
    accepted,
    raised_by,
    unchanged,
    whole_units,
)

Timed = tuple[tuple[datetime, int], ...]
"""Instants, with units each."""

MINUTE = timedelta(minutes=1)

READ_AFTER_WRITE = timedelta(minutes=2)
"""A provider's read may lag behind its own write; for so long another value is not taken for somebody else's."""

DOUBTED = timedelta(minutes=15)
"""So long after a write was looked for in vain it may still happen."""

CLOCKS_APART = timedelta(minutes=2)
"""So much earlier by our clock the provider may do what it was told to do at an instant."""

UNSEEN = {Sight.FRESH: "there is no forecast yet", Sight.LATE: "metrics are late", Sight.BROKEN: "metrics are broken",
          Sight.QUIET: "no metrics come, as where nothing runs", Sight.NONE: "no metrics have come yet"}
"""Why demand cannot be planned by, in words."""


SLOWED = frozenset({Code.SCALE_DOWN_DELAY, Code.BILLING_STEP, Code.STEP_LIMIT, Code.FLEET_CHANGES, Code.WRITE_TURN})
"""What only slows a fall: how far it would have gone without is what was wanted."""


def make_plan(policy: PoolPolicy, state: PoolState, seen: Observation, guardrails: tuple[Guardrail, ...]) -> Plan:
    """Decide one pool at `seen.now`. Never raises for any observation; what it cannot know it holds."""
    capacity = seen.capacity
    state = note_found(settle_intent(caught_up(state, seen.now), capacity, seen.now), capacity)
    state = note_foreign(metered(state, seen), seen)
    if capacity is None:
        error = seen.capacity_error
        reason = (Reason(Code.NOT_READ, "its capacity has not been read yet") if error is None
                  else Reason(Code.CAPACITY_UNKNOWN, f"its capacity could not be read: {error}"))
        return Plan(policy.name, seen.now, Action.HOLD, state.written, None, None, seen.proposal, (reason,), state, seen.fencing)
    floor, ceiling, schedule = bounds_now(policy, seen.now)
    context = Context(policy, state, seen, capacity.requested, floor, ceiling, schedule)
    draft = opening(context)
    for guardrail in guardrails:
        if draft.held:
            break
        draft = guardrail(draft, context)
    state, draft = remember_wish(state, draft, context), remarked(draft, context)
    return Plan(policy.name, seen.now, action_of(draft, capacity), draft.target, capacity.requested, capacity.ready,
                seen.proposal, draft.reasons, state, seen.fencing)


def caught_up(state: PoolState, now: datetime) -> PoolState:
    """`state` without instants to come: the clock was put back since, and what holds for a while would hold longer by as much."""
    ahead: dict[str, Any] = {name: now for name in INSTANTS if (at := getattr(state, name)) and at > now}
    if state.wishes and state.wishes[-1][0] > now:
        wished = tuple(wish for wish in state.wishes if wish[0] <= now)
        ahead["wishes"] = (*wished, (now, max(units for at, units in state.wishes if at > now)))
    if any(at > now for at, _ in state.doubts):
        ahead["doubts"] = tuple((min(at, now), units) for at, units in state.doubts)
    return replace(state, **ahead) if ahead else state


def bounds_now(policy: PoolPolicy, now: datetime) -> tuple[int, int, str | None]:
    """Floor and ceiling in force, and the schedule that set one of them."""
    low, high, schedule = schedule_bounds(policy.schedules, now) if policy.schedules else (None, None, None)
    ceiling = policy.max if high is None else min(policy.max, high)
    return min(max(policy.min, low or 0), ceiling), ceiling, schedule


def action_of(draft: Draft, capacity: Capacity) -> Action:
    """What a finished draft asks of the lever."""
    if draft.held:
        return Action.HOLD
    return Action.KEEP if unchanged(draft.target, capacity) else Action.WRITE


def opening(context: Context) -> Draft:
    """The first draft: the proposal, or what the policy says of missing metrics."""
    seen, requested = context.seen, context.requested
    if seen.leaving is not None:
        return last_order(context, seen.leaving)
    if seen.sight is not Sight.FRESH or seen.proposal is None:
        return blind(context)
    units = whole_units(seen.proposal.target)
    if units is None:
        text = f"{seen.proposal.candidate} proposed no number: {requested} stays"
        return Draft(requested, (Reason(Code.INVALID_PROPOSAL, text, requested, requested),))
    text = f"{seen.proposal.candidate} proposes {units}"
    reasons: tuple[Reason, ...] = (Reason(Code.PROPOSED, text, requested, units),)
    if not seen.proposal.trusted:
        text = "history is too short to judge rules by: the recent maximum is followed"
        reasons += (Reason(Code.SHORT_HISTORY, text, units, units),)
    if seen.retimed:
        reasons += (Reason(Code.KEEP_ALIVE, seen.retimed, units, units),)
    return Draft(units, reasons)


def last_order(context: Context, leaving: str) -> Draft:
    """What the daemon leaves behind: what was there before Stoker, or the floor, also where the former is not known."""
    found = context.state.found
    if leaving == "release" and found is not None:
        target, text = found, f"the daemon ends: back to the {found} that were there before Stoker"
    else:
        target, text = context.floor, f"the daemon ends: the floor in force is {context.floor}"
    return Draft(target, (Reason(Code.ON_EXIT, text, context.requested, target),))


def blind(context: Context) -> Draft:
    """Metrics are missing: hold, or follow the last forecast; never below what is there, nor below the floor."""
    seen, requested = context.seen, context.requested
    text, code = f"{UNSEEN[seen.sight]}{age_of(seen)}", Code.METRICS_MISSING
    if seen.sight is Sight.QUIET:
        text, code = seen.quiet or text, Code.QUIET_REGION
    if is_blind(context.policy, seen.missing_since, seen.now) and seen.missing_since is not None:
        minutes = (seen.now - seen.missing_since).total_seconds() / 60
        text, code = f"blind since {seen.missing_since:%Y-%m-%d %H:%M} UTC, for {minutes:.0f} min: {text}", Code.BLIND
    rule = context.policy.on_missing_metrics
    draft = Draft(requested)
    if rule == "hold" and requested >= max(context.floor, raised_by(seen.announced, context)):
        if steered(context):  # an operator's word is to be heard when metrics are not
            return Draft(requested, (Reason(code, f"{text}: {requested} would be held", requested, requested),))
        return draft.hold(requested, code, f"{text}: holding {requested}")
    wanted = context.floor
    if rule == "forecast" and seen.proposal is not None:
        wanted = max(wanted, whole_units(seen.proposal.target) or 0)
    target = max(requested, wanted)
    reason = Reason(code, f"{text}: not below {requested}, the policy says {rule}", requested, target)
    return Draft(target, (reason,))


def age_of(seen: Observation) -> str:
    """How old the newest known minute is, in words."""
    if seen.data_age is None:
        return ""
    minutes = int(seen.data_age.total_seconds() // 60)
    return f", the newest is {minutes} min old" if minutes >= 0 else f", the newest is {-minutes} min ahead of our clock"


def is_blind(policy: PoolPolicy, missing_since: datetime | None, now: datetime) -> bool:
    """Whether metrics have been missing for longer than the policy takes quietly."""
    return missing_since is not None and now - missing_since >= policy.missing_metrics_limit


def steered(context: Context) -> bool:
    """Whether a number or a pause is ordered, for which demand need not be known."""
    return any(active(context.seen.overrides, kind, context.seen.now) for kind in (Kind.PIN, Kind.PREWARM, Kind.PAUSE))


def note_found(state: PoolState, capacity: Capacity | None) -> PoolState:
    """Remember what is there as long as Stoker has written nothing."""
    wrote = (state.written, state.intent, state.doubts) != (None, None, ())
    if wrote or capacity is None or state.found == capacity.requested:
        return state
    return replace(state, found=capacity.requested)


def settle_intent(state: PoolState, capacity: Capacity | None, now: datetime) -> PoolState:
    """Read what became of writes whose outcome was not known: what the provider shows of them happened, even if late."""
    if capacity is None or (state.intent is None and not state.doubts):
        return state
    units, doubts = capacity.requested, tuple(doubt for doubt in state.doubts if now - doubt[0] < DOUBTED)
    late = units != state.written and units in {each for _, each in doubts}
    left = doubts if state.intent in (None, units) else (*doubts, (now, state.intent))
    open_still = replace(state, intent=None, doubts=left)
    if units != state.intent and not late:
        return open_still
    took = accepted(open_still, units, now)
    if units <= (state.written or 0):
        return took
    # The wish for it may have died with a daemon; that it was raised shows that there was one.
    return replace(took, wishes=(*unbroken(state.wishes, now), (now, units)))


def note_foreign(state: PoolState, seen: Observation) -> PoolState:
    """Tell somebody else's change from our own: what is requested is not what the provider took from us."""
    capacity = seen.capacity
    if capacity is None or state.written is None or seen.standby is not None:  # the leader's writes are not foreign
        return state
    if capacity.requested == state.written:
        return state if state.foreign_since is None else replace(state, foreign_since=None, foreign_requested=None)
    since = (state.written_at or seen.now) - CLOCKS_APART  # what was to come before our last write did not change that one
    if capacity.requested in {units for at, units in (*state.decays, *state.telling) if since <= at <= seen.now + CLOCKS_APART}:
        return accepted(state, capacity.requested, seen.now)
    if state.written_at is not None and seen.now - state.written_at < READ_AFTER_WRITE:
        return state
    if capacity.requested == state.foreign_requested:
        return state
    return replace(state, foreign_since=seen.now, foreign_requested=capacity.requested)


def remember_wish(state: PoolState, draft: Draft, context: Context) -> PoolState:
    """Keep the wishes that the scale-down delay still looks back on, and the one before them: it proves how far they reach."""
    delay = context.policy.scale_down_delay
    if not delay:
        return state if not state.wishes else replace(state, wishes=())
    wished = draft.target
    for reason in draft.reasons:
        slowed = reason.code in SLOWED and (reason.before or 0) < (reason.after or 0)
        if (slowed or reason.code in (Code.PINNED, Code.PREWARMED, Code.STANDBY)) and reason.before is not None:
            wished = reason.before  # what a pin or a prewarming asks for is nobody's wish once it has ended
            break
    now = context.seen.now
    known = unbroken(state.wishes, now)
    within = sum(at > now - delay for at, _ in known)
    return replace(state, wishes=(*known[max(0, len(known) - within - 1):], (now, wished)))


def metered(state: PoolState, seen: Observation) -> PoolState:
    """Add what warm capacity has cost since the last tick, month by month; only while a price is known."""
    if seen.capacity is None or not seen.usd_per_unit_minute:
        return state
    month = f"{seen.now:%Y-%m}"
    spent = state.spent_usd if month == state.month else 0.0
    minutes, paid = unit_minutes(state, seen, seen.capacity)
    spent = max(0.0, spent + minutes * seen.usd_per_unit_minute)
    return replace(state, month=month, spent_usd=spent, metered_at=seen.now, paid=paid)


def unit_minutes(state: PoolState, seen: Observation, capacity: Capacity) -> tuple[float, Timed]:
    """Unit-minutes that are paid for since the last tick, and since when units are. Where billing has steps that is from the
    request on, with the rest of the last step of units that were removed, and without units that failed to allocate.
    """
    since = state.metered_at or seen.now
    if not seen.billing_step:
        return passed(seen.now - since) * capacity.ready, ()
    failed, before = capacity.phase is Phase.FAILED, sum(units for _, units in state.paid)
    after = capacity.ready if failed else capacity.requested
    if after == before:
        return passed(seen.now - since) * before, state.paid
    known = (at for at in (capacity.changed_at, state.written_at) if at is not None and since <= at <= seen.now)
    at, layers = next(known, seen.now), list(state.paid)
    owed = sum(units * ((begun - at if failed else rest(at - begun, seen.billing_step)) / MINUTE)
               for begun, units in change(layers, after, at))
    return passed(at - since) * before + passed(seen.now - at) * after + owed, tuple(layers)


def passed(span: timedelta) -> float:
    """Minutes of `span` that are metered: a clock that was put back takes none away, and a long absence counts for an hour."""
    return min(max(0.0, span / MINUTE), 60.0)

"""Replay of recorded demand: the daemon's selector and planner, minute by minute, on simulated capacity. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from adapters.ports.lever import Capacity, Phase
from adapters.simulated import SimulatedCapacity
from config.model.layers import top_policy
from config.model.policy import Assume, PoolPolicy
from controller.backtest.lead_replay import LeadHistory, with_leads
from controller.backtest.proposals import Proposals
from controller.decision.costs.cost_model import CostTerms
from controller.decision.events.event_demand import HOUR
from controller.decision.events.forecast_adjustment import events_of, without_events
from controller.decision.events.pool_events import PoolEvents, learned
from controller.decision.planning.guardrails import GUARDRAILS
from controller.decision.planning.layers import pinged_units
from controller.decision.planning.observation import (
    MOST_UNITS,
    PATIENCE,
    CapacityView,
    DataFreshness,
    DemandView,
    EventDemand,
    Observation,
    Proposal,
)
from controller.decision.planning.plan import Action
from controller.decision.planning.planner import bounds_now, make_plan
from controller.decision.planning.pool_state.state import PoolState, accepted
from controller.decision.planning.reason_codes import Reason, ReasonCode
from controller.decision.selection.choice import Choice, SelectionMode, rule_name
from controller.decision.selection.objective_cohort import ObjectiveCohort
from controller.decision.selection.selector import CandidateSelector
from controller.demand.plausibility import LATE, complete, unseen
from controller.demand.reading.schedule import Reads, reads_of
from forecasting.demand import DemandSeries, instant_of

MINUTE = timedelta(minutes=1)
WAITING = frozenset({ReasonCode.BILLING_STEP, ReasonCode.UNKNOWN_MINUTES})
"""Reasons of a plan that changes with time alone: the step ends, and missing minutes become known."""

STRETCH = 1440
"""Minutes per call of the selector; `progress` is called after each."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Decisions of one pool over a history, one row per minute.

    `target` int64[n]: requested units. `held` bool[n]: whether the plan held. `reasons`: row and reasons, in order, of each plan
    that may differ from the previous one. `pinged` int64[n]: units kept by pings above `target`; None for a pool with one lever.
    `read_usd` float64[n]: price of the metrics read; None where reads are free.
    """

    pool: str
    first_minute: int
    target: NDArray[np.int64]
    held: NDArray[np.bool_]
    reasons: tuple[tuple[int, tuple[Reason, ...]], ...] = ()
    pinged: NDArray[np.int64] | None = None
    read_usd: NDArray[np.float64] | None = None


def replay(policy: PoolPolicy, demand: DemandSeries, terms: CostTerms, assume: Assume,
           progress: Callable[[int], None] = lambda _: None, *, explained: bool = True,
           leads: Sequence[LeadHistory] = ()) -> Replay:
    """Return the decisions for each minute of `demand`, made from data at least the metric delay old. `progress`: called with the
    number of minutes processed since its last call. `explained`: see `carry_out`. `leads`: recorded leading signals of the pool,
    which is then read each minute.
    """
    usual = without_events(events_of(policy, demand), demand)
    proposals = with_leads(propose(usual, terms, progress), usual, terms, leads)
    if not leads or terms.reads is None:
        return carry_out_layers(policy, demand, proposals, terms, assume, explained)
    done = carry_out_layers(policy, demand, proposals, replace(terms, reads=None), assume, explained)
    return replace(done, read_usd=np.full(len(demand), terms.reads.each_minute * terms.reads.usd))


def propose(demand: DemandSeries, terms: CostTerms, progress: Callable[[int], None] = lambda _: None) -> Proposals:
    """Return the choices of a new selector for a history."""
    return chosen(CandidateSelector([terms]), 1, demand, progress)[0]


def propose_each(demand: DemandSeries, terms: Sequence[CostTerms],
                 progress: Callable[[int], None] = lambda _: None) -> list[Proposals]:
    """Return what `propose` returns for each of `terms`, which differ only in their objective. What they share is done once."""
    return chosen(ObjectiveCohort(terms), len(terms), demand, progress)


def chosen(selector: CandidateSelector | ObjectiveCohort, count: int, demand: DemandSeries,
           progress: Callable[[int], None]) -> list[Proposals]:
    """Return the choices of a new selector of `count` pools that all have this demand."""
    minutes = len(demand)
    choice = Choice.zeros(count, minutes)
    for first in range(0, minutes, STRETCH):
        rows = slice(first, min(first + STRETCH, minutes))
        peak, busy, invocations = (np.broadcast_to(values[rows], (count, rows.stop - first))
                                   for values in (demand.peak, demand.busy, demand.invocations))
        part = selector.advance(peak, busy, invocations, demand.first_minute + first)
        choice.fill((np.arange(count), rows), part)
        progress(rows.stop - first)
    return [Proposals(*values) for values in zip(*choice, strict=True)]


def carry_out_layers(policy: PoolPolicy, demand: DemandSeries, proposals: Proposals, terms: CostTerms, assume: Assume,
                     explained: bool = True) -> Replay:
    """Return the plans of all layers of a pool. The top is planned after the base, minute by minute, as in the daemon."""
    reads = None if terms.reads is None else reads_of(demand, proposals.target, proposals.level, proposals.trusted,
                                                      terms.metric_delay, terms.reads)
    base, above = carry_out(policy, demand, proposals, terms, assume, explained=explained, reads=reads), top_policy(policy)
    if reads is not None and terms.reads is not None:
        base = replace(base, read_usd=reads.metrics * terms.reads.usd)
    if above is None or terms.top is None:
        return base
    newest = np.maximum(newest_known(demand, terms.metric_delay) if reads is None else reads.newest, 0)
    minutes = range(len(demand)) if policy.schedules else range(1)
    bounds = [bounds_now(policy, instant_of(demand.first_minute + at))[:2] for at in minutes]
    units = pinged_units(proposals.level[newest], proposals.target[newest], base.target, bounds, terms.top.lost_share)
    wanted = proposals.of_rows(newest)._replace(target=units)
    top = carry_out(above, demand, wanted, replace(terms, billing_step=0), assume, explained=False, of_minutes=True, reads=reads)
    return replace(base, pinged=top.target)


def carry_out(policy: PoolPolicy, demand: DemandSeries, proposals: Proposals, terms: CostTerms, assume: Assume,
              every_minute: bool = False, explained: bool = True, of_minutes: bool = False, reads: Reads | None = None) -> Replay:
    """Return the plans of each minute for `proposals`, with writes to simulated capacity.

    A minute with the same inputs as the last one is not planned again, because the planner is pure; unless time alone may change
    the plan, or `every_minute` is set. If not `explained`, a proposal that rounds to the same units is the same input: targets
    are the same, and `reasons` lack the plans that differ in their text only. `of_minutes`: `proposals` have a row for the minute
    that they apply to, and not for the newest known minute. `reads`: when which rows were read; None: each minute.
    """
    minutes, simulated, state = len(demand), SimulatedCapacity(assume.lead_time), PoolState()
    target, held = np.zeros(minutes, np.int64), np.zeros(minutes, bool)
    reasons: list[tuple[int, tuple[Reason, ...]]] = []
    view = DelayedView(demand, proposals, terms.metric_delay, of_minutes, reads)
    may_skip, step = not every_minute and not depends_on_time(policy), terms.billing_step * MINUTE
    price = 0.0 if policy.budget_usd_per_month is None else terms.idle
    events = EventView(policy, demand, terms) if policy.events else None
    bounds = [bounds_now(policy, instant_of(demand.first_minute + at)) for at in range(minutes)] if policy.schedules else []
    upcoming = view.upcoming_changes(bounds, explained) if events is None else range(1, minutes + 1)
    planned: tuple[object, ...] | None = None
    at, holds = 0, False
    while at < minutes:
        now = instant_of(demand.first_minute + at)
        ready = simulated.ready(now)
        proposal, freshness, age = view.at(at)
        unknown = view.unknown_minutes(at)
        announced = None if events is None else events.at(at, view.newest(at))
        inputs = (simulated.requested, ready, proposal, freshness, announced, bounds and bounds[at])
        if inputs != planned:
            phase = Phase.READY if ready == simulated.requested else Phase.IN_PROGRESS
            demand_view = DemandView(freshness, settled=True, data_age=age, proposal=proposal, unknown_minutes=unknown,
                                     announced=announced)
            reading = Capacity(simulated.requested, ready, phase, now)
            observation = Observation(now, demand_view, CapacityView(reading, billing_step=step, usd_per_unit_minute=price))
            plan = make_plan(policy, state, observation, GUARDRAILS)
            state, holds = plan.state, plan.action is Action.HOLD
            reasons.append((at, plan.reasons))
            waits = any(reason.code in WAITING for reason in plan.reasons)
            planned = inputs if may_skip and not waits else None
            if plan.action is Action.WRITE and plan.target is not None:
                simulated.request(plan.target, now)
                state, planned = accepted(state, plan.target, now), None
        raised = simulated.next_change()
        same_until = minutes if raised is None else at - (now - raised) // MINUTE
        after = at + 1 if planned is None else min(upcoming[at], same_until)
        target[at:after], held[at:after] = simulated.requested, holds
        at = after
    return Replay(policy.name, demand.first_minute, target, held, tuple(reasons))


def depends_on_time(policy: PoolPolicy) -> bool:
    """Return whether plans of this policy may change while their inputs stay the same."""
    return bool(policy.scale_down_delay) or policy.budget_usd_per_month is not None


class DelayedView:
    """Demand and proposals that a daemon would have at each minute, given the metric delay and the reads."""

    def __init__(self, demand: DemandSeries, proposals: Proposals, metric_delay: int, of_minutes: bool,
                 reads: Reads | None = None) -> None:
        missing = unseen(complete(demand.peak, demand.busy))
        self._unknown: list[int] = (delayed(missing, metric_delay, 0) if reads is None else
                                    unread(missing, reads, metric_delay)).tolist()
        newest = newest_known(demand, metric_delay) if reads is None else reads.newest
        self._age_limit = np.full(len(demand), metric_delay + PATIENCE // MINUTE)
        """Age in minutes up to which the newest known minute is fresh; longer between two reads."""
        if reads is not None:
            self._age_limit += np.maximum(0, np.arange(len(demand)) - metric_delay + 1 - reads.end)
        self._limits: list[int] = self._age_limit.tolist()
        self._newest: list[int] = newest.tolist()
        self._row = np.where(newest < 0, -1, np.arange(len(demand))) if of_minutes else newest
        """Row of the proposal of each minute; -1 without one."""
        self._rows: list[int] = self._row.tolist()
        self._proposals = proposals
        self._wanted: list[float] = proposals.target.tolist()
        self._trusted: list[bool] = proposals.trusted.tolist()
        self._leader: list[int] = proposals.leader.tolist()
        self._mode: list[int] = proposals.mode.tolist()
        self._last: tuple[int, Proposal | None] = (-1, None)

    def at(self, minute: int) -> tuple[Proposal | None, DataFreshness, timedelta | None]:
        """Return proposal, freshness and age of the newest known minute at the start of row `minute`."""
        known, row = self.newest(minute), self._rows[minute]
        if known < 0:
            return None, DataFreshness.NONE, None
        if self._last[0] != row:
            rule = rule_name(self._leader[row], SelectionMode(self._mode[row]))
            self._last = row, Proposal(self._wanted[row], rule, self._trusted[row])
        age = minute - known - 1
        return self._last[1], DataFreshness.FRESH if age <= self._limits[minute] else DataFreshness.LATE, age * MINUTE

    def unknown_minutes(self, minute: int) -> int:
        """Return the number of unknown minutes at the start of row `minute` that block scale-in."""
        return self._unknown[minute]

    def newest(self, minute: int) -> int:
        """Return the newest known row at the start of row `minute`; -1 if none is known."""
        return self._newest[minute]

    def upcoming_changes(self, bounds: Sequence[object], explained: bool) -> list[int]:
        """Return for each row the next one with another proposal, freshness or entry of `bounds`; the number of rows if there
        is none. `bounds`: may be empty. If not `explained`, proposals differ only by units and trust.
        """
        rows, newest, made = np.arange(len(self._newest)), np.array(self._newest), self._proposals
        target = made.target if explained else whole_unit_rows(made.target)
        proposed = [values[self._row] for values in (target, made.trusted, *((made.leader, made.mode) if explained else ()))]
        late = rows - newest - 1 > self._age_limit
        changed = np.zeros(len(rows), bool)
        for values in (*proposed, newest < 0, late):
            changed[1:] |= values[1:] != values[:-1]
        if bounds:
            changed[1:] |= np.array([one != other for one, other in pairwise(bounds)], bool)
        following = np.minimum.accumulate(np.where(changed, rows, len(rows))[::-1])[::-1]
        return [*following[1:].tolist(), len(rows)]


def whole_unit_rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what `controller.decision.planning.plan.whole_units` returns for each value; NaN stays NaN."""
    return np.ceil(np.clip(values, 0.0, MOST_UNITS) - 1e-9)


def newest_known(demand: DemandSeries, metric_delay: int) -> NDArray[np.int64]:
    """Return the newest known row at the start of each row, given the metric delay: int64[n], -1 where none is known."""
    return delayed(np.maximum.accumulate(np.where(demand.known, np.arange(len(demand)), -1)), metric_delay, -1)


def unread(missing: NDArray[np.int64], reads: Reads, metric_delay: int) -> NDArray[np.int64]:
    """Return the missing minutes that prevent a scale-in at each row, int64[n]: a minute that is not read yet is missing too."""
    rows = np.arange(len(missing))
    late = rows - metric_delay - reads.newest
    return np.where(reads.end == 0, 0, np.where(late >= LATE, late, missing[np.maximum(reads.end - 1, 0)]))


def delayed(values: NDArray[np.int64], minutes: int, before: int) -> NDArray[np.int64]:
    """Return `values` shifted by `minutes` rows, with `before` in the first ones."""
    return np.concatenate((np.full(min(minutes, len(values)), before), values[: max(0, len(values) - minutes)]))


class EventView:
    """Demand of announced events at each minute, from the data that `DelayedView` allows."""

    def __init__(self, policy: PoolPolicy, demand: DemandSeries, terms: CostTerms) -> None:
        self._events, self._demand, self._terms = PoolEvents(policy), demand, terms

    def at(self, minute: int, newest: int) -> EventDemand | None:
        """Return the event demand at the start of row `minute`, with `newest` as the newest known row."""
        first = self._demand.first_minute
        for midnight in self._events.due(first + minute, self._terms.metric_delay):
            self._events.learn(midnight, learned(self._events.policy.events, self._demand, midnight))
        recent = self._demand.peak[max(0, newest + 1 - HOUR) : newest + 1]
        return self._events.event_demand(first + minute, self._terms.lead_time, recent, first + newest)

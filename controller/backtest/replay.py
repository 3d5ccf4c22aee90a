"""What Stoker would have done on a recorded history: the same chooser and plan, minute by minute, on simulated capacity. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from adapters.ports.lever import Capacity, Phase
from adapters.simulated import SimulatedCapacity
from config.model.policy import Assume, PoolPolicy
from controller.decision.costs.cost_model import CostTerms
from controller.decision.events.event_demand import HOUR
from controller.decision.events.forecast_adjustment import events_of, without_events
from controller.decision.events.pool_events import PoolEvents, learned
from controller.decision.planning.guardrails import GUARDRAILS
from controller.decision.planning.observation import (
    PATIENCE,
    CapacityView,
    DataFreshness,
    DemandView,
    EventDemand,
    Observation,
    Proposal,
)
from controller.decision.planning.plan import Action
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state import PoolState, accepted
from controller.decision.planning.reasons import Reason, ReasonCode
from controller.decision.selection.choice import SelectionMode, rule_name
from controller.decision.selection.selector import CandidateSelector
from controller.demand.plausibility import unseen
from forecasting.demand import DemandSeries, instant_of

MINUTE = timedelta(minutes=1)
STRETCH = 1440
"""Minutes chosen for at once; between two stretches progress is told."""


@dataclass(frozen=True, slots=True)
class Proposals:
    """Choice of the selector for one pool, see `Choice`. Row i applies `metric_delay` after the minute of row i."""

    target: NDArray[np.float64]
    trusted: NDArray[np.bool_]
    leader: NDArray[np.int16]
    mode: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Replay:
    """Decisions of one pool over a history, a row a minute.

    `target` int64[n]: units requested. `held` bool[n]: where the plan held. `reasons`: row and reasons of each plan that could
    differ from the one before it, in order.
    """

    pool: str
    first_minute: int
    target: NDArray[np.int64]
    held: NDArray[np.bool_]
    reasons: tuple[tuple[int, tuple[Reason, ...]], ...] = ()


def replay(policy: PoolPolicy, demand: DemandSeries, terms: CostTerms, assume: Assume,
           progress: Callable[[int], None] = lambda _: None) -> Replay:
    """Decide every minute of `demand` from nothing newer than the metric delay before it. `progress` is told minutes done."""
    return carry_out(policy, demand, propose(without_events(events_of(policy, demand), demand), terms, progress), terms, assume)


def propose(demand: DemandSeries, terms: CostTerms, progress: Callable[[int], None] = lambda _: None) -> Proposals:
    """Feed a history to a fresh chooser."""
    chooser, minutes = CandidateSelector([terms]), len(demand)
    proposed = Proposals(np.zeros(minutes), np.zeros(minutes, bool), np.zeros(minutes, np.int16), np.zeros(minutes, np.int8))
    for first in range(0, minutes, STRETCH):
        rows = slice(first, min(first + STRETCH, minutes))
        choice = chooser.advance(demand.peak[None, rows], demand.busy[None, rows], demand.invocations[None, rows],
                                 demand.first_minute + first)
        proposed.target[rows], proposed.trusted[rows] = choice.target[0], choice.trusted[0]
        proposed.leader[rows], proposed.mode[rows] = choice.leader[0], choice.mode[0]
        progress(rows.stop - first)
    return proposed


def carry_out(policy: PoolPolicy, demand: DemandSeries, proposals: Proposals, terms: CostTerms, assume: Assume,
              every_minute: bool = False) -> Replay:
    """Plan each minute over `proposals`, and write on paper.

    A minute that shows the plan exactly what the last one showed it is not planned again, unless time alone may change the plan
    or `every_minute` says so: the plan is a pure function and would keep.
    """
    minutes, paper, state = len(demand), SimulatedCapacity(assume.lead_time), PoolState()
    target, held = np.zeros(minutes, np.int64), np.zeros(minutes, bool)
    reasons: list[tuple[int, tuple[Reason, ...]]] = []
    eyes = Eyes(demand, proposals, terms.metric_delay)
    timeless, step = not every_minute and not depends_on_time(policy), terms.billing_step * MINUTE
    price = 0.0 if policy.budget_usd_per_month is None else terms.idle
    ahead = Ahead(policy, demand, terms) if policy.events else None
    shown: tuple[object, ...] | None = None
    holds = False
    for at in range(minutes):
        now = instant_of(demand.first_minute + at)
        ready = paper.ready(now)
        proposal, sight, age = eyes.at(at)
        unseen = eyes.unknown_minutes(at)
        announced = None if ahead is None else ahead.at(at, eyes.newest(at))
        showing = (paper.requested, ready, proposal, sight, unseen, announced)
        if showing != shown:
            phase = Phase.READY if ready == paper.requested else Phase.IN_PROGRESS
            view = DemandView(sight, settled=True, data_age=age, proposal=proposal, unknown_minutes=unseen, announced=announced)
            reading = Capacity(paper.requested, ready, phase, now)
            seen = Observation(now, view, CapacityView(reading, billing_step=step, usd_per_unit_minute=price))
            plan = make_plan(policy, state, seen, GUARDRAILS)
            state, holds = plan.state, plan.action is Action.HOLD
            reasons.append((at, plan.reasons))
            waits = any(reason.code is ReasonCode.BILLING_STEP
                        for reason in plan.reasons)  # and no longer once the step has ended
            shown = showing if timeless and not waits else None
            if plan.action is Action.WRITE and plan.target is not None:
                paper.request(plan.target, now)
                state, shown = accepted(state, plan.target, now), None
        target[at], held[at] = paper.requested, holds
    return Replay(policy.name, demand.first_minute, target, held, tuple(reasons))


def depends_on_time(policy: PoolPolicy) -> bool:
    """Whether a plan of this policy may change though nothing that it sees does."""
    return bool(policy.schedules or policy.scale_down_delay) or policy.budget_usd_per_month is not None


class Eyes:
    """What the daemon would know of demand at each minute: the newest known row that the metric delay lets through."""

    def __init__(self, demand: DemandSeries, proposals: Proposals, metric_delay: int) -> None:
        self._delay = metric_delay
        self._patience = metric_delay + PATIENCE // MINUTE
        self._newest: list[int] = np.maximum.accumulate(np.where(demand.known, np.arange(len(demand)), -1)).tolist()
        self._unseen: list[int] = unseen(demand.known).tolist()
        self._wanted: list[float] = proposals.target.tolist()
        self._trusted: list[bool] = proposals.trusted.tolist()
        self._leader: list[int] = proposals.leader.tolist()
        self._mode = [SelectionMode(mode) for mode in proposals.mode.tolist()]
        self._last: tuple[int, Proposal | None] = (-1, None)

    def at(self, minute: int) -> tuple[Proposal | None, DataFreshness, timedelta | None]:
        """Proposal, sight and age of the newest known minute, as row `minute` begins."""
        known = self.newest(minute)
        if known < 0:
            return None, DataFreshness.NONE, None
        if self._last[0] != known:
            rule = rule_name(self._leader[known], self._mode[known])
            self._last = known, Proposal(self._wanted[known], rule, self._trusted[known])
        age = minute - known - 1
        return self._last[1], DataFreshness.FRESH if age <= self._patience else DataFreshness.LATE, age * MINUTE

    def unknown_minutes(self, minute: int) -> int:
        """Minutes that should be known as row `minute` begins and are not, as far as they forbid to lower."""
        visible = minute - self._delay
        return self._unseen[visible] if visible >= 0 else 0

    def newest(self, minute: int) -> int:
        """The newest known row as row `minute` begins; -1 where none is known."""
        visible = minute - self._delay
        return self._newest[visible] if visible >= 0 else -1


class Ahead:
    """What announced events say at each minute, to who knows what `Eyes` know."""

    def __init__(self, policy: PoolPolicy, demand: DemandSeries, terms: CostTerms) -> None:
        self._events, self._demand, self._terms = PoolEvents(policy), demand, terms

    def at(self, minute: int, newest: int) -> EventDemand | None:
        """As row `minute` begins, with row `newest` the newest known one."""
        first = self._demand.first_minute
        for midnight in self._events.due(first + minute, self._terms.metric_delay):
            self._events.learn(midnight, learned(self._events.policy.events, self._demand, midnight))
        recent = self._demand.peak[max(0, newest + 1 - HOUR) : newest + 1]
        return self._events.event_demand(first + minute, self._terms.lead_time, recent, first + newest)

"""Replays of one pool under many objectives, which share all that does not depend on the objective. Pure."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from config.model.policy import Assume, PoolPolicy
from controller.backtest.frontier import Frontier, Point
from controller.backtest.objective_settings import FACTORS, HIGHER, OWN, SEVEN, Setting, setting_of, settings_around
from controller.backtest.replay import Replay, carry_out_layers, propose_each
from controller.decision.costs.bill import Bill, JudgedDemand, bill_of
from controller.decision.costs.cost_model import CostTerms
from controller.decision.events.forecast_adjustment import events_of, without_events
from forecasting.demand import DemandSeries

PROPOSING = 0.4
"""Share of the time of a frontier that passes before the first decisions are carried out, for the progress bar."""


class ObjectiveReplays:
    """Replays under a setting for each of `FACTORS`. What the selector proposes is known for all; a position is carried out when
    its replay or its bill is read. `settings`: the settings, by default those around the policy's.
    """

    def __init__(self, policy: PoolPolicy, demand: DemandSeries, terms: CostTerms, assume: Assume, load: JudgedDemand,
                 settings: Sequence[Setting] = (), progress: Callable[[float], None] = lambda _: None) -> None:
        self._policy, self._demand, self._assume, self._load = policy, demand, assume, load
        self.settings = tuple(settings) or settings_around(setting_of(terms))
        self._terms = [setting.terms(terms) for setting in self.settings]
        learned = without_events(events_of(policy, demand), demand)
        self._proposed = propose_each(learned, self._terms, lambda done: progress(PROPOSING * done))
        self._replays: dict[int, Replay] = {}
        self._bills: dict[int, Bill] = {}
        for at in SEVEN:
            self.bill(at)
            progress((1 - PROPOSING) * len(demand) / len(SEVEN))

    def replay(self, at: int) -> Replay:
        """Return the replay under the setting at a position."""
        if at not in self._replays:
            self._replays[at] = carry_out_layers(self._policy, self._demand, self._proposed[at], self._terms[at], self._assume,
                                                 explained=at == OWN)
        return self._replays[at]

    def bill(self, at: int) -> Bill:
        """Return the bill under the setting at a position. Equal targets of two settings are carried out once."""
        if at not in self._bills:
            mine = self._proposed[at]
            same = next((other for other in self._replays if (self._proposed[other].target == mine.target).all()
                         and (self._proposed[other].level == mine.level).all()), at)
            done = self.replay(same)
            self._bills[at] = bill_of(self._load, done.target, self._terms[at], done.pinged)
        return self._bills[at]

    def reach(self, meets: Callable[[Bill], bool]) -> None:
        """Carry out higher settings until one meets a limit, if none of those carried out so far does."""
        for at in HIGHER:
            if any(meets(bill) for bill in self._bills.values()):
                return
            self.bill(at)

    def refine(self, meets: Callable[[Bill], bool]) -> None:
        """Carry out settings between two neighbours of which only one meets a limit, down to the finest step."""
        known = sorted(self._bills)
        met = [meets(self.bill(at)) for at in known]
        low, high = next((known[at : at + 2] for at, (one, other) in enumerate(pairwise(met)) if one != other), (0, 0))
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if meets(self.bill(middle)) == meets(self.bill(low)) else (low, middle)

    @property
    def frontier(self) -> Frontier:
        """All settings carried out so far."""
        return Frontier(tuple(Point(self.settings[at], FACTORS[at], bill.cold_starts, bill.provider_usd)
                              for at, bill in sorted(self._bills.items())))


def frontier_of(policy: PoolPolicy, demand: DemandSeries, terms: CostTerms, assume: Assume, load: JudgedDemand,
                tracking: Bill | None, progress: Callable[[float], None] = lambda _: None) -> tuple[Replay, Frontier]:
    """Return the replay under the policy's objective, and the frontier.

    It has more settings near the number of cold starts of AWS target tracking, and up to it, if its bill is given.
    """
    replays = ObjectiveReplays(policy, demand, terms, assume, load, progress=progress)
    if tracking is not None:
        replays.reach(lambda bill: bill.cold_starts <= tracking.cold_starts)
        replays.refine(lambda bill: bill.cold_starts <= tracking.cold_starts)
    return replays.replay(OWN), replays.frontier

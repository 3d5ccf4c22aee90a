"""Choice of the objective of a pool for a goal that a user states, from replays of its history. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import log

from config.model.policy import Assume, PoolPolicy
from controller.backtest.frontier import Frontier, Point
from controller.backtest.objective_replays import ObjectiveReplays
from controller.backtest.objective_settings import FACTORS, SEVEN, Setting, setting_of, settings_around
from controller.decision.costs.bill import Bill, JudgedDemand
from controller.decision.costs.cost_model import MINUTES_A_MONTH, CostTerms
from forecasting.demand import MINUTES_PER_DAY, DemandSeries

STRONGER, WEAKER = 3, 1
"""Further series of settings above or below the first one that are replayed at most. Each spans a factor of 39 or more."""


@dataclass(frozen=True)
class Goal:
    """Limit that a user states, by one of three fields.

    `like`: the bill of AWS target tracking: at most as many cold starts, for a lower bill.
    """

    cold_starts_per_day: float | None = None
    usd_per_month: float | None = None
    like: Bill | None = None

    def meets(self, cold_starts: int, bill_usd: float, minutes: int) -> bool:
        """Return whether a result over a number of counted minutes is within the limit (of `like`, that of cold starts)."""
        if self.usd_per_month is not None:
            return per_month(bill_usd, minutes) <= self.usd_per_month
        if self.like is not None:
            return cold_starts <= self.like.cold_starts
        return per_day(cold_starts, minutes) <= (self.cold_starts_per_day or 0.0)

    def best(self, points: Iterable[Point]) -> Point | None:
        """Return the point with the lowest bill, for a limit on the bill that with the fewest cold starts; None without points.

        Of equal ones, the closest to the policy's setting.
        """
        fewest = self.usd_per_month is not None
        return min(points, default=None, key=lambda point: (
            (point.cold_starts, point.bill_usd) if fewest else (point.bill_usd, point.cold_starts), abs(log(point.factor))))


@dataclass(frozen=True)
class Tuning:
    """Result. `chosen`: the best setting within the limit, else the closest to it. `met`: whether the goal is met."""

    chosen: Point
    met: bool
    frontier: Frontier
    minutes: int

    @property
    def neighbours(self) -> tuple[Point, ...]:
        """The chosen point between the next ones of the curve, by rising bill."""
        curve = [point for point in self.frontier.curve if point[2:] != self.chosen[2:]]
        below = [point for point in curve if point.bill_usd < self.chosen.bill_usd][:1]
        above = [point for point in curve if point.bill_usd > self.chosen.bill_usd][-1:]
        return (*below, self.chosen, *above)


def per_day(cold_starts: float, minutes: int) -> float:
    """Return cold starts per day of counted minutes."""
    return cold_starts * MINUTES_PER_DAY / max(1, minutes)


def per_month(usd: float, minutes: int) -> float:
    """Return USD per month (a twelfth of 365 days) of counted minutes."""
    return usd * MINUTES_A_MONTH / max(1, minutes)


def tune(policy: PoolPolicy, demand: DemandSeries, terms: CostTerms, assume: Assume, load: JudgedDemand, goal: Goal,
         progress: Callable[[float], None] = lambda _: None) -> Tuning:
    """Replay settings around the policy's, and further ones while none is within the limit, or all within one on the bill."""
    minutes, own = int(load.counted.sum()), setting_of(terms)
    points: dict[Setting, Point] = {}

    def within(point: Point) -> bool:
        return goal.meets(point.cold_starts, point.bill_usd, minutes)

    def replayed(settings: tuple[Setting, ...]) -> None:
        replays = ObjectiveReplays(policy, demand, terms, assume, load, settings, progress)
        replays.refine(lambda bill: goal.meets(bill.cold_starts, bill.provider_usd, minutes))
        for point in replays.frontier.points:
            if point.setting is not None:
                points.setdefault(point.setting, point._replace(factor=factor_of(point.setting, own)))

    replayed(settings_around(own))
    limits_bill, first = goal.usd_per_month is not None, {within(point) for point in points.values()}
    stronger = (first == {True}) == limits_bill
    for _ in range((STRONGER if stronger else WEAKER) if limits_bill or first == {False} else 0):
        if {within(point) for point in points.values()} == first and len(first) == 1:
            replayed(further(points, stronger))
    frontier = Frontier(tuple(sorted(points.values(), key=lambda point: point.factor)))
    best = goal.best(point for point in points.values() if within(point))
    if best is None:
        curve = frontier.curve
        return Tuning(curve[-1] if goal.usd_per_month is not None else curve[0], met=False, frontier=frontier, minutes=minutes)
    met_goal = goal.like is None or best.bill_usd < goal.like.provider_usd
    return Tuning(best, met_goal, frontier, minutes)


def further(points: dict[Setting, Point], stronger: bool) -> tuple[Setting, ...]:
    """Return the series of settings that continues above the strongest one, or below the weakest one."""
    edge = (max if stronger else min)((setting for setting in points if setting.strength > 0), key=lambda one: one.strength)
    return settings_around(edge.with_strength(edge.strength / FACTORS[SEVEN[0 if stronger else -1]]))


def factor_of(setting: Setting, own: Setting) -> float:
    """Return a setting as a multiple of the policy's; above 1 if the price of the policy is zero."""
    return 1.0 if setting == own else setting.strength / own.strength if own.strength > 0 else 1 + setting.strength

"""Frontier: cold starts and bill of Stoker under several objectives, and what each next avoided cold start costs. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from controller.backtest.objective_settings import Setting


class Point(NamedTuple):
    """Result of one replay, or the sum of several: cold starts and the provider's bill in USD.

    `setting`: its objective; None if the pools of a sum have different ones. `factor`: the objective as a multiple of the
    policy's (of the odds of a warm request for a warm hit rate).
    """

    setting: Setting | None
    factor: float
    cold_starts: int
    bill_usd: float


@dataclass(frozen=True)
class Frontier:
    """Replayed points by rising price of a cold start, that of the policy's objective among them."""

    points: tuple[Point, ...]

    @property
    def own(self) -> Point:
        """Point of the policy's objective."""
        return next(point for point in self.points if point.factor == 1)

    def cheapest_within(self, cold_starts: int) -> Point | None:
        """Return the replayed point with the lowest bill of those with at most this many cold starts; None without one."""
        return next((point for point in reversed(self.curve) if point.cold_starts <= cold_starts), None)

    @property
    def curve(self) -> tuple[Point, ...]:
        """Points that no other point beats in both figures, from fewest to most cold starts: bills fall along it."""
        kept: list[Point] = []
        for point in sorted(self.points, key=lambda point: (point.cold_starts, point.bill_usd)):
            if not kept or point.bill_usd < kept[-1].bill_usd:
                kept.append(point)
        return tuple(kept)

    @property
    def steps(self) -> dict[Point, float]:
        """USD that each avoided cold start adds to the bill, from the next cheaper point of the curve to this one."""
        return {dear: (dear.bill_usd - cheap.bill_usd) / (cheap.cold_starts - dear.cold_starts)
                for dear, cheap in pairwise(self.curve)}

    def bill_at(self, cold_starts: float) -> float | None:
        """Return the bill in USD at a number of cold starts, interpolated; None outside the curve: nothing is extrapolated."""
        return interpolated([(point.cold_starts, point.bill_usd) for point in self.curve], cold_starts)

    def cold_starts_at(self, bill_usd: float) -> float | None:
        """Return the number of cold starts at a bill in USD, interpolated; None outside the curve."""
        return interpolated([(point.bill_usd, point.cold_starts) for point in reversed(self.curve)], bill_usd)


def interpolated(line: Sequence[tuple[float, float]], at: float) -> float | None:
    """Return the value at a place on a line through points by rising place; None outside it."""
    if not line[0][0] <= at <= line[-1][0]:
        return None
    return float(np.interp(at, [place for place, _ in line], [value for _, value in line]))


def summed(frontiers: Sequence[Frontier]) -> Frontier:
    """Return the frontier of several pools: each point is the sum of the points of all pools at one factor."""
    by_factor = [{point.factor: point for point in frontier.points} for frontier in frontiers]
    points = []
    for factor in sorted(set.intersection(*(set(points) for points in by_factor))):
        each = [points[factor] for points in by_factor]
        settings = {point.setting for point in each}
        points.append(Point(next(iter(settings)) if len(settings) == 1 else None, factor,
                            sum(point.cold_starts for point in each), sum(point.bill_usd for point in each)))
    return Frontier(tuple(points))


def frontier_body(frontier: Frontier) -> list[dict[str, object]]:
    """Return the points as JSON values.

    `on_curve`: no other point beats it in cold starts and bill. `usd_per_avoided_cold_start`: from the next cheaper point of the
    curve to this one; None for the cheapest, and outside the curve.
    """
    curve, steps = frontier.curve, frontier.steps
    return [{"setting": None if point.setting is None else {point.setting.key: point.setting.value},
             "factor": round(point.factor, 6), "cold_starts": point.cold_starts, "bill_usd": point.bill_usd,
             "on_curve": point in curve, "usd_per_avoided_cold_start": steps.get(point)} for point in frontier.points]

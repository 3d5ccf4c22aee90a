"""Values behind the level of a pinged top, and its text, from which it can be computed by hand. Pure.

The level is the mean of the levels that the tops with weight want, by weight, rounded up. Pings run if these tops have at least
half of the whole weight; a top wants pings while the rate of requests is below its limit.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from controller.decision.costs.layer_units import ROUNDING
from controller.decision.selection.layers.levels import LEVELS, LIMITS, TOPS
from controller.decision.selection.number_text import counted, percent

VOTES = 0.5
"""Share of the weight that must want pings."""

MOST_DECIMALS = 6

Vote = tuple[int, float, int]
"""Index of a level, its limit of the rate, and its weight."""


@dataclass(frozen=True, slots=True)
class TopBasis:
    """`levels`: units of each of `LEVELS`. `weights`: weight of the tops that have one, by row of `TOPS`. `total`: the whole
    weight, which includes that of candidates without a top. `rate`: requests per minute.
    """

    levels: tuple[int, ...]
    weights: Mapping[int, int]
    total: int
    rate: float

    @property
    def votes(self) -> list[Vote]:
        """The tops with weight, the heaviest first."""
        rows = sorted(self.weights.items(), key=lambda each: (-each[1], each[0]))
        return [(LEVELS.index(TOPS[row][0]), TOPS[row][1], weight) for row, weight in rows]

    @property
    def wanted(self) -> list[Vote]:
        """The tops that want pings at this rate."""
        return [vote for vote in self.votes if self.rate < vote[1]]

    @property
    def share(self) -> float:
        """Share of the weight that wants pings."""
        return sum(weight for _, _, weight in self.wanted) / self.total if self.total else 0.0

    @property
    def exact(self) -> float:
        """Mean level of the tops that want pings; 0 without any."""
        wanted = self.wanted
        weight = sum(each for _, _, each in wanted)
        return sum(self.levels[level] * each for level, _, each in wanted) / weight if weight else 0.0

    @property
    def level(self) -> int:
        """Units in total, 0 where no pings run."""
        votes = units = 0
        for row, weight in self.weights.items():
            if self.rate < TOPS[row][1]:
                votes, units = votes + weight, units + weight * self.levels[row // len(LIMITS)]
        return math.ceil(units / votes - ROUNDING) if votes and votes >= VOTES * self.total else 0

    def with_present(self, in_flight: int) -> "TopBasis":
        """Return the basis at a present minute with `in_flight` at most so far: each level includes a maximum that looks back."""
        present = (math.ceil(each.factor * in_flight - ROUNDING) for each in LEVELS)
        return replace(self, levels=tuple(map(max, self.levels, present)))

    @property
    def text(self) -> str:
        """The level with the numbers that it was computed from."""
        rate = f"{self.rate:g} requests per minute" if self.rate == self.rate else "the rate of requests is not known"
        if self.share < VOTES:
            return f"no pings: {percent(self.share)} of the weight wants them at {rate}, {percent(VOTES)} is needed"
        level, limit, weight = self.wanted[0]
        value = f"{LEVELS[level].name} = {self.levels[level]}"
        bound = "at any rate" if math.isinf(limit) else f"below {limit:g} requests per minute"
        mean = f"mean of {counted(len(self.wanted))} {raised_text(self.exact)}"
        return (f"{self.level} units in total: {value}, {bound}, weight {percent(weight / self.total)}; {mean}; "
                f"{percent(self.share)} of the weight wants pings at {rate}")

    def body(self) -> dict[str, Any]:
        """Return the basis as JSON values. A limit of null means none."""
        return {"levels": {LEVELS[at].key: units for at, units in enumerate(self.levels)}, "total": self.total,
                "rate": None if math.isnan(self.rate) else self.rate,
                "weights": [[LEVELS[level].key, None if math.isinf(limit) else limit, weight]
                            for level, limit, weight in self.votes]}

    @classmethod
    def of_body(cls, body: Mapping[str, Any]) -> "TopBasis":
        """Return the basis that `body` wrote. Raise `KeyError`, `TypeError` or `ValueError` for damage."""
        keys = {level.key: level for level in LEVELS}
        weights = {TOPS.index((keys[key], math.inf if limit is None else float(limit))): int(weight)
                   for key, limit, weight in body["weights"]}
        levels = tuple(int(body["levels"][level.key]) for level in LEVELS)
        return cls(levels, weights, int(body["total"]), math.nan if body["rate"] is None else float(body["rate"]))


def raised_text(exact: float) -> str:
    """Return a mean with one decimal, or with as many as rounding it up to units requires."""
    decimals = 1
    while decimals < MOST_DECIMALS and math.ceil(round(exact, decimals) - ROUNDING) != math.ceil(exact - ROUNDING):
        decimals += 1
    return f"{exact:.{decimals}f}"


@dataclass(frozen=True, slots=True)
class PingBasis:
    """Inputs of the units to keep by pings: the basis of their level, the units that the selector proposes for the base and those
    planned, the ceiling of both layers, and the share of pinged units that the provider may have stopped. `known`: known minutes
    of demand. `present`: requests in flight in the current minute that the levels include; None where none does.
    """

    top: TopBasis
    proposed: int
    planned: int
    ceiling: int
    lost: float
    known: int
    present: int | None = None

    @property
    def base(self) -> int:
        """Units of the base that are counted on. It is lowered later than proposed; pings for the lower one start before."""
        return min(self.proposed, self.planned)

    @property
    def missing(self) -> int:
        """Units that the base lacks to the level."""
        return max(self.top.level - self.base, 0)

    @property
    def wanted(self) -> int:
        """Units to keep by pings, before the ceiling."""
        return math.ceil(self.missing / (1 - self.lost) - ROUNDING)

    @property
    def most(self) -> int:
        """Units that the ceiling of both layers leaves."""
        return max(self.ceiling - self.planned, 0)

    @property
    def target(self) -> int:
        """Units to keep by pings."""
        return min(self.wanted, self.most)

    @property
    def text(self) -> str:
        """The units with the numbers that they were computed from."""
        level, missing, wanted = self.top.level, self.missing, self.wanted
        shown = "" if self.present is None else f"{self.present} in flight in the current minute, which maxima include: "
        shown += self.top.text
        if not level:
            return shown
        text = f"{shown}; {level} - {self.base} of the base = {missing}"
        text += f", + {wanted - missing} that may have stopped unseen ({percent(self.lost)}) = {wanted}" if missing else ""
        if wanted <= self.most:
            return text
        return f"{text}, limited to {self.most} by the ceiling {self.ceiling} of both layers less {self.planned} of the base"

    @property
    def headline(self) -> "PingBasis":
        """Summary of the proposal: itself."""
        return self

    def detach(self) -> "PingBasis":
        """Return itself, like `controller.decision.selection.choice_inputs.LazyBasis`."""
        return self

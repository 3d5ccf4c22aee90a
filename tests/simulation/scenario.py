"""What a seed stands for: pools with policies and traffic, and a list of faults. Plain values, so that faults can be left out."""

import random
from collections.abc import Container
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from config.model.layers import OF_TOP, base_name

STARTS = (datetime(2026, 3, 28, 23, 40, tzinfo=UTC), datetime(2026, 10, 24, 23, 40, tzinfo=UTC),
          datetime(2027, 12, 31, 23, 10, tzinfo=UTC))
"""At 01:00 UTC of the first two nights clocks are put forward and back in Europe, amid the trouble: schedules in Paris time feel
it. The third ends a month and a year: budgets feel that.
"""

HISTORY = 120
"""Minutes of demand from before the start."""

FREEZE = 14
"""No fault begins in so many last minutes of trouble: all of them are over when calm begins."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """`kind` happens to `where` from minute `at` on, for `lasts` minutes; `amount` is what the kind makes of it."""

    at: int
    kind: str
    where: str
    lasts: int
    amount: float

    def __str__(self) -> str:
        return f"minute {self.at:3d}  {self.where:10s} {self.kind:14s} for {self.lasts} min, {self.amount:g}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """`minutes` of trouble, then perhaps `calm` minutes without traffic and without faults. `brain`: who proposes."""

    seed: int
    pools: tuple[str, ...]
    regions: int
    minutes: int
    calm: int
    brain: Literal["rules", "wild"]
    memory: Literal["disk", "half"]
    """disk: everything in the real store. half: demand and decisions are kept beside it, which is faster."""
    start: datetime
    faults: tuple[Fault, ...]


ON_LEVER = {  # kind: (weight, least and most minutes, least and most of its amount)
    "throttled": (3, (1, 8), (0, 2)), "unreachable": (3, (1, 14), (0, 0)), "denied": (1, (3, 14), (0, 0)),
    "hang": (2, (1, 6), (0, 0)), "slow": (3, (1, 8), (3, 100)), "stale": (2, (1, 10), (20, 100)),
    "lost": (3, (1, 5), (0, 0)), "applied": (3, (1, 5), (0, 0)), "tardy": (2, (1, 4), (5, 200)),
    "quota": (2, (3, 14), (0, 20)), "stuck": (2, (3, 14), (0, 0)), "failed": (2, (3, 14), (0, 0)),
    "blocked": (2, (2, 14), (0, 0)), "owner": (1, (5, 14), (0, 0)), "foreign": (4, (1, 1), (0, 70)),
    "moved": (2, (1, 8), (0, 1)), "pause": (2, (1, 40), (0, 0)), "pin": (3, (1, 40), (0, 70)), "boost": (2, (1, 40), (1, 20)),
    "clear": (1, (1, 1), (0, 0)),
}
ON_SOURCE = {
    "broken": (4, (3, 14), (0, 0)), "hang": (2, (2, 10), (0, 0)), "slow": (2, (1, 6), (2, 50)),
    "silent": (3, (3, 14), (0, 0)), "late": (3, (3, 14), (3, 12)), "partial": (2, (2, 10), (2, 5)),
    "reordered": (1, (2, 10), (0, 0)), "repeated": (2, (2, 10), (0, 0)), "absurd": (3, (1, 20), (0, 3)),
    "gaps": (1, (2, 10), (2, 4)),
}
ON_PINGS = {
    "throttled": (3, (1, 8), (0, 2)), "unreachable": (3, (1, 14), (0, 0)), "denied": (1, (3, 14), (0, 0)),
    "hang": (3, (1, 6), (0, 0)), "slow": (3, (1, 8), (3, 100)), "lost": (3, (1, 8), (0, 0)), "quota": (2, (3, 14), (0, 20)),
    "blocked": (2, (2, 14), (0, 0)), "owner": (1, (5, 14), (0, 0)), "moved": (2, (1, 8), (0, 1)),
    "reclaimed": (3, (1, 1), (0, 0)),
}
ON_UNITS = {"restarts": (1, (1, 20), (0, 1))}
OUTAGES = {"outage": (2, (1, 15), (0, 20)), "points": (1, (1, 15), (0, 20))}
"""Metrics that are missing: a region's, or of some pools alone; below 1 for good, else they come so many minutes later."""

ON_DAEMON = {
    "kill": (6, (1, 1), (0, 60)), "stop": (2, (1, 1), (0, 300)), "jump": (2, (1, 1), (-9000, 5400)),
    "astray": (3, (3, 20), (-5400, 5400)),
    "disk-full": (3, (1, 6), (0, 0)), "damage": (1, (1, 1), (0, 1)), "second": (1, (1, 1), (0, 0)),
}



def about(fault: Fault, pools: Container[str]) -> bool:
    """Whether a fault happens to one of `pools`, or to no pool at all."""
    return not fault.where.startswith("p") or base_name(fault.where) in pools


def has_pings(seed: int, pool: str) -> bool:
    """Whether pings keep units above those of a pool: half of the pools of one seed in three."""
    layered = random.Random(f"layers {seed}").random() < 1 / 3  # noqa: S311
    return layered and random.Random(f"layers {seed} {pool}").random() < 0.5  # noqa: S311


def scenario_of(seed: int) -> Scenario:
    """The same for the same seed, for ever. One seed in a hundred is long: 64 pools, an hour or two of trouble, and hours of calm
    after it; the others are an hour of some pools. There is a fault a minute or two, each at an instant of its minute.
    """
    dice = random.Random(f"scenario {seed}")  # noqa: S311
    long, brain = seed % 100 == 50, "rules" if seed % 10 == 0 else "wild"
    regions, count = dice.choice((1, 2, 3)), 64 if long else dice.randint(14, 24)
    pools = tuple(f"p{number}" for number in range(count))
    minutes = dice.randint(70, 110) if long else dice.randint(40, 75)
    faults = [_fault(dice, ON_LEVER, dice.choice(pools), minutes) for _ in range(dice.randint(2 * count // 3, 2 * count))]
    for region in range(regions):
        faults += [_fault(dice, ON_SOURCE, f"source-{region}", minutes) for _ in range(dice.randint(0, 5 if long else 3))]
    faults += [_fault(dice, ON_DAEMON, "daemon", minutes) for _ in range(dice.randint(1, 6 if long else 3))]
    for end in [fault for fault in faults if fault.kind in ("kill", "stop", "damage")]:  # often the new life finds no metrics
        kind = dice.choice(("broken", "silent", "hang", "partial", None))
        if kind is not None:
            faults.append(Fault(end.at, kind, f"source-{dice.randrange(regions)}", min(6, minutes - end.at), 2.0))
    units = random.Random(f"units {seed}")  # noqa: S311
    faults += [_fault(units, ON_UNITS, f"source-{region}", minutes) for region in range(regions) if units.random() < 0.6]
    faults += _outages(random.Random(f"outages {seed}"), regions, minutes)  # noqa: S311
    for pool in pools:
        if has_pings(seed, pool):
            pings = random.Random(f"pings {seed} {pool}")  # noqa: S311
            faults += [_fault(pings, ON_PINGS, f"{pool}{OF_TOP}", minutes) for _ in range(pings.randint(0, 3))]
    calm = 0 if not long else 320 if brain == "rules" else 130
    memory = "disk" if long or dice.random() < 0.2 else "half"
    return Scenario(seed, pools, regions, minutes, calm, brain, memory, dice.choice(STARTS), tuple(sorted(faults)))


def _outages(dice: random.Random, regions: int, minutes: int) -> list[Fault]:
    """Some short outages of metrics in each region, half of them for good. One of pools alone: two in a row pass for idleness."""
    found: dict[tuple[str, str, int], Fault] = {}
    for region in range(regions):
        for number in range(dice.randint(0, 3)):
            made = _fault(dice, OUTAGES, f"source-{region}", minutes)
            key = made.kind, made.where, number if made.kind == "outage" else 0
            found[key] = replace(made, amount=0.0) if dice.random() < 0.5 else made
    return list(found.values())


def _fault(dice: random.Random, kinds, where: str, minutes: int) -> Fault:
    kind = dice.choices(list(kinds), [weight for weight, *_ in kinds.values()])[0]
    _, (shortest, longest), (least, most) = kinds[kind]
    if kind in ("silent", "broken") and dice.random() < 0.4:
        longest = 60  # long enough for the last proposal to be quite wrong
    lasts, at = dice.randint(shortest, longest), dice.randint(2, minutes - FREEZE)
    return Fault(at, kind, where, min(lasts, minutes - at), round(dice.uniform(least, most), 1))

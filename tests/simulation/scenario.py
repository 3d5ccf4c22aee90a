"""What a seed stands for: pools with policies and traffic, and a list of faults. Plain values, so that faults can be left out."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from config.policy import Objective, PoolPolicy
from config.schedule import Schedule
from tests.builders import pool_policy

START = datetime(2026, 3, 28, 23, 40, tzinfo=UTC)
"""At 01:00 UTC that night clocks are put forward in Europe, amid the trouble: schedules in Paris time feel it."""

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
    """`minutes` of trouble, then `calm` minutes without traffic and without faults. `brain`: who proposes."""

    seed: int
    pools: tuple[str, ...]
    regions: int
    minutes: int
    calm: int
    brain: Literal["rules", "wild"]
    faults: tuple[Fault, ...]


ON_LEVER = {  # kind: (weight, least and most minutes, least and most of its amount)
    "throttled": (3, (1, 8), (0, 2)), "unreachable": (3, (1, 14), (0, 0)), "denied": (1, (3, 14), (0, 0)),
    "hang": (2, (1, 6), (0, 0)), "slow": (3, (1, 8), (3, 100)), "stale": (2, (1, 10), (20, 100)),
    "lost": (3, (1, 5), (0, 0)), "applied": (3, (1, 5), (0, 0)), "tardy": (2, (1, 4), (5, 200)),
    "quota": (2, (3, 14), (0, 20)), "stuck": (2, (3, 14), (0, 0)), "failed": (2, (3, 14), (0, 0)),
    "blocked": (2, (2, 14), (0, 0)), "owner": (1, (5, 14), (0, 0)), "foreign": (4, (1, 1), (0, 70)),
}
ON_SOURCE = {
    "broken": (4, (3, 14), (0, 0)), "hang": (2, (2, 10), (0, 0)), "slow": (2, (1, 6), (2, 50)),
    "silent": (3, (3, 14), (0, 0)), "late": (3, (3, 14), (3, 12)), "partial": (2, (2, 10), (2, 5)),
    "reordered": (1, (2, 10), (0, 0)), "repeated": (2, (2, 10), (0, 0)), "absurd": (3, (1, 6), (0, 3)),
}
ON_DAEMON = {
    "kill": (6, (1, 1), (0, 60)), "stop": (2, (1, 1), (0, 300)), "jump": (2, (1, 1), (-9000, 5400)),
    "disk-full": (3, (1, 6), (0, 0)),
}


def scenario_of(seed: int) -> Scenario:
    """The same for the same seed, for ever; about 64 pools and a fault a minute or two."""
    dice = random.Random(f"scenario {seed}")  # noqa: S311
    regions, brain = dice.choice((1, 2, 3)), "rules" if seed % 8 == 0 else "wild"
    pools = tuple(f"p{number}" for number in range(64))
    minutes = dice.randint(70, 110)
    faults = [_fault(dice, ON_LEVER, dice.choice(pools), minutes) for _ in range(dice.randint(40, 100))]
    for region in range(regions):
        faults += [_fault(dice, ON_SOURCE, f"source-{region}", minutes) for _ in range(dice.randint(0, 5))]
    faults += [_fault(dice, ON_DAEMON, "daemon", minutes) for _ in range(dice.randint(1, 6))]
    for end in [fault for fault in faults if fault.kind in ("kill", "stop")]:  # often the new life finds no metrics
        kind = dice.choice(("broken", "silent", "hang", "partial", None))
        if kind is not None:
            faults.append(Fault(end.at, kind, f"source-{dice.randrange(regions)}", min(6, minutes - end.at), 2.0))
    return Scenario(seed, pools, regions, minutes, 320 if brain == "rules" else 130, brain, tuple(sorted(faults)))


def _fault(dice: random.Random, kinds, where: str, minutes: int) -> Fault:
    kind = dice.choices(list(kinds), [weight for weight, *_ in kinds.values()])[0]
    _, (shortest, longest), (least, most) = kinds[kind]
    if kind in ("silent", "broken") and dice.random() < 0.4:
        longest = 60  # long enough for the last proposal to be quite wrong
    lasts, at = dice.randint(shortest, longest), dice.randint(2, minutes - FREEZE)
    return Fault(at, kind, where, min(lasts, minutes - at), round(dice.uniform(least, most), 1))


def region_of(pool: str, regions: int) -> int:
    return int(pool[1:]) % regions


def policy_of(seed: int, name: str) -> PoolPolicy:
    """A pool's policy: any lawful mixture of what a policy can say."""
    dice = random.Random(f"policy {seed} {name}")  # noqa: S311
    least = dice.choice((0, 0, 0, 1, 3))
    return pool_policy(
        name=name, mode=dice.choice(("active",) * 5 + ("shadow",)), min=least, max=dice.choice((least, 10, 40, 60)) or 5,
        on_missing_metrics=dice.choice(("hold", "hold", "floor", "forecast")),
        on_foreign_write=dice.choice(("yield", "yield", "yield", "reassert")),
        objective=Objective(cold_start_cost_usd=dice.choice((0.01, 0.05, 1.0))),
        scale_down_delay=timedelta(minutes=dice.choice((0, 0, 10, 30))),
        max_step_up=dice.choice((None, None, 3, 10)), max_step_down=dice.choice((None, None, 5, 20)),
        budget_usd_per_month=dice.choice((None,) * 6 + (30.0, 200.0)), schedules=_schedules(dice),
    )


def _schedules(dice: random.Random) -> tuple[Schedule, ...]:
    if dice.random() < 0.7:
        return ()
    hour, minute = dice.choice(((0, 50), (1, 10), (1, 40), (2, 30), (3, 10))), dice.choice((20, 45, 90))
    bound = dice.choice(({"min": 4}, {"max": 6}, {"min": 2, "max": 8}))
    return (Schedule(cron=f"{hour[1]} {hour[0]} * * *", timezone="Europe/Paris", duration=timedelta(minutes=minute), **bound),)


def traffic_of(seed: int, name: str, minutes: int, calm: int) -> np.ndarray:
    """float32[HISTORY + minutes + calm]: work in flight a minute; nothing once calm begins."""
    dice = np.random.default_rng([seed, int(name[1:])])
    length, at = HISTORY + minutes, np.arange(HISTORY + minutes)
    level, kind = dice.choice([2.0, 10.0, 30.0]), dice.integers(0, 5)
    if kind == 0:
        units = np.full(length, level)
    elif kind == 1:
        units = level * (1 + np.sin(at / dice.uniform(8, 40)))
    elif kind == 2:
        units = level * (dice.random(length) < 0.15) * dice.uniform(1, 4, length)
    elif kind == 3:
        units = level * ((at // int(dice.integers(10, 50))) % 2)
    else:
        units = np.zeros(length)
    return np.concatenate([np.round(units), np.zeros(calm)]).astype(np.float32)

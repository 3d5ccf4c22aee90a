"""The values to display at one simulated minute."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controller.demo.bar_chart import Point
from controller.demo.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Decision:
    """A change that Stoker made or held, as text."""

    at: datetime
    pool: str
    text: str


@dataclass(frozen=True, slots=True)
class PoolFrame:
    """One pool now. `target` is None before the first plan."""

    name: str
    title: str
    peak: float | None
    requested: int
    ready: int
    target: int | None
    outcome: Outcome
    mode: str
    points: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """All pools at `now`. `elapsed` is simulated time; `speed` is the average in simulated seconds per second."""

    now: datetime
    elapsed: timedelta
    lasts: timedelta
    speed: float
    url: str
    pools: tuple[PoolFrame, ...]
    decisions: tuple[Decision, ...] = ()
    total: Outcome = field(default_factory=Outcome)
    price_curve: str = ""
    """At the end: what other settings would cost, from a backtest."""

"""What there is to see at one simulated minute: plain values between the stage and the screens."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controller.demo.bar_chart import Point
from controller.demo.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Decision:
    """A change that Stoker made or wanted, in words."""

    at: datetime
    pool: str
    text: str


@dataclass(frozen=True, slots=True)
class PoolFrame:
    """One pool now. `target` is what Stoker wants requested; None until it has planned."""

    name: str
    title: str
    peak: float | None
    requested: int
    ready: int
    target: int | None
    outcome: Outcome
    points: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """All pools at `now`. `elapsed` is simulated; `speed` is what was reached on average, in simulated seconds a second."""

    now: datetime
    elapsed: timedelta
    lasts: timedelta
    speed: float
    url: str
    pools: tuple[PoolFrame, ...]
    decisions: tuple[Decision, ...] = ()
    total: Outcome = field(default_factory=Outcome)

"""What the fleet knows of a pool at a tick, and what it is asked before a write. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.plan import Announced, Bound, Plan, Proposal, Sight, Traffic


@dataclass(frozen=True, slots=True)
class View:
    """What the fleet knows of a pool's demand at a tick."""

    sight: Sight = Sight.NONE
    data_age: timedelta | None = None
    proposal: Proposal | None = None
    settled: bool = False
    unseen: int = 0
    quiet: str = ""
    retimed: str = ""
    traffic: Traffic | None = None
    missing_since: datetime | None = None
    bounds: tuple[Bound, ...] = ()
    leaving: str | None = None
    announced: Announced | None = None


Gate = Callable[[Plan], tuple[Bound, ...]]
"""Asked before a write: what the whole fleet leaves of a plan now; nothing where the plan may be carried out as it is."""

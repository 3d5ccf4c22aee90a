"""What an operator orders for a while over the plan: hold what is there, pin a number, or add to what is proposed. Pure.

Each order ends by itself. A pool has at most one of each kind: a pause outranks a pin, and a pin outranks a boost. How they
act on a plan stands in `guardrails`.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from config.model.schedule import MOST_UNITS


class Kind(StrEnum):
    """What is ordered."""

    PAUSE = "pause"
    """Keep what is requested, whatever is wanted."""
    PIN = "pin"
    """Ask for so many units, whatever is proposed."""
    BOOST = "boost"
    """Ask for more than is proposed: so many units, or so many times as much."""
    PREWARM = "prewarm"
    """Ask for so many units at least: an application knows of users coming. Granted by
    `controller.decision.planning.prewarm_grant` alone.
    """


ORDERED = (Kind.PAUSE, Kind.PIN, Kind.BOOST)
"""What operators order."""


@dataclass(frozen=True, slots=True)
class Override:
    """One order. `units`: of a pin, boost or prewarming. `factor`: of a boost. `by`, `reason`: what was said, without secrets.
    `steps`: of a prewarming, units and until when; the later ones are of fewer.
    """

    kind: Kind
    until: datetime
    by: str
    reason: str
    units: int | None = None
    factor: float | None = None
    since: datetime | None = None
    steps: tuple[tuple[int, datetime], ...] = ()

    def prewarmed(self, now: datetime) -> int:
        """So many units are asked for at `now` at least."""
        return max((units for units, until in self.steps if until > now), default=0)

    @property
    def order(self) -> str:
        """What is ordered, as the command line spells it."""
        if self.kind is Kind.BOOST:
            return f"boost x{self.factor:g}" if self.factor is not None else f"boost +{self.units}"
        return self.kind.value if self.units is None else f"{self.kind.value} {self.units}"

    @property
    def text(self) -> str:
        """What, until when, by whom and why."""
        return f"{self.order} until {self.until:%Y-%m-%d %H:%M} UTC by {self.by} ({self.reason})"

    def boosted(self, proposed: int) -> int:
        """`proposed` units with the boost on top."""
        if self.factor is not None:
            return min(MOST_UNITS, math.ceil(proposed * self.factor - 1e-9))
        return min(MOST_UNITS, proposed + (self.units or 0))


def active(overrides: Iterable[Override], kind: Kind, now: datetime) -> Override | None:
    """The order of `kind` that holds at `now`, if any."""
    return next((each for each in overrides if each.kind is kind and each.until > now), None)


def joined(earlier: Override | None, later: Override, now: datetime) -> Override:
    """One prewarming that asks at each instant for what either does: the greater, not the sum."""
    steps = (*(() if earlier is None else earlier.steps), *later.steps)
    kept: list[tuple[int, datetime]] = []
    for units, until in sorted(steps, key=lambda step: (step[1], step[0]), reverse=True):
        if until > now and (not kept or units > kept[-1][0]):
            kept.append((units, until))
    return replace(later, units=kept[-1][0], until=kept[0][1], steps=tuple(reversed(kept))) if kept else later


def entry(override: Override) -> dict[str, Any]:
    """An order as the API shows it, and as it is stored."""
    return {"kind": override.kind.value, "order": override.order, "units": override.units, "factor": override.factor,
            "since": None if override.since is None else override.since.isoformat(), "until": override.until.isoformat(),
            "by": override.by, "reason": override.reason,
            "steps": [[units, until.isoformat()] for units, until in override.steps]}


def shown_override(shown: Mapping[str, Any]) -> Override:
    """What `entry` was made of; `KeyError`, `TypeError` or `ValueError` when it is none."""
    since = shown["since"]
    return Override(Kind(shown["kind"]), datetime.fromisoformat(shown["until"]), shown["by"], shown["reason"], shown["units"],
                    shown["factor"], None if since is None else datetime.fromisoformat(since),
                    tuple((units, datetime.fromisoformat(until)) for units, until in shown.get("steps", ())))

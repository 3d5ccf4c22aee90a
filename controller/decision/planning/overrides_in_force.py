"""Overrides of a plan for a limited time: hold capacity, pin a number, or add to the proposal. Pure.

Each override expires. A pool has at most one of each kind: a pause takes precedence over a pin, and a pin over a boost.
`guardrails` apply them to a plan.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from config.model.schedule import MOST_UNITS


class Kind(StrEnum):
    """Kind of an override."""

    PAUSE = "pause"
    """Keep the requested units, regardless of the target."""
    PIN = "pin"
    """Request a number of units, regardless of the proposal."""
    BOOST = "boost"
    """Request more than the proposal, by a number of units or a factor."""
    PREWARM = "prewarm"
    """Request at least a number of units, because an application expects users. Only `controller.decision.planning.prewarm_grant`
    creates them.
    """


OPERATOR_KINDS = (Kind.PAUSE, Kind.PIN, Kind.BOOST)
"""Kinds that operators set."""


@dataclass(frozen=True, slots=True)
class Override:
    """Override of one pool. `units`: of a pin, boost or prewarm. `factor`: of a boost. `by`, `reason`: texts without secrets.
    `steps`: of a prewarm, units with their end; later steps have fewer units.
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
        """Return the least units that a prewarm requests at `now`."""
        return max((units for units, until in self.steps if until > now), default=0)

    @property
    def order(self) -> str:
        """The override as on the command line."""
        if self.kind is Kind.BOOST:
            return f"boost x{self.factor:g}" if self.factor is not None else f"boost +{self.units}"
        return self.kind.value if self.units is None else f"{self.kind.value} {self.units}"

    @property
    def text(self) -> str:
        """The override with its end, author and reason."""
        return f"{self.order} until {self.until:%Y-%m-%d %H:%M} UTC by {self.by} ({self.reason})"

    def boosted(self, proposed: int) -> int:
        """Return `proposed` units with the boost added."""
        if self.factor is not None:
            return min(MOST_UNITS, math.ceil(proposed * self.factor - 1e-9))
        return min(MOST_UNITS, proposed + (self.units or 0))


def active(overrides: Iterable[Override], kind: Kind, now: datetime) -> Override | None:
    """Return the override of `kind` in force at `now`; None if there is none."""
    for each in overrides:
        if each.kind is kind and each.until > now:
            return each
    return None


def joined(earlier: Override | None, later: Override, now: datetime) -> Override:
    """Return one prewarm that requests at each instant the larger number of both, not the sum."""
    steps = (*(() if earlier is None else earlier.steps), *later.steps)
    descending: list[tuple[int, datetime]] = []
    for units, until in sorted(steps, key=lambda step: (step[1], step[0]), reverse=True):
        if until > now and (not descending or units > descending[-1][0]):
            descending.append((units, until))
    if not descending:
        return later
    return replace(later, units=descending[-1][0], until=descending[0][1], steps=tuple(reversed(descending)))


def entry(override: Override) -> dict[str, Any]:
    """Return the override as the store holds it; the API adds its effect."""
    return {"kind": override.kind.value, "order": override.order, "units": override.units, "factor": override.factor,
            "since": None if override.since is None else override.since.isoformat(), "until": override.until.isoformat(),
            "by": override.by, "reason": override.reason,
            "steps": [[units, until.isoformat()] for units, until in override.steps]}


def shown_override(shown: Mapping[str, Any]) -> Override:
    """Return the override of an `entry`. Raise `KeyError`, `TypeError` or `ValueError` when it is invalid."""
    since = shown["since"]
    return Override(Kind(shown["kind"]), datetime.fromisoformat(shown["until"]), shown["by"], shown["reason"], shown["units"],
                    shown["factor"], None if since is None else datetime.fromisoformat(since),
                    tuple((units, datetime.fromisoformat(until)) for units, until in shown.get("steps", ())))

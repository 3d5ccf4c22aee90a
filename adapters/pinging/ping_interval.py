"""Estimate of how long an idle unit stays warm, from the responses after each pause. Pure.

No provider guarantees a span: AWS documents none, and measurements range from 5 min to 1 h. Therefore the pause between two
rounds starts short, grows slightly beyond the longest that units survived, and shrinks when units expired.
"""

from collections import Counter
from datetime import timedelta

from adapters.pinging.settings import SHORTEST
from adapters.pinging.unit_life import UnitLife
from adapters.ports.lever import KeepAliveSeen

GROWTH = 1.1
"""Factor of the next pause after units survived one."""

SAFE_SHARE = 0.85
"""Share of the shortest pause in which units expired that is assumed to be safe."""

TOLERATED_SHARE = 0.1
"""Tolerated share of cold responses in a round: providers remove single units at any age, and users may hold some."""

LIMIT_GROWTH = 1.0005
"""Factor of the limit after each complete round: the previous pause is tried again after about a day."""

RECOVERY = 1.02
"""Factor of the limit while the pause is shorter than the initial one: the cause may have been an outage or a deployment."""

GRACE = timedelta(seconds=30)
"""Allowance for the duration of a round."""

MINUTE = timedelta(minutes=1)
MAX_COUNTED = 4000
"""Maximum units counted; above it all counts are halved, so that newer ones have more weight."""

MIN_UNITS = 10
"""Minimum units for a bound."""


class IdleTimeoutEstimator:
    """Estimator for one pool. `first`: the initial pause; `longest`: the maximum."""

    def __init__(self, first: timedelta, longest: timedelta) -> None:
        self._first, self._longest = first, max(first, longest)
        self._survived = first / GROWTH
        self._limit: timedelta | None = None
        """Shortest pause in which units expired, raised after complete rounds."""
        self._excess = 0.0
        """Units above the tolerance that expired recently. A single one is no evidence; one in each of several rounds is."""
        self.life = UnitLife()
        """How long units last that are never idle for longer than the pause."""
        self._alive, self._expired = Counter[int](), Counter[int]()
        """Units by pause in whole minutes: those that survived it, and those that expired."""

    @property
    def pause(self) -> timedelta:
        """Maximum time between two rounds: the survived pause times `GROWTH`, up to a share of the limit."""
        pause = min(self._longest, self._survived * GROWTH)
        return max(SHORTEST, pause if self._limit is None else min(pause, SAFE_SHARE * self._limit))

    @property
    def proof_lasts(self) -> timedelta:
        """Time for which a unit counts as warm after its last response."""
        return self.pause + GRACE

    def note(self, pause: timedelta, held: int, warm: int, expired: int, *, used: bool = False) -> None:
        """Record a round: of `held` units that answered `pause` before, `warm` are alive, `expired` are not, and the others are
        unknown. With too many unknown units the estimate does not change. `used`: users may have kept the units alive.
        """
        if not used:
            self._count(pause, warm, expired)
            self.life.note(pause, warm, expired)
        self._excess = max(0.0, self._excess + expired - TOLERATED_SHARE * held)
        if expired > max(1, TOLERATED_SHARE * held) or self._excess > 1 or (expired and not warm):
            self._excess, pause = 0.0, max(pause, SHORTEST)
            self._limit = pause if self._limit is None else min(self._limit, pause)
            self._survived = min(self._survived, SAFE_SHARE * self._limit)
        elif warm and held - warm - expired <= TOLERATED_SHARE * held:
            self._survived = max(self._survived, pause)
            if self._limit is not None:
                self._limit *= LIMIT_GROWTH if self.pause >= self._first else RECOVERY

    @property
    def seen(self) -> KeepAliveSeen:
        """Bounds of the median idle lifetime: the longest pause that more than half of the units survive, and the shortest that
        fewer survive.

        The expired share can only grow with the pause, so neighbouring pauses that violate this are merged: the estimate of a
        distribution from inspections at single ages (Ayer et al., Annals of Mathematical Statistics 26, 1955).
        """
        low = high = None
        groups: list[tuple[int, int, int]] = []  # units alive, units expired, first pause in minutes
        last: list[int] = []
        for minutes in sorted(self._alive.keys() | self._expired.keys()):
            alive, expired, first = self._alive[minutes], self._expired[minutes], minutes
            while groups and groups[-1][1] * alive >= expired * groups[-1][0]:
                alive, expired, first = alive + groups[-1][0], expired + groups[-1][1], groups.pop()[2]
                last.pop()
            groups.append((alive, expired, first))
            last.append(minutes)
        for (alive, expired, first), end in zip(groups, last, strict=True):
            if alive > expired and alive + expired >= MIN_UNITS:
                low = end * MINUTE
            elif expired > alive and alive + expired >= MIN_UNITS and high is None:
                high = (first + 1) * MINUTE
        return KeepAliveSeen(None, low, high, self._alive.total() + self._expired.total(), "units pinged after a pause")

    def _count(self, pause: timedelta, warm: int, expired: int) -> None:
        self._alive[pause // MINUTE] += warm
        self._expired[pause // MINUTE] += expired
        if self._alive.total() + self._expired.total() > MAX_COUNTED:
            self._alive, self._expired = (Counter({minutes: units // 2 for minutes, units in each.items() if units > 1})
                                          for each in (self._alive, self._expired))

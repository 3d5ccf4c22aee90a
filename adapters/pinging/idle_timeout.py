"""Estimate of how long an idle unit stays warm, from the responses after each pause. Pure.

No provider guarantees a span: AWS documents none, and measurements range from 5 min to 1 h. Therefore the pause between two
rounds starts short, grows slightly beyond the longest that units survived, and shrinks when units expired.
"""

from collections import Counter
from datetime import timedelta

from adapters.pinging.settings import SHORTEST
from adapters.ports.lever import KeepAliveSeen

GROWTH = 1.1
"""Factor of the next pause after units survived one."""

FALL = 0.85
"""Share of the shortest pause in which units expired that is assumed to be safe."""

TOLERATED = 0.1
"""Tolerated share of cold responses in a round: providers remove single units at any age, and users may hold some."""

FORGETTING = 1.0005
"""Factor of the limit after each good round: the old pause is tried again after about a day."""

RECOVERY = 1.02
"""Factor of the limit while the pause is shorter than the initial one: the cause may have been an outage or a deployment."""

GRACE = timedelta(seconds=30)
"""Allowance for the duration of a round."""

MINUTE = timedelta(minutes=1)
REMEMBERED = 4000
"""Maximum units counted; above it all counts are halved, so that newer ones have more weight."""

PROOF = 10
"""Minimum units for a bound."""


class IdleTimeoutEstimator:
    """Estimator for one pool. `first`: the initial pause; `longest`: the maximum."""

    def __init__(self, first: timedelta, longest: timedelta) -> None:
        self._first, self._longest = first, max(first, longest)
        self._survived = first / GROWTH
        self._deadly: timedelta | None = None
        self._lost = 0.0
        """Units above the tolerance that expired recently. A single one is no evidence; one in each of several rounds is."""
        self._alive, self._dead = Counter[int](), Counter[int]()
        """Units by pause in whole minutes: those that survived it, and those that expired."""

    @property
    def pause(self) -> timedelta:
        """Return the maximum time between two rounds: the survived pause times `GROWTH`."""
        pause = min(self._longest, self._survived * GROWTH)
        return max(SHORTEST, pause if self._deadly is None else min(pause, FALL * self._deadly))

    @property
    def proof_lasts(self) -> timedelta:
        """Return how long a unit counts as warm after its last response."""
        return self.pause + GRACE

    def note(self, pause: timedelta, held: int, warm: int, dead: int, *, used: bool = False) -> None:
        """Record a round: of `held` units that had answered `pause` before, `warm` are alive, `dead` have expired, and the others
        are unknown. Too many unknown units teach nothing. `used`: users may have kept the units alive.
        """
        if not used:
            self._count(pause, warm, dead)
        self._lost = max(0.0, self._lost + dead - TOLERATED * held)
        if dead > max(1, TOLERATED * held) or self._lost > 1 or (dead and not warm):
            self._lost, pause = 0.0, max(pause, SHORTEST)
            self._deadly = pause if self._deadly is None else min(self._deadly, pause)
            self._survived = min(self._survived, FALL * self._deadly)
        elif warm and held - warm - dead <= TOLERATED * held:
            self._survived = max(self._survived, pause)
            if self._deadly is not None:
                self._deadly *= FORGETTING if self.pause >= self._first else RECOVERY

    @property
    def seen(self) -> KeepAliveSeen:
        """Return bounds of the median lifetime: the longest pause that more than half survive, the shortest that fewer survive.

        The expired share can only grow with the pause, so neighbouring pauses that violate this are merged: the estimate of a
        distribution from inspections at single ages (Ayer et al., Annals of Mathematical Statistics 26, 1955).
        """
        low = high = None
        groups: list[tuple[int, int, int]] = []  # alive, dead and the first pause, in minutes
        last: list[int] = []
        for minutes in sorted(self._alive.keys() | self._dead.keys()):
            alive, dead, first = self._alive[minutes], self._dead[minutes], minutes
            while groups and groups[-1][1] * alive >= dead * groups[-1][0]:
                alive, dead, first = alive + groups[-1][0], dead + groups[-1][1], groups.pop()[2]
                last.pop()
            groups.append((alive, dead, first))
            last.append(minutes)
        for (alive, dead, first), end in zip(groups, last, strict=True):
            if alive > dead and alive + dead >= PROOF:
                low = end * MINUTE
            elif dead > alive and alive + dead >= PROOF and high is None:
                high = (first + 1) * MINUTE
        return KeepAliveSeen(None, low, high, self._alive.total() + self._dead.total(), "units pinged after a pause")

    def _count(self, pause: timedelta, warm: int, dead: int) -> None:
        self._alive[pause // MINUTE] += warm
        self._dead[pause // MINUTE] += dead
        if self._alive.total() + self._dead.total() > REMEMBERED:
            self._alive, self._dead = (Counter({minutes: units // 2 for minutes, units in each.items() if units > 1})
                                       for each in (self._alive, self._dead))

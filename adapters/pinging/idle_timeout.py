"""How long an idle unit lives, learnt from what answers after a pause. Pure.

No provider promises a span: AWS's own texts have none, and measurements range from five minutes to an hour. So the pause between
two rounds begins short, grows a little beyond what was survived, and falls back once units have died in one.
"""

from collections import Counter
from datetime import timedelta

from adapters.pinging.settings import SHORTEST
from adapters.ports.lever import KeepAliveSeen

GROWTH = 1.1
"""A pause that was survived makes one so much longer worth trying."""

FALL = 0.85
"""Of the shortest pause in which units died, so much is thought safe."""

TOLERATED = 0.1
"""So large a share of cold answers in each round is no sign: single units are taken away at any age, users may hold some."""

FORGETTING = 1.0005
"""With each good round a death counts for a little longer a pause: in a day or so the old pause is tried again."""

RECOVERY = 1.02
"""The same while the pause is shorter than the one to begin with: what killed then may have been an outage or a deployment."""

GRACE = timedelta(seconds=30)
"""A round takes a while."""

MINUTE = timedelta(minutes=1)
REMEMBERED = 4000
"""Units whose pauses are counted; beyond that all counts are halved, so that the newer ones weigh more."""

PROOF = 10
"""Fewer units than this bound nothing."""


class IdleTimeoutEstimator:
    """Of one pool's units. `first`: the pause to begin with; `longest`: never more."""

    def __init__(self, first: timedelta, longest: timedelta) -> None:
        self._first, self._longest = first, max(first, longest)
        self._survived = first / GROWTH
        self._deadly: timedelta | None = None
        self._lost = 0.0
        """Units beyond what is tolerated that have died lately: a single one tells nothing, one in round after round does."""
        self._alive, self._dead = Counter[int](), Counter[int]()
        """Units by the pause in whole minutes: those that had outlived it, and those that had ended."""

    @property
    def pause(self) -> timedelta:
        """The longest that may lie between two rounds: what was survived and a little more."""
        pause = min(self._longest, self._survived * GROWTH)
        return max(SHORTEST, pause if self._deadly is None else min(pause, FALL * self._deadly))

    @property
    def proof_lasts(self) -> timedelta:
        """How long a unit that answered counts as warm without having been asked again."""
        return self.pause + GRACE

    def note(self, pause: timedelta, held: int, warm: int, dead: int, *, used: bool = False) -> None:
        """Of `held` units that had answered `pause` before, a round found `warm` alive and `dead` gone; of the others it cannot
        tell, and what it cannot tell of too many teaches nothing. `used`: users may have kept them alive meanwhile.
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
        """Bounds of how long half of the units live: the longest pause that more than half outlive, the shortest that fewer do.

        The share that has ended can only grow with the pause, so neighbouring pauses whose shares do not are taken together: the
        estimate of a distribution from inspections at single ages (Ayer et al., Annals of Mathematical Statistics 26, 1955).
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

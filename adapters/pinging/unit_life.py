"""Estimate of how long units last that pings keep warm, from how many have stopped between rounds. Pure.

Providers stop units at some age, whether they are used or not, and publish no age.
"""

from datetime import timedelta

MINUTE = timedelta(minutes=1)
USUAL = timedelta(hours=2)
"""Assumed life before anything was seen: Lambda replaces environments every few hours, and single ones at any age."""

WEIGHT = 20.0
"""Number of units that have to stop before what was seen counts as much as the assumption."""

MOST_STOPPED = 200.0
"""Number of stopped units above which all counts are halved, so that newer ones have more weight."""


class UnitLife:
    """Estimator for one pool."""

    def __init__(self) -> None:
        self._seen = False
        self.assume(USUAL)

    def assume(self, life: timedelta) -> None:
        """Start from `life`, with the weight of an assumption."""
        self._kept, self._stopped = WEIGHT * life, WEIGHT

    @property
    def span(self) -> timedelta | None:
        """Mean life in whole minutes: the time for which units were kept, divided by the number of those that stopped, both with
        the assumption; None without a round.
        """
        return max(1, round(self._kept / self._stopped / MINUTE)) * MINUTE if self._seen else None

    def note(self, pause: timedelta, alive: int, stopped: int) -> None:
        """Record a round: `pause` after the last one, `alive` units are still there and `stopped` are not. A stopped unit counts
        as kept for half of the pause.

        Where more have stopped than are alive, the cause is no age: the pause was too long, or the provider stopped all units.
        """
        if stopped > alive:
            return
        self._seen = True
        self._kept += pause * (alive + stopped / 2)
        self._stopped += stopped
        if self._stopped > MOST_STOPPED:
            self._kept, self._stopped = self._kept / 2, self._stopped / 2

"""Estimate of the shortest time for which units must hold pings so that the pings of a burst overlap. Pure.

A ping that ends before the last one of its burst reaches the platform frees its unit, which then serves two of them. A longer
hold keeps units from users. Therefore the hold shrinks while all pings of a burst reach different units, and grows when they do
not.
"""

SHORTEST, LONGEST = 0.001, 5.0
"""Bounds in seconds; those of the setting `hold_ms`."""

SHRINK = 0.8
"""Factor after a burst whose pings all overlapped."""

GROWTH = 2.0
"""Factor after a burst whose pings did not."""

MARGIN = 1.25
"""Multiple of the longest hold that was too short below which the hold does not shrink."""

RELAXATION = 0.999
"""Factor of that longest hold after each burst: a slow network or machine may have been the cause."""


class HoldEstimator:
    """Estimator for one pool. `first`: the initial hold in seconds. `fixed`: the handler holds pings for a time of its own."""

    def __init__(self, first: float, *, fixed: bool) -> None:
        self.seconds = first
        self._fixed, self._too_short = fixed, 0.0

    def note(self, *, overlapped: bool) -> None:
        """Record a burst with this hold, to which each ping was answered."""
        if self._fixed:
            return
        if overlapped:
            self._too_short *= RELAXATION
            self.seconds = min(self.seconds, max(SHORTEST, MARGIN * self._too_short, SHRINK * self.seconds))
        else:
            self._too_short = max(self._too_short, self.seconds)
            self.seconds = min(LONGEST, GROWTH * self.seconds)

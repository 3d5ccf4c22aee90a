"""Port of the leading signals of a group's pools, as the proposer reads them."""

from typing import Protocol

from forecasting.demand import Floats


class LeadSource(Protocol):
    """Leading signals by pool. A pool without signals has no names and no delays."""

    def names(self, pool: str) -> tuple[str, ...]:
        """Return the names of the signals of a pool, as texts show them."""

    def delay(self, pool: str) -> tuple[int, ...]:
        """Return of each signal the time from an event to its value being readable, in whole minutes."""

    async def signals(self, pool: str, first: int, until: int) -> Floats:
        """Return the signals of the minutes from `first` to before `until`: float32[signals, until - first], NaN where unknown.

        It never fails: a signal that cannot be read is unknown.
        """

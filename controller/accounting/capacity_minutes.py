"""Capacity of many pools in recent minutes, as it was read, until the minutes are counted. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.ports.lever import PingsSent
from controller.accounting.minute_bill import Amounts, Units
from controller.accounting.paid_units import Change, Paid
from forecasting.demand import Floats, minute_of

MINUTES = 128
"""Minutes that are kept. Demand that settles later is not counted."""

ANY = np.array([0.0, np.inf])
"""Bounds (minimum, maximum) of the cold starts of a minute that the provider has not counted."""


def unstepped(_: int) -> Change:
    """Return the change of a pool whose units are billed while they are ready."""
    return Change((), timedelta(0))


class Read(NamedTuple):
    """Units of each pool in a reading: float[pools] each, NaN where unknown. `others`: units that others keep warm in addition.
    `pinged`: units that pings have proved warm above them, as a layer of the pool.
    """

    ready: Floats
    requested: Floats
    others: Floats
    pinged: Floats


class MinuteCapacity(NamedTuple):
    """Capacity of each pool in a minute. `known`, bool[pools]: whether the ready units are known; unknown ones are 0. `others`,
    float64[pools]: units that others keep warm, part of `units`. `bounds`, float64[2, pools]: minimum and maximum of the cold
    starts. `sent`, float64[2, pools]: fields of `PingsSent`, NaN where they are unknown.
    """

    known: NDArray[np.bool_]
    units: Units
    others: Amounts
    bounds: Amounts
    sent: Amounts


class CapacityMinutes:
    """Readings of the pools of one ledger, by row. `end`: the first minute without a reading."""

    def __init__(self, pools: int, first: int) -> None:
        self.end = first
        self._ready = np.full((pools, MINUTES), np.nan)
        self._others, self._pinged = np.zeros((pools, MINUTES)), np.zeros((pools, MINUTES))
        self._bounds = np.tile(ANY[:, None, None], (1, pools, MINUTES))
        self._sent = np.full((len(PingsSent._fields), pools, MINUTES), np.nan)
        self._paid = Paid(pools, MINUTES)

    def note(self, read: Read, now: datetime, changed: Callable[[int], Change] = unstepped) -> None:
        """Record a reading for the minutes since the last one. `changed`: returns the change of a pool (by row) whose requested
        units changed.
        """
        end = max(self.end, minute_of(now) + 1)
        minutes = np.arange(max(self.end, end - MINUTES), end)
        self._ready[:, minutes % MINUTES] = read.ready[:, None]
        self._others[:, minutes % MINUTES] = np.nan_to_num(read.others)[:, None]
        self._pinged[:, minutes % MINUTES] = read.pinged[:, None]
        self._bounds[:, :, minutes % MINUTES] = ANY[:, None, None]
        self._sent[:, :, minutes % MINUTES] = np.nan
        ready, requested = read.ready.astype(np.float64), read.requested.astype(np.float64)
        self._paid.note(end - len(minutes), end, ready, requested, now, changed)
        self.end = end

    def forget(self, row: int) -> None:
        """Forget the readings of a pool: its minutes that are not counted yet are unknown."""
        self._ready[row] = np.nan

    def correct(self, row: int, units: Mapping[int, int], first: int) -> None:
        """Replace the ready units of a pool in minutes from `first` on that the provider has counted."""
        for minute, ready in units.items():
            if first <= minute < self.end:
                self._ready[row, minute % MINUTES] = ready

    def bound(self, row: int, cold_starts: Mapping[int, tuple[int, int]], first: int) -> None:
        """Set the minimum and maximum of the cold starts of a pool in minutes from `first` on that the provider has counted."""
        for minute, bounds in cold_starts.items():
            if first <= minute < self.end:
                self._bounds[:, row, minute % MINUTES] = bounds

    def sent(self, row: int, since: int, pings: Mapping[int, PingsSent], first: int) -> None:
        """Set the pings of a pool in minutes from `first` on: those of each minute with any, none in the others after `since`."""
        for minute in range(max(first, since), self.end):
            if minute in pings:
                self._sent[:, row, minute % MINUTES] = pings[minute]
            elif np.isnan(self._sent[0, row, minute % MINUTES]):
                self._sent[:, row, minute % MINUTES] = 0.0

    def at(self, minute: int) -> MinuteCapacity:
        """Return the capacity of a minute."""
        at = minute % MINUTES
        own, others = self._ready[:, at], self._others[:, at]
        ready = np.nan_to_num(own)
        units = Units(ready + others, self._paid.units(minute, ready) + others, self._pinged[:, at])
        return MinuteCapacity(~np.isnan(own), units, others, self._bounds[:, :, at], self._sent[:, :, at])

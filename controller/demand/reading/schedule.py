"""Schedule of the reads of a pool whose source bills each metric that is read: which part of its demand to read now. Pure.

A read covers any number of minutes at one price, so that a later read loses no minute: it only comes later. The peak is read as
often as it can change the proposal; requests and work, which only scores and accounts need, once a quarter of an hour, for all
pools at the same minute. Daemon and backtest call the same functions.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.ports.demand_source import Part
from adapters.ports.read_prices import ReadPrices
from controller.demand.reading.intervals import (
    LATELY,
    MOVING,
    QUARTER,
    QUIET,
    RECENT,
    SETTLED,
    UNWANTED,
    UNWOKEN,
)
from forecasting.demand import DemandSeries

LONG_AGO = -1_000_000_000


@dataclass(slots=True)
class ReadState:
    """What the schedule of one pool depends on; instants are minutes since the epoch.

    `units`: units that the rules propose, of the base and of all layers. `read_until`, `whole_until`: end of the last read, and
    of the last one after which nothing was missing. `next_at`: when the peak is due; None while the pool waits. `retry`: the last
    read failed or was late.
    """

    units: tuple[float, float] = (-1.0, -1.0)
    changed_at: int = LONG_AGO
    wanted_at: int = LONG_AGO
    active_at: int = LONG_AGO
    read_until: int = LONG_AGO
    whole_until: int = LONG_AGO
    next_at: int | None = None
    asleep: bool = False
    retry: bool = True

    def read(self, until: int, *, whole: bool, found: bool) -> None:
        """Take note of a read that ended at `until`. A read of the peak is complete if it `found` no demand."""
        if whole or (not found and self.whole_until == self.read_until):
            self.whole_until = until
        self.read_until = until

    @property
    def waits(self) -> bool:
        """Whether the pool is read once a quarter of an hour, because nothing can change its units or it is not worth it."""
        return self.asleep or self.next_at is None

    def decided(self, until: int, units: tuple[float, float], peak: float, *, active: bool, trusted: bool, wakes: bool,
                slowed: bool = False, idle_day: bool = False) -> None:
        """Set when to read next, after the read that ended at `until`.

        `peak`: newest known one. `active`: there was demand since the read before. `trusted`: history is long enough to compare
        rules; before, each minute is read. `wakes`: the source wakes sleeping pools. `slowed`: reading costs more than it saves.
        `idle_day`: there was no demand in the day before the first read.
        """
        first, total = self.wanted_at == LONG_AGO, max(units)
        if units != self.units:
            self.changed_at, self.units = LONG_AGO if first else until, units
        if total > 0 or first:
            self.wanted_at = until - (UNWANTED - LATELY if idle_day and total <= 0 else 0)
        if active or first:
            self.active_at = until
        self.asleep = self.retry = False
        if slowed or until - self.wanted_at >= UNWANTED:
            quiet = not slowed and until - self.active_at >= QUIET
            self.asleep = quiet and wakes
            self.next_at = until + UNWOKEN if quiet and not wakes else None
            return
        self.retry, since = not trusted, until - self.changed_at
        short = peak > total and until - self.wanted_at < LATELY
        steps = (1, MOVING) if short else (MOVING, SETTLED)
        self.next_at = until + (1 if since < 1 else steps[since >= RECENT])

    def next_read(self, metric_delay: int) -> int:
        """Return the minute at which something must be read again."""
        if self.retry:
            return self.read_until + 1
        whole_at = (quarter_of(self.whole_until, metric_delay) + 1) * QUARTER + metric_delay
        return max(self.read_until + 1, whole_at if self.next_at is None else min(self.next_at, whole_at))

    def part(self, until: int, metric_delay: int) -> Part | None:
        """Return what to read at minute `until`; None for nothing."""
        if self.retry or until < self.read_until:
            return Part.ALL
        if until < self.next_read(metric_delay):
            return Part.LISTEN if self.asleep else None
        if self.asleep or quarter_of(until, metric_delay) == quarter_of(self.whole_until, metric_delay):
            return Part.PEAK
        return Part.ALL

    def waited(self, now: int, metric_delay: int) -> int:
        """Return for how many minutes before `now` the schedule has asked for nothing newer."""
        return max(0, min(now, self.next_read(metric_delay)) - self.read_until)


def quarter_of(until: int, metric_delay: int) -> int:
    """Return the number of the quarter of an hour of which the last minute was readable at minute `until`."""
    return (until - metric_delay) // QUARTER


class Reads(NamedTuple):
    """Reads of one pool over a history: the newest known row at each minute, int64[n], -1 without one; the end of the rows that
    were readable at the last read, int64[n]; and the metrics that were read at each minute, float64[n].
    """

    newest: NDArray[np.int64]
    end: NDArray[np.int64]
    metrics: NDArray[np.float64]


def reads_of(demand: DemandSeries, target: NDArray[np.float64], level: NDArray[np.float64], trusted: NDArray[np.bool_],
             metric_delay: int, prices: ReadPrices) -> Reads:
    """Return the reads of a history at the schedule, with the proposals of each row.

    A sleeping pool is woken by its own first demand: the metric of the account shows it.
    """
    minutes, first, state = len(demand), demand.first_minute, ReadState()
    newest, end, metrics = np.full(minutes, -1), np.zeros(minutes, np.int64), np.zeros(minutes)
    rows = np.arange(minutes)
    newest_of = np.maximum.accumulate(np.where(demand.known, rows, -1)).tolist()
    active_from = [*np.minimum.accumulate(np.where(demand.peak > 0, rows, minutes)[::-1])[::-1].tolist(), minutes]
    peaks, units, is_trusted = demand.peak.tolist(), list(zip(target.tolist(), level.tolist(), strict=True)), trusted.tolist()
    visible, at = 0, metric_delay
    while at < minutes:
        readable, retried = at - metric_delay + 1, state.retry
        part, found = state.part(first + at, metric_delay) or Part.PEAK, active_from[visible] < readable
        known, visible = newest_of[readable - 1], readable
        state.read(first + at, whole=part is Part.ALL, found=found)
        metrics[at] = prices.each_minute if retried else prices.whole if part is Part.ALL else prices.peak
        if known >= 0:
            state.decided(first + at, units[known], peaks[known], active=found, trusted=is_trusted[known], wakes=prices.wakes)
        following = state.next_read(metric_delay) - first
        if state.asleep:
            following = max(at + 1, min(following, active_from[visible] + metric_delay))
        newest[at:following], end[at:following] = known, readable
        at = following
    return Reads(newest, end, metrics)

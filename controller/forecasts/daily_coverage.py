"""Coverage of forecasts by day (UTC): how many minutes of demand were below, and at or below, each forecast quantile.

The counts of a day are stored as one snapshot, so that a report reads how well forecasts held without computing them again.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from controller.forecasts.capacity_forecast import SCORED_LEVELS
from controller.store.async_store import AsyncStore
from forecasting.demand import Floats, instant_of

KEY = "forecast-coverage-"
"""Start of the keys of the snapshots; the day follows."""

LEVELS = len(SCORED_LEVELS)
Counts = NDArray[np.int64]


class BlobReader(Protocol):
    """Store that returns snapshots."""

    def load_blob(self, key: str) -> bytes | None:
        """Return the bytes under `key`; None without any."""


class Coverage(NamedTuple):
    """Scored minutes of a pool, and for each of `SCORED_LEVELS` how many had demand below, and at or below, the quantile."""

    minutes: int
    below: tuple[int, ...]
    at_or_below: tuple[int, ...]

    def __add__(self, other: tuple[object, ...]) -> "Coverage":  # sums counts, unlike a plain tuple
        if not isinstance(other, Coverage):
            return NotImplemented
        return Coverage(self.minutes + other.minutes, added(self.below, other.below), added(self.at_or_below, other.at_or_below))


NONE = Coverage(0, (0,) * LEVELS, (0,) * LEVELS)
"""Coverage of no minute."""


def added(these: Sequence[int], those: Sequence[int]) -> tuple[int, ...]:
    """Return the sums of both, element by element."""
    return tuple(one + other for one, other in zip(these, those, strict=True))


class DailyCoverage:
    """Counts of all pools by day. The row of a pool holds its minutes, then the counts below, then those at or below."""

    def __init__(self, pools: Sequence[str]) -> None:
        self._rows = {name: at for at, name in enumerate(pools)}
        self._days: dict[date, Counts] = {}
        self._changed: set[date] = set()

    def add_rows(self, rows: Mapping[str, int]) -> None:
        """Set the rows of all pools, of which the first stay as they are."""
        self._rows = dict(rows)
        self._days = {day: np.vstack((counts, np.zeros((len(rows) - len(counts), counts.shape[1]), np.int64)))
                      for day, counts in self._days.items()}

    def add(self, minute: int, rows: NDArray[np.int64], forecast: Floats, peak: Floats) -> None:
        """Count one minute (since the epoch). `forecast`: float32[rows, SCORED_LEVELS]; `peak`: float32[rows]; none unknown."""
        day, demand = instant_of(minute).date(), peak[:, None]
        counts = self._days.setdefault(day, self._empty())
        counts[rows] += np.column_stack((np.ones(len(rows), np.int64), demand < forecast, demand <= forecast))
        self._changed.add(day)

    async def load(self, store: AsyncStore, now: datetime) -> None:
        """Continue the counts of today and yesterday that an earlier run stored: minutes are scored once they are settled."""
        for day in (now.date(), now.date() - timedelta(days=1)):
            counts = self._empty()
            for name, coverage in (await store.run(stored_coverage, store.store, day)).items():
                if name in self._rows:
                    counts[self._rows[name]] = (coverage.minutes, *coverage.below, *coverage.at_or_below)
            if counts.any():
                self._days[day] = counts

    async def save(self, store: AsyncStore, now: datetime) -> None:
        """Store the days that have changed since the last call."""
        changed, self._changed = self._changed, set()
        blobs = {f"{KEY}{day}": json.dumps(self._body(day), separators=(",", ":")).encode() for day in changed}
        self._days = {day: counts for day, counts in self._days.items() if day >= now.date() - timedelta(days=1)}
        if blobs:
            await store.run(store.store.save_blobs, blobs, now)

    def _body(self, day: date) -> dict[str, list[int]]:
        counts = self._days[day]
        return {name: counts[row].tolist() for name, row in self._rows.items() if counts[row, 0]}

    def _empty(self) -> Counts:
        return np.zeros((len(self._rows), 1 + 2 * LEVELS), np.int64)


def stored_coverage(store: BlobReader, day: date) -> Mapping[str, Coverage]:
    """Return the stored coverage of each pool on `day`; empty without any, and for a snapshot of another format."""
    found: dict[str, Coverage] = {}
    with suppress(ValueError, TypeError, AttributeError):
        for name, (minutes, *counts) in json.loads(store.load_blob(f"{KEY}{day}") or b"{}").items():
            if len(counts) == 2 * LEVELS:
                found[name] = Coverage(minutes, tuple(counts[:LEVELS]), tuple(counts[LEVELS:]))
    return found

"""A store of which the two things that cost most are kept in memory; all that a pool must remember stays in the file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from controller.store.state_store import Store
from forecasting.demand import DemandSeries


@dataclass(slots=True)
class Kept:
    """What outlives a daemon, as a file would: demand by pool from minute `first` on, and what was decided."""

    first: int
    minutes: int
    demand: dict[str, np.ndarray] = field(default_factory=dict)
    decisions: list[dict[str, object]] = field(default_factory=list)


class HalfStore(Store):
    """A `Store` whose demand and decisions are in `kept`. What the file refuses, this refuses too."""

    def __init__(self, path: Path, kept: Kept) -> None:
        super().__init__(path)
        self._kept = kept

    def save_demands(self, batch: Mapping[str, DemandSeries]) -> None:
        with self._database.writing():
            for pool, series in batch.items():
                at = max(0, series.first_minute - self._kept.first)
                if pool not in self._kept.demand:
                    self._kept.demand[pool] = np.full((3, self._kept.minutes), np.nan, np.float32)
                rows = self._kept.demand[pool][:, at:at + len(series)]
                known = series.known[:rows.shape[1]]
                for row, told in zip(rows, (series.peak, series.busy, series.invocations), strict=True):
                    np.copyto(row, told[:len(known)], where=known)

    def withdraw(self, batch: Mapping[str, Iterable[int]]) -> None:
        with self._database.writing():
            for pool, minutes in batch.items():
                at = np.array([minute - self._kept.first for minute in minutes if minute >= self._kept.first], np.int64)
                rows = self._kept.demand.get(pool)
                if rows is not None:
                    rows[:, at[rows[0, at] == 0]] = np.nan

    def load_demand(self, pool: str, first_minute: int, end_minute: int) -> DemandSeries:
        series = DemandSeries.empty(first_minute, max(0, end_minute - first_minute))
        rows, first = self._kept.demand.get(pool), self._kept.first
        least, most = max(first, first_minute), min(first + self._kept.minutes, end_minute)
        if rows is not None and least < most:
            for to, row in zip((series.peak, series.busy, series.invocations), rows, strict=True):
                to[least - first_minute:most - first_minute] = row[least - first:most - first]
        return series

    def oldest_known_minute(self, first_minute: int) -> int | None:
        oldest = [int(np.argmax(~np.isnan(rows[0]))) for rows in self._kept.demand.values() if not np.isnan(rows[0]).all()]
        return max(first_minute, min(oldest) + self._kept.first) if oldest else None

    def newest_known_minute(self, pools: Iterable[str]) -> dict[str, int]:
        known = {pool: np.flatnonzero(~np.isnan(self._kept.demand[pool][0])) for pool in pools if pool in self._kept.demand}
        return {pool: int(minutes[-1]) + self._kept.first for pool, minutes in known.items() if len(minutes)}

    def record_decisions(self, batch) -> list[int]:
        with self._database.writing():
            self._kept.decisions += [{"pool": plan.pool, "at": plan.at.isoformat(), "target": plan.target}
                                     for plan, _ in batch]
        return []

    def decisions(self, *_, **__) -> list[dict[str, object]]:
        return self._kept.decisions

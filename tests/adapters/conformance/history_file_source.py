"""CSV files of a program that appends rows, read as a demand source."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from adapters.demand.history_file import HEADER
from adapters.demand.history_source import HistoryFiles
from adapters.demand.settings import HistoryFileSettings
from forecasting.demand import instant_of
from tests.adapters.conformance.source_stage import BEFORE, POOLS, START, SourceStage, requests_of


class HistoryFileSource(SourceStage):
    """A file for each pool. Its program appends each minute after it has ended."""

    kind, place, setting = "history-file", ".csv", "path of demand"
    fixes, each_minute = 0, True
    exempt: ClassVar[Mapping[str, str]] = {
        "test_a_counter_that_restarts_adds_no_demand": "a row has the requests of its minute",
        "test_a_source_that_hangs_delays_no_other": "it has one source, whose files are read in threads of their own",
    }

    def __init__(self) -> None:
        super().__init__()
        self._written = dict.fromkeys(POOLS, START - BEFORE)
        self._late, self._hidden, self._gone = 0, set[str](), set[str]()
        for pool in POOLS:
            self.path(pool).write_text(",".join(HEADER) + "\n")

    def path(self, pool: str) -> Path:
        return Path(self._folder.name) / f"{pool}.csv"

    async def serve(self) -> None:
        for pool in POOLS:
            away = self.path(pool).with_suffix(".away")
            if away.exists():
                away.rename(self.path(pool))

    async def die(self) -> None:
        for pool in POOLS:
            if self.path(pool).exists():
                self.path(pool).rename(self.path(pool).with_suffix(".away"))

    def settings(self, pool: str, *, elsewhere: bool = False) -> HistoryFileSettings:
        return HistoryFileSettings(kind="history-file", path=str(self.path(pool)))

    def impatient(self) -> HistoryFiles:
        return HistoryFiles(self.clock, np.random.default_rng(0), patience=0.5)

    async def collect(self, collector=None) -> None:
        for pool in POOLS:
            self._append(pool)
        await super().collect(collector)

    def _append(self, pool: str) -> None:
        path, end = self.path(pool), self.now - self._late
        if not path.exists() or not path.is_file() or end <= self._written[pool]:
            return
        minutes = np.arange(self._written[pool], end)
        self._written[pool] = end
        if pool in self._hidden:
            return
        with path.open("a") as file:
            for minute, requests in zip(minutes.tolist(), requests_of(pool, minutes).tolist(), strict=True):
                file.write(f"{instant_of(minute):%Y-%m-%dT%H:%M:%SZ},{requests},{requests / 6},{-(-requests // 3)}\n")

    def late(self, seconds: float) -> None:
        self._late = int(seconds // 60)

    def hide(self, pool: str | None = None) -> None:
        self._hidden |= set(POOLS) if pool is None else {pool}

    def show(self) -> None:
        self._hidden.clear()

    def lie(self, pool: str, value: float) -> int:
        with self.path(pool).open("a") as file:
            file.write(f"{instant_of(self.now):%Y-%m-%dT%H:%M:%SZ},{value},{value},{value}\n")
        self._written[pool] = self.now + 1
        return self.now

    def fail_for(self, pool: str) -> None:
        self.path(pool).unlink()

    def hang(self, *, always: bool = False) -> None:
        """A file system that does not answer: a pipe in place of the file would be refused at once."""
        file = self.collector.source._files["agent"]
        read, self._write = os.pipe()
        file.update = lambda _: os.read(read, 1)  # blocks until the pipe is closed

    async def read(self, minutes: int = 0):
        errors = await super().read(minutes)
        if hasattr(self, "_write"):
            os.close(self._write)
            del self._write
        return errors

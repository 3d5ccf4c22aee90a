"""Demand source `history-file`: rows that another program appends to a CSV file for each pool. A row proves its minute."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from numpy.random import Generator

from adapters.demand.followed_file import FollowedFile
from adapters.demand.settings import HistoryFileSettings
from adapters.pinging.pinged import PingedPools
from adapters.ports.demand_source import Demands, DemandSource, Telemetry
from adapters.ports.diagnostics import Check, Finding, Verdict
from adapters.ports.errors import AdapterError, Malformed, Unreachable
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import Clock
from adapters.runtime.threads import DaemonThreads
from forecasting.demand import DemandSeries, instant_of, minute_of

THREADS, READ_SECONDS = 4, 10.0
LATE = 10
"""Minutes without a row after which the program that writes the file counts as stopped."""


class HistoryFiles:
    """Provider of all pools whose demand is in files. Files are read in threads: a network file system may not answer."""

    def __init__(self, clock: Clock, rng: Generator, sandbox_url: str | None = None,  # noqa: ARG002  (nothing is random or sent)
                 pinged: PingedPools | None = None,  # noqa: ARG002  (a file counts users' requests only)
                 patience: float = READ_SECONDS) -> None:
        self._clock, self._patience, self._threads = clock, patience, DaemonThreads(THREADS, "history-files")

    def sources(self, pools: Demands) -> list[tuple[DemandSource, tuple[str, ...]]]:
        """Return one source for all pools."""
        files = {pool.name: Path(demand.path) for pool, demand in pools if isinstance(demand, HistoryFileSettings)}
        return [(HistoryFileDemand(files, self._threads, self._patience), tuple(files))]

    def demand_checks(self, pools: Demands) -> list[Check]:
        """Return a check of each file: it can be read, and has a recent row."""
        return [Check(f"history file of {pool.name}", partial(self._checked, pool.name, demand.path))
                for pool, demand in pools if isinstance(demand, HistoryFileSettings)]

    async def _checked(self, pool: str, path: str) -> list[Finding]:
        until = self._clock.now().replace(second=0, microsecond=0)
        source = HistoryFileDemand({pool: Path(path)}, self._threads, self._patience)
        found = (await source.collect((pool,), {pool: until - timedelta(days=14)}, until))[pool]
        if found.error is not None:
            return [Finding("demand", pool, Verdict.FAIL, str(found.error))]
        return [Finding("demand", pool, Verdict.OK, f"{path} has {int(found.series.known.sum())} minutes of the last 14 days")]

    def call_counters(self) -> list[CallCounter]:
        """Return no counter: nothing is called."""
        return []

    async def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()


class HistoryFileDemand:
    """Demand source of `files` (pool name -> path), each of which is read for at most `patience` seconds."""

    kind = "history-file"

    def __init__(self, files: Mapping[str, Path], threads: DaemonThreads, patience: float) -> None:
        self._files = {name: FollowedFile(path) for name, path in files.items()}
        self._threads, self._patience = threads, patience
        self._reading: dict[str, asyncio.Future[None]] = {}

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """Return the rows of each pool. See `DemandSource`."""
        errors = await asyncio.gather(*(self._updated(name, minute_of(until)) for name in pools))
        found = {}
        for name, error in zip(pools, errors, strict=True):
            first, end, file = minute_of(since[name]), minute_of(until), self._files[name]
            if name in self._reading:  # its thread may still write into the rows
                found[name] = Telemetry(DemandSeries.empty(first), None, error)
                continue
            first = min(max(first, file.rows.first_minute), end)
            series = file.rows.window(first, end)
            stopped = _stopped(file, end)
            found[name] = Telemetry(series, error is None and stopped is None, error or stopped or file.fault)
        return found

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:  # noqa: ARG002  (a file is free)
        """Return 0."""
        return 0.0

    async def _updated(self, pool: str, end: int) -> AdapterError | None:
        """Read what is new in the file of a pool. A reading that takes too long continues, and no other starts meanwhile."""
        file = self._files[pool]
        if pool not in self._reading:
            self._reading[pool] = asyncio.get_running_loop().run_in_executor(self._threads, file.update, end)
        reading = self._reading[pool]
        await asyncio.wait([reading], timeout=self._patience)
        if not reading.done():
            return Unreachable(f"{file.path}: not read within {self._patience:g} s: check the file system, or move the file in "
                               "path of demand to a local disk")
        del self._reading[pool]
        error = reading.exception()
        if error is None or isinstance(error, AdapterError):
            return error
        raise error


def _stopped(file: FollowedFile, end: int) -> Malformed | None:
    """Return the error of a file without a row of the last `LATE` minutes; None with one."""
    if len(file.rows) and file.rows.end_minute >= end - LATE:
        return None
    newest = f"since {instant_of(file.rows.end_minute):%Y-%m-%d %H:%M} UTC" if len(file.rows) else "of the last 15 days"
    return Malformed(f"{file.path}: no row {newest}: check the program that writes it, or correct path of demand")

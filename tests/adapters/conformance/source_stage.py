"""What a demand source is put to the conformance checks with: a real connection, its own traffic, and faults of its server."""

import tempfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

import numpy as np

from adapters.kinds import SOURCES
from adapters.ports.errors import AdapterError
from adapters.registry import DemandProvider, Registry
from adapters.runtime.clock import ManualClock
from config.model.demand import DemandSettings
from controller.demand.collector import DemandCollector
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON, pool_policy

MINUTE = timedelta(minutes=1)
START = minute_of(NOON)
BEFORE, AFTER = 180, 300
"""Minutes of traffic before and after the start."""

AGENT, NEIGHBOUR, IDLE = "agent", "neighbour", "idle"
POOLS = (AGENT, NEIGHBOUR, IDLE)


def requests_of(pool: str, minutes: np.ndarray) -> np.ndarray:
    """Requests by minute since the epoch: `agent` and `neighbour` have some in every minute, `idle` none."""
    return {AGENT: 6 + 3 * (minutes % 7), NEIGHBOUR: np.full(len(minutes), 9), IDLE: np.zeros(len(minutes), int)}[pool]


def traffic_of(pool: str) -> DemandSeries:
    """Three requests a unit and minute, units busy half of the time."""
    requests = requests_of(pool, np.arange(START - BEFORE, START + AFTER)).astype(np.float32)
    return DemandSeries(START - BEFORE, np.ceil(requests / 3), requests / 6, requests)


class Skewed:
    """The clock of a daemon `by` ahead of its provider's."""

    def __init__(self, clock: ManualClock, by: timedelta) -> None:
        self._clock, self._by = clock, by

    def now(self) -> datetime:
        return self._clock.now() + self._by

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


class SourceStage:
    """Pools `POOLS` of one source, read as a daemon reads them. Faults meet the source's own calls."""

    kind: str
    place: str
    """A word for the place of the pools that every error contains."""
    setting: str
    """A setting or resource that an error of a source that does not answer names."""
    secret = "nothing-is-secret"
    fixes = 2
    """Minutes after which a published minute no longer changes."""
    reports_impossible = True
    """Whether an impossible point is an error of its pool."""
    each_minute = False
    """Whether what is not read within its minute is lost."""
    counts_requests = True
    """Whether the source reads the number of requests."""
    waits = False
    """Whether minutes before the server stopped become known after it."""
    exempt: ClassVar[Mapping[str, str]] = {}

    def __init__(self) -> None:
        self.clock = ManualClock(NOON + timedelta(seconds=30))
        self.by = timedelta()
        self._folder = tempfile.TemporaryDirectory()
        self.store = AsyncStore(Store(Path(self._folder.name) / "stoker.db"))
        self._registries: list[Registry] = []

    async def __aenter__(self) -> "SourceStage":
        await self.serve()
        self.restart()
        return self

    async def __aexit__(self, *_: object) -> None:
        for registry in self._registries:
            await registry.close()
        await self.die()
        await self.store.close()
        self._folder.cleanup()

    async def serve(self) -> None:
        """Start the server, at the address that it had."""

    async def die(self) -> None:
        """Stop the server."""

    def addresses(self) -> Mapping[str, str]:
        """Return the sandbox's addresses for the registry."""
        return {}

    def settings(self, pool: str, *, elsewhere: bool = False) -> DemandSettings:
        """Return the settings of a pool; `elsewhere`: at a place that another source reads."""
        raise NotImplementedError

    def impatient(self) -> DemandProvider:
        """Return a provider that gives up on a call after about a second."""
        raise NotImplementedError

    def restart(self, *, skew: timedelta = timedelta(), impatient: bool = False) -> None:
        """Read as a new daemon does, with a clock `skew` ahead of the provider's."""
        self.by = skew
        registry = self.registry(skew=skew, impatient=impatient)
        self.collector = self.collector_of(registry, POOLS)

    def registry(self, *, skew: timedelta = timedelta(), impatient: bool = False) -> Registry:
        made = Registry(Skewed(self.clock, skew), np.random.default_rng(0), **self.addresses())
        if impatient:
            made._providers[SOURCES[self.kind].provider] = self.impatient()
        self._registries.append(made)
        return made

    def collector_of(self, registry: Registry, pools: tuple[str, ...], *, elsewhere: bool = False) -> DemandCollector:
        policies = [pool_policy(name=name, demand=self.settings(name, elsewhere=elsewhere)) for name in pools]
        ((source, names),) = registry.sources(policies)
        assert set(names) == set(pools)
        return DemandCollector(source, names, self.store, timedelta(minutes=2))

    async def read(self, minutes: int = 0) -> Mapping[str, AdapterError]:
        """Let `minutes` pass, read as often as the source needs, and return the errors of the last reading."""
        for _ in range(minutes if self.each_minute else minutes > 0):
            await self.clock.advance(MINUTE if self.each_minute else minutes * MINUTE)
            await self.collect()
        if not minutes:
            await self.collect()
        return self.collector.errors

    async def collect(self, collector: DemandCollector | None = None) -> None:
        await (collector or self.collector).collect(self.clock.now() + self.by)

    @property
    def now(self) -> int:
        """Current minute of the provider."""
        return minute_of(self.clock.now())

    async def rows(self, pool: str, first: int, end: int) -> DemandSeries:
        """Rows as decisions read them."""
        columns = [column[self.collector.row[pool]] for column in await self.collector.rows(first, end)]
        return DemandSeries(first, *columns)

    def as_played(self, pool: str, rows: DemandSeries, where: np.ndarray | None = None) -> bool:
        """Whether the known rows, or those of `where`, have the requests, or else the peak, that were played."""
        played, found = requests_of(pool, np.arange(rows.first_minute, rows.end_minute)), rows.invocations
        if not self.counts_requests:
            played, found = np.ceil(played / 3), rows.peak
        where = rows.known if where is None else where
        return found[where].tolist() == played[where].tolist()

    def late(self, seconds: float) -> None:
        """From now on metrics are published `seconds` later than usual."""

    def hide(self, pool: str | None = None) -> None:
        """From now on no point of a pool, or of any, is published."""

    def show(self) -> None:
        """Points are published again."""

    def lie(self, pool: str, value: float) -> int:
        """The pool's newest published minute gets a point that cannot be; return that minute."""
        raise NotImplementedError

    def fail_for(self, pool: str) -> None:
        """From now on the pool alone cannot be read."""

    def reset_counters(self, pool: str) -> None:
        """The counters of a pool begin at zero."""

    def hang(self, *, always: bool = False) -> None:
        """The next call gets no answer, or no call does."""

    def hung(self) -> bool:
        """Return whether a call waits for an answer."""
        raise NotImplementedError

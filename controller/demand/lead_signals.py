"""Leading signals of pools: demand of other pools, and demand sources that are read for their signal alone.

A signal never delays its pools: a source that hangs is waited for once, then its signal is unknown until it answers.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

import numpy as np
import structlog

from adapters.runtime.clock import Clock, wait_at_most
from config.model.lead import Lead
from controller.decision.costs.cost_model import whole_minutes
from controller.decision.planning.observation import DataFreshness
from controller.demand.collector import DemandCollector
from controller.demand.demand_store import DemandStore
from controller.store.sqlite_file import StoreError
from forecasting.demand import Floats, minute_of

WAIT_SECONDS = 2.0
"""Time that a group of pools waits for the signals of the present minute before it decides without them."""

FIRST_WAIT_SECONDS = 10.0
"""The same for the first collection of a signal, which reads 14 days."""

GIVE_UP_SECONDS = 900.0
"""Timeout of a collection; a new one then starts."""

MISSING = {
    DataFreshness.LATE: "its newest values are overdue", DataFreshness.BROKEN: "its values are proved to be missing",
    DataFreshness.NONE: "its source has no value of it",
}
"""Why nothing newer is known of a signal whose source reports no error. A quiet signal may be zero: that is no fault."""

log = structlog.get_logger("stoker.demand")


class SignalState(NamedTuple):
    """One signal of a pool, for display. `value` and `age`: of its newest known minute; None without one. `error`: why there is
    nothing newer; empty while nothing is wrong.
    """

    name: str
    value: float | None
    age: timedelta | None
    delay: timedelta
    error: str


class LeadSignals:
    """Signals of all pools with leads.

    `leads`: by pool. `demand`: the collectors of the demand of pools. `own`: the collectors of sources that are no pool's demand,
    which are read here; the names of their series are those of the leads.
    """

    def __init__(self, leads: Mapping[str, Sequence[Lead]], demand: Sequence[DemandCollector], own: Sequence[DemandCollector],
                 store: DemandStore, clock: Clock) -> None:
        self._leads = {pool: tuple(each) for pool, each in leads.items() if each}
        self.own = tuple(own)
        self._of = {name: collector for collector in (*demand, *own) for name in collector.pools}
        self._store, self._clock = store, clock
        self._begun, self._ended = dict[DemandCollector, int](), dict[DemandCollector, int]()
        """Minutes of the last collection that has begun, and of the last that has ended."""
        self._changed = asyncio.Event()
        self._running: dict[DemandCollector, asyncio.Task[None]] = {}
        self._loaded: dict[str, tuple[int, int, Floats]] = {}
        """Rows of the store that were read last, by signal: many pools can have the same one."""
        self._unread: set[str] = set()
        """Pools that have learned without the history of a signal, because it was not read then."""
        self._failing: set[str] = set()

    def add(self, demand: Iterable[DemandCollector]) -> None:
        """Read the signals that these collectors have from them from now on."""
        for collector in demand:
            self._of |= dict.fromkeys(collector.pools, collector)
            collector.reading.read_always({lead.series for leads in self._leads.values() for lead in leads})

    @property
    def tasks(self) -> Sequence[asyncio.Task[None]]:
        """Running collections of `own`."""
        return tuple(self._running.values())

    def names(self, pool: str) -> tuple[str, ...]:
        """Return the display text of each signal of a pool, all different; empty without leads."""
        names = [lead.name for lead in self._leads.get(pool, ())]
        return tuple(name if names.index(name) == at else f"{name} #{at + 1}" for at, name in enumerate(names))

    def series(self, pool: str) -> tuple[str, ...]:
        """Return the stored name of each signal of a pool."""
        return tuple(lead.series for lead in self._leads.get(pool, ()))

    def delay(self, pool: str) -> tuple[int, ...]:
        """Return the delay of each signal in minutes: measured, or assumed until there are enough measurements."""
        return tuple(whole_minutes(self._of[name].metric_delay) for name in self.series(pool))

    async def signals(self, pool: str, first: int, until: int) -> Floats:
        """Return the signals of a pool, float32[signals, until - first], NaN where unknown; also of minutes after now."""
        rows = [await self._row(name, first, until) for name in self.series(pool)]
        if any(self._newest(name) < 0 for name in self.series(pool)):
            self._unread.add(pool)
        return np.stack(rows) if rows else np.empty((0, until - first), np.float32)

    def take_late(self, pools: Sequence[str]) -> bool:
        """Return whether a signal of `pools` has become known since they learned without its history, once for each such pool."""
        late = {pool for pool in self._unread.intersection(pools) if all(self._newest(name) >= 0 for name in self.series(pool))}
        self._unread -= late
        return bool(late)

    @contextmanager
    def reading(self, collector: DemandCollector, now: datetime) -> Iterator[None]:
        """Note that a collection begins, and within how long it ends: the pools that it leads wait for it."""
        self._begun[collector] = minute_of(now)
        try:
            yield
        finally:
            self._ended[collector] = minute_of(now)
            self._loaded.clear()
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()

    def start(self, now: datetime) -> None:
        """Start reading the own sources, unless that was done in this minute or still runs."""
        for collector in self.own:
            if collector not in self._running and self._begun.get(collector, -1) < minute_of(now):
                task = asyncio.create_task(self._collect(collector, now), name=f"leads {collector.source.kind}")
                self._running[collector] = task
                task.add_done_callback(partial(self._done, collector))

    async def settle(self, pools: Sequence[str], now: datetime) -> None:
        """Wait for all signals of `pools` in this minute, for a limited time."""
        minute = minute_of(now)
        needed = {self._of[name] for pool in pools for name in self.series(pool)}
        if pending := [collector for collector in needed if self._awaited(collector, minute)]:
            first = any(each not in self._ended for each in pending)
            waiting = asyncio.create_task(self._all_read(pending, minute), name="wait for leads")
            await wait_at_most(self._clock, [waiting], FIRST_WAIT_SECONDS if first else WAIT_SECONDS)
            waiting.cancel()

    def states(self, pool: str, now: datetime) -> list[SignalState]:
        """Return each signal of a pool for display."""
        return [self._state(name, lead, now) for name, lead in zip(self.names(pool), self._leads.get(pool, ()), strict=True)]

    def _awaited(self, collector: DemandCollector, minute: int) -> bool:
        """Return whether a collection of `minute` may still end soon: one that began in an earlier minute hangs."""
        begun, ended = self._begun.get(collector, -1), self._ended.get(collector, -1)
        return ended < minute and begun in (ended, minute)

    def _done(self, collector: DemandCollector, _: asyncio.Task[None]) -> None:
        del self._running[collector]

    async def _all_read(self, collectors: Sequence[DemandCollector], minute: int) -> None:
        while any(self._awaited(each, minute) for each in collectors):
            await self._changed.wait()

    async def _collect(self, collector: DemandCollector, now: datetime) -> None:
        """Collect one own source. Log signals that begin and cease to fail. Never raises, except if cancelled."""
        kind = collector.source.kind
        try:
            with self.reading(collector, now):
                async with asyncio.timeout(GIVE_UP_SECONDS):
                    await collector.collect(now)
        except TimeoutError:
            log.error("collect-abandoned", source=kind, seconds=GIVE_UP_SECONDS)  # noqa: TRY400
        except StoreError as error:
            log.error("store-failed", error=str(error), source=kind)  # noqa: TRY400  (the message names the cause)
        except Exception:  # a bug that affects one source must not stop the pools
            log.exception("collect-failed", source=kind)
        self._log_failures(collector)

    def _log_failures(self, collector: DemandCollector) -> None:
        for name in collector.pools:
            error, failing = collector.errors.get(name), name in self._failing
            if (error is None) is not failing:
                continue
            found = {pool: lead for pool, leads in self._leads.items() for lead in leads if lead.series == name}
            lead = next(iter(found.values()))
            if error is None:
                self._failing.remove(name)
                log.info("lead-recovered", source=collector.source.kind, lead=lead.name, pools=list(found))
            else:
                self._failing.add(name)
                log.warning("lead-failed", source=collector.source.kind, lead=lead.name, pools=list(found),
                            error=readable(str(error), lead),
                            text="these pools are decided without this lead until it is read again")

    def _newest(self, name: str) -> int:
        """Return the newest known minute of a signal; -1 without one."""
        collector = self._of[name]
        return int(collector.day.newest[collector.row[name]])

    async def _row(self, name: str, first: int, until: int) -> Floats:
        """Return one signal, float32[until - first], from memory, else from the store."""
        collector = self._of[name]
        if first >= collector.day.first_minute:
            return collector.day.window(collector.row[name], first, until).peak
        if (loaded := self._loaded.get(name)) is None or loaded[:2] != (first, until):
            (stored,) = await self._store.load_demand([name], first, until)
            self._loaded[name] = loaded = first, until, stored.peak
        return loaded[2]

    def _state(self, name: str, lead: Lead, now: datetime) -> SignalState:
        collector = self._of[lead.series]
        latest, (freshness, age) = collector.latest(lead.series), collector.freshness(lead.series, now)
        error = collector.errors.get(lead.series)
        text = readable(str(error), lead) if error is not None else MISSING.get(freshness, "")
        if freshness is DataFreshness.NONE and collector.collected_at is None:
            text = ""
        return SignalState(name, None if latest is None else latest[0], age, collector.metric_delay, text)


def readable(error: str, lead: Lead) -> str:
    """Return the error of a signal with its display text in place of the name under which it is stored."""
    return error.removeprefix(f"pool {lead.series}: ").replace(f"pool {lead.series}", f"lead {lead.name}").replace(
        lead.series, lead.name)

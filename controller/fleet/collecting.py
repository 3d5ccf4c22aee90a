"""Collection of demand for the pool groups of a fleet, which continues beyond the tick that started it."""

import asyncio
from collections.abc import Callable, Container, Iterable, Sequence
from datetime import datetime

import structlog

from adapters.runtime.clock import Clock, wait_at_most
from controller.demand.lead_signals import LeadSignals
from controller.demand.pool_group import PoolGroup
from controller.store.sqlite_file import StoreError

COLLECT_SECONDS = 20.0
"""Time that a tick waits for demand before it plans without it; the collection continues and serves the next tick."""

GIVE_UP_SECONDS = 900.0
"""Timeout of a collection; a new one then starts. The first collection reads 14 days of all pools."""

log = structlog.get_logger("stoker.fleet")


class Collecting:
    """Running collections, at most one for each group. `stored`: called with the result of the store: an error, or None.
    `leads`: the leading signals, which the groups collect.
    """

    def __init__(self, clock: Clock, stored: Callable[[StoreError | None, str], None], leads: LeadSignals | None = None) -> None:
        self._clock, self._stored, self._leads = clock, stored, leads
        self._running: dict[PoolGroup, asyncio.Task[None]] = {}

    @property
    def running(self) -> Container[PoolGroup]:
        """Groups whose collection is running."""
        return self._running.keys()

    @property
    def tasks(self) -> Sequence[asyncio.Task[None]]:
        """Tasks of the running collections, those of leads included."""
        return (*self._running.values(), *(() if self._leads is None else self._leads.tasks))

    def cancel(self) -> None:
        """Cancel all collections."""
        for task in self.tasks:
            task.cancel()

    async def collect(self, region: PoolGroup, now: datetime, seconds: float = COLLECT_SECONDS) -> None:
        """Collect the demand of a group unless that is running, and wait up to `seconds` for the end."""
        if region not in self._running:
            task = asyncio.create_task(self._gather(region, now), name=f"collect {region.collector.source.kind}")
            self._running[region] = task
            task.add_done_callback(lambda _: self._running.pop(region, None))
        await wait_at_most(self._clock, [self._running[region]], seconds)

    def forget(self, regions: Iterable[PoolGroup], leads: LeadSignals | None) -> None:
        """Cancel the collections of groups that the fleet has no more, and go on with these leading signals."""
        tasks = [self._running[region] for region in regions if region in self._running]
        if leads is not self._leads:
            tasks += () if self._leads is None else self._leads.tasks
            self._leads = leads
        for task in tasks:
            task.cancel()

    async def _gather(self, region: PoolGroup, now: datetime) -> None:
        kind = region.collector.source.kind
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                if await region.gather(now):
                    self._stored(None, kind)
        except TimeoutError:
            log.error("collect-abandoned", source=kind, seconds=GIVE_UP_SECONDS)  # noqa: TRY400
        except StoreError as error:
            self._stored(error, kind)
        except Exception:  # a bug that affects one source must not stop the others
            log.exception("collect-failed", source=kind)

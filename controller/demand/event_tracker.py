"""Tracker of the announced events of one collector's pools: learns from stored history when due, and is read in every tick."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog

from config.model.policy import PoolPolicy
from controller.decision.events.baseline import BASELINE_DAYS, Rows
from controller.decision.events.event_demand import HOUR, UpcomingEvent
from controller.decision.events.learned_effect import without_effect
from controller.decision.events.pool_events import PoolEvents, learned
from controller.decision.planning.observation import EventDemand
from controller.demand.collector import POOLS_A_TURN, DemandCollector
from controller.demand.demand_store import DemandStore
from controller.store.sqlite_file import StoreError
from forecasting.demand import MINUTES_PER_DAY, minute_of

MOST_A_TICK = 40
"""Histories read in one tick without urgency: each takes a few milliseconds, and at midnight all of them are due."""

URGENT_MINUTES = 2 * HOUR
"""Minutes before the preparation of an event from which on its history is read at once, even if incomplete."""

log = structlog.get_logger("stoker.events")


class EventTracker:
    """Events of all pools that have any."""

    def __init__(self, policies: Iterable[PoolPolicy], store: DemandStore) -> None:
        self.pools = {pool.name: PoolEvents(pool) for pool in policies if pool.events}
        self._store = store

    def follow(self, pool: PoolPolicy) -> None:
        """Plan a pool's events by another policy of the pool, with the same events."""
        if pool.name in self.pools:
            self.pools[pool.name].policy = pool

    async def prepare(self, collector: DemandCollector, now: datetime) -> None:
        """Learn what is due, from the rows that the collector has stored."""
        minute, delay = minute_of(now), -(-collector.metric_delay // timedelta(minutes=1))
        urgent, deferred = [], []
        for count, (name, events) in enumerate(self.pools.items()):
            if count % POOLS_A_TURN == POOLS_A_TURN - 1:
                await asyncio.sleep(0)  # noqa: TID251  (lets other tasks run)
            with logged_faults(events.policy):
                newest = int(collector.day.newest[collector.row[name]])
                for midnight in events.due(minute, delay) if newest >= 0 else ():
                    near = events.near(minute)
                    if any(each.learned_until == midnight and each.ready < minute + URGENT_MINUTES for each in near):
                        urgent.append((name, midnight))
                    elif newest >= midnight:
                        deferred.append((name, midnight))
        for name, midnight in urgent + deferred[:MOST_A_TICK]:
            with logged_faults(self.pools[name].policy):
                await self._learn(name, midnight)

    async def _learn(self, name: str, midnight: int) -> None:
        """Learn baseline and effects of a pool from its stored history before a midnight; log events without effect."""
        events = self.pools[name]
        [history] = await self._store.load_demand([name], midnight - BASELINE_DAYS * MINUTES_PER_DAY, midnight)
        was = without_effect(events.effects)
        events.learn(midnight, await asyncio.to_thread(learned, events.policy.events, history, midnight))
        for kind, text in without_effect(events.effects).items():
            if kind not in was:
                log.warning("event-without-effect", pool=name, mode=events.policy.mode, text=text)

    async def without_uplift(self, row: Mapping[str, int], rows: Rows, first: int) -> Rows:
        """Return the demand of many pools, float32[pools, n] each, without the uplift of events. Overwrites `rows`."""
        peak, busy, invocations = rows
        for name, events in self.pools.items():
            with logged_faults(events.policy):
                at = row[name]
                for midnight in sorted(events.unknown(first, first + peak.shape[1])):
                    await self._learn(name, midnight)
                peak[at], busy[at], invocations[at] = events.without_uplift((peak[at], busy[at], invocations[at]), first)
        return peak, busy, invocations

    def upcoming(self, name: str, now: datetime) -> list[UpcomingEvent]:
        """Return the near windows of a pool's events that have not ended."""
        events, minute = self.pools.get(name), minute_of(now)
        return [] if events is None else [each for each in events.upcoming(minute) if each.window.end > minute]

    def warnings(self, name: str) -> list[str]:
        """Return a warning for each kind of event of a pool that had no effect."""
        events = self.pools.get(name)
        return [] if events is None else list(without_effect(events.effects).values())

    def event_demand(self, name: str, now: datetime, lead_time: int, collector: DemandCollector) -> EventDemand | None:
        """Return the event demand that a decision made now must meet; None without one, or after a fault."""
        events = self.pools.get(name)
        if events is None:
            return None
        with logged_faults(events.policy):
            return events.event_demand(minute_of(now), lead_time, *collector.recent(name, HOUR))
        return None


@contextmanager
def logged_faults(pool: PoolPolicy) -> Iterator[None]:
    """Log an unexpected exception in the events of one pool, and continue without them. A `StoreError` is raised."""
    try:
        yield
    except StoreError:
        raise
    except Exception:
        log.exception("event-failed", pool=pool.name, mode=pool.mode)

"""Tracker of the announced events of one collector's pools: learns from stored history when due, and is read in every tick."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog

from config.model.policy import PoolPolicy
from controller.decision.events.baseline import USUAL_DAYS, Rows
from controller.decision.events.event_demand import HOUR, Foretold
from controller.decision.events.learned_effect import without_effect
from controller.decision.events.pool_events import PoolEvents, learned
from controller.decision.planning.observation import EventDemand
from controller.demand.collector import BREATH, DemandCollector, DemandStore
from controller.store.sqlite_file import StoreError
from forecasting.demand import MINUTES_PER_DAY, minute_of

MOST_A_TICK = 40
"""Histories read in one tick without urgency: each takes a few milliseconds, and at midnight all of them are due."""

PRESSING = 2 * HOUR
"""Minutes before the preparation of an event from which on its history is read at once, even if incomplete."""

log = structlog.get_logger("stoker.diary")


class EventTracker:
    """Events of all pools that have any."""

    def __init__(self, pools: Iterable[PoolPolicy], store: DemandStore) -> None:
        self.prospects = {pool.name: PoolEvents(pool) for pool in pools if pool.events}
        self._store = store

    async def prepare(self, collector: DemandCollector, now: datetime) -> None:
        """Learn what is due, from the rows that the collector has stored."""
        minute, delay = minute_of(now), -(-collector.metric_delay // timedelta(minutes=1))
        pressing, patient = [], []
        for count, (name, prospect) in enumerate(self.prospects.items()):
            if count % BREATH == BREATH - 1:
                await asyncio.sleep(0)  # noqa: TID251  (lets other tasks run)
            with logged_faults(name):
                newest = int(collector.day.newest[collector.row[name]])
                for midnight in prospect.due(minute, delay) if newest >= 0 else ():
                    near = prospect.near(minute)
                    if any(each.learned_until == midnight and each.ready < minute + PRESSING for each in near):
                        pressing.append((name, midnight))
                    elif newest >= midnight:
                        patient.append((name, midnight))
        for name, midnight in pressing + patient[:MOST_A_TICK]:
            with logged_faults(name):
                await self._learn(name, midnight)

    async def _learn(self, name: str, midnight: int) -> None:
        """Learn baseline and effects of a pool from its stored history before a midnight; log events without effect."""
        prospect = self.prospects[name]
        [history] = await self._store.load_demand([name], midnight - USUAL_DAYS * MINUTES_PER_DAY, midnight)
        was = without_effect(prospect.lessons)
        prospect.learn(midnight, await asyncio.to_thread(learned, prospect.policy.events, history, midnight))
        for kind, text in without_effect(prospect.lessons).items():
            if kind not in was:
                log.warning("event-without-effect", pool=name, text=text)

    async def set_aside(self, row: Mapping[str, int], rows: Rows, first: int) -> Rows:
        """Return the demand of many pools, float32[pools, n] each, without the uplift of events. Overwrites `rows`."""
        peak, busy, invocations = rows
        for name, prospect in self.prospects.items():
            with logged_faults(name):
                at = row[name]
                for midnight in sorted(prospect.unknown(first, first + peak.shape[1])):
                    await self._learn(name, midnight)
                peak[at], busy[at], invocations[at] = prospect.set_aside((peak[at], busy[at], invocations[at]), first)
        return peak, busy, invocations

    def coming(self, name: str, now: datetime) -> list[Foretold]:
        """Return the near windows of a pool's events that have not ended."""
        prospect, minute = self.prospects.get(name), minute_of(now)
        return [] if prospect is None else [each for each in prospect.foretold(minute) if each.spell.end > minute]

    def warnings(self, name: str) -> list[str]:
        """Return a warning for each kind of event of a pool that had no effect."""
        prospect = self.prospects.get(name)
        return [] if prospect is None else list(without_effect(prospect.lessons).values())

    def announced(self, name: str, now: datetime, lead_time: int, collector: DemandCollector) -> EventDemand | None:
        """Return the event demand that a decision made now must meet; None without one, or after a fault."""
        prospect = self.prospects.get(name)
        if prospect is None:
            return None
        with logged_faults(name):
            return prospect.announced(minute_of(now), lead_time, *collector.recent(name, HOUR))
        return None


@contextmanager
def logged_faults(name: str) -> Iterator[None]:
    """Log an unexpected exception in the events of one pool, and continue without them. A `StoreError` is raised."""
    try:
        yield
    except StoreError:
        raise
    except Exception:
        log.exception("event-failed", pool=name)

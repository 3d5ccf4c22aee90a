"""The announced events of one intake's pools: learned from stored history when due, and asked at every tick."""

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
"""Histories looked at in one tick where nothing presses: each takes some milliseconds, and at midnight all of them are due."""

PRESSING = 2 * HOUR
"""An event that is prepared for within so long is looked at whatever else there is, and by whatever is known."""

log = structlog.get_logger("stoker.diary")


class EventTracker:
    """Pools without events cost nothing here."""

    def __init__(self, pools: Iterable[PoolPolicy], store: DemandStore) -> None:
        self.prospects = {pool.name: PoolEvents(pool) for pool in pools if pool.events}
        self._store = store

    async def prepare(self, intake: DemandCollector, now: datetime) -> None:
        """Learn what is due, from what the intake has stored."""
        minute, delay = minute_of(now), -(-intake.metric_delay // timedelta(minutes=1))
        pressing, patient = [], []
        for count, (name, prospect) in enumerate(self.prospects.items()):
            if count % BREATH == BREATH - 1:
                await asyncio.sleep(0)  # noqa: TID251  (a turn for others, not a wait)
            with faults_told(name):
                newest = int(intake.day.newest[intake.row[name]])
                for midnight in prospect.due(minute, delay) if newest >= 0 else ():
                    near = prospect.near(minute)
                    if any(each.learned_until == midnight and each.ready < minute + PRESSING for each in near):
                        pressing.append((name, midnight))
                    elif newest >= midnight:
                        patient.append((name, midnight))
        for name, midnight in pressing + patient[:MOST_A_TICK]:
            with faults_told(name):
                await self._learn(name, midnight)

    async def _learn(self, name: str, midnight: int) -> None:
        prospect = self.prospects[name]
        [history] = await self._store.load_demand([name], midnight - USUAL_DAYS * MINUTES_PER_DAY, midnight)
        was = without_effect(prospect.lessons)
        prospect.learn(midnight, await asyncio.to_thread(learned, prospect.policy.events, history, midnight))
        for kind, text in without_effect(prospect.lessons).items():
            if kind not in was:
                log.warning("event-without-effect", pool=name, text=text)

    async def set_aside(self, row: Mapping[str, int], rows: Rows, first: int) -> Rows:
        """Demand of many pools, float32[pools, n] each, without what events have raised: what their rules are shown."""
        peak, busy, invocations = rows
        for name, prospect in self.prospects.items():
            with faults_told(name):
                at = row[name]
                for midnight in sorted(prospect.unknown(first, first + peak.shape[1])):
                    await self._learn(name, midnight)
                peak[at], busy[at], invocations[at] = prospect.set_aside((peak[at], busy[at], invocations[at]), first)
        return peak, busy, invocations

    def coming(self, name: str, now: datetime) -> list[Foretold]:
        """The windows of a pool's events that are near and not over."""
        prospect, minute = self.prospects.get(name), minute_of(now)
        return [] if prospect is None else [each for each in prospect.foretold(minute) if each.spell.end > minute]

    def warnings(self, name: str) -> list[str]:
        """What is wrong with what a pool's events announce, by what came."""
        prospect = self.prospects.get(name)
        return [] if prospect is None else list(without_effect(prospect.lessons).values())

    def announced(self, name: str, now: datetime, lead_time: int, intake: DemandCollector) -> EventDemand | None:
        """What a pool's events make of the demand that a decision made now meets."""
        prospect = self.prospects.get(name)
        if prospect is None:
            return None
        with faults_told(name):
            return prospect.announced(minute_of(now), lead_time, *intake.recent(name, HOUR))
        return None


@contextmanager
def faults_told(name: str) -> Iterator[None]:
    """A fault of ours in one pool's events is told, and the pool goes on without; a store that fails is not one."""
    try:
        yield
    except StoreError:
        raise
    except Exception:
        log.exception("event-failed", pool=name)

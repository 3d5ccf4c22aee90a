"""Scheduler of the tick and the slow jobs: APScheduler on the event loop. No other module uses it.

It reads the machine's clock, so under a scaled clock every interval is divided by the factor. Runs do not drift (each is due a
whole number of intervals after the first) and do not overlap; any number of missed runs is replaced by one. When the machine's
clock is set back, all jobs are scheduled again: otherwise no job would run until the clock reached the old time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from adapters.runtime.clock import Clock, SystemClock

WATCH_SECONDS = 20.0
"""Interval at which the machine's clock is checked."""

log = structlog.get_logger("stoker.schedule")


class Jobs(Protocol):
    """A scheduler of periodic jobs."""

    def every(self, name: str, interval: timedelta, job: Callable[[], Awaitable[object]]) -> None:
        """Run `job` at each whole multiple of `interval`."""

    def start(self) -> None:
        """Start. Call within the running event loop."""

    def stop(self) -> None:
        """Stop all jobs, and cancel running ones."""


class Scheduler:
    """Jobs at fixed intervals of `clock`'s time."""

    def __init__(self, clock: Clock, watch_seconds: float = WATCH_SECONDS) -> None:
        self._clock, self._watch_seconds = clock, watch_seconds
        self._jobs: dict[str, tuple[timedelta, Callable[[], Awaitable[object]]]] = {}
        self._checked_at = self._machine_now()
        self._timer: asyncio.TimerHandle | None = None
        self._factor = float(getattr(clock, "factor", 1.0))
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._scheduler.add_listener(self._log, EVENT_JOB_MAX_INSTANCES | EVENT_JOB_MISSED | EVENT_JOB_ERROR)

    def every(self, name: str, interval: timedelta, job: Callable[[], Awaitable[object]]) -> None:
        """Run `job` at each whole multiple of `interval` since the epoch, such as the start of each minute."""
        self._jobs[name] = interval, job
        seconds = interval.total_seconds()
        into = self._clock.now().timestamp() % seconds
        self._scheduler.add_job(
            job, "interval", id=name, name=name, seconds=seconds / self._factor,
            start_date=self._machine_now() + timedelta(seconds=(seconds - into) / self._factor),
            coalesce=True, max_instances=1, replace_existing=True, misfire_grace_time=max(1, int(seconds / self._factor)),
        )

    def start(self) -> None:
        """Start. Call within the running event loop."""
        self._scheduler.start()
        self._watch()

    def stop(self) -> None:
        """Stop all jobs, and cancel running ones."""
        if self._timer is not None:
            self._timer.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _watch(self) -> None:
        """Schedule all jobs again if the machine's clock was set back; check again after `watch_seconds`."""
        now = self._machine_now()
        if now < self._checked_at:
            log.warning("clock-set-back", seconds=round((self._checked_at - now).total_seconds(), 3), text="all jobs run again")
            for name, (interval, job) in self._jobs.items():
                self.every(name, interval, job)
        self._checked_at = now
        self._timer = asyncio.get_running_loop().call_later(self._watch_seconds, self._watch)

    @staticmethod
    def _machine_now() -> datetime:
        return SystemClock().now()

    def _log(self, event: JobEvent) -> None:
        if isinstance(getattr(event, "exception", None), asyncio.CancelledError):  # by `stop`: not a failure
            return
        if event.code == EVENT_JOB_ERROR:
            log.error("job-failed", job=event.job_id, error=repr(event.exception))
        else:
            log.warning("overrun", job=event.job_id, text="the previous run had not ended when this run was due: it is skipped")

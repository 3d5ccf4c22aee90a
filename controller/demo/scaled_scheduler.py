"""Scheduler of the demo: the clock runs fast between jobs and stands still during them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from datetime import timedelta

import structlog

from adapters.runtime.clock import ScaledClock

log = structlog.get_logger("stoker.demo")


class ScaledScheduler:
    """Scheduler on a scaled clock: runs each job at whole multiples of its interval. Jobs that are due at one instant run one
    after another, in the order in which they were added: what they do must not depend on the speed of the machine.

    The daemon's own scheduler uses the machine's clock. It cannot be used here, because the real time between two ticks is not
    known in advance.
    """

    def __init__(self, clock: ScaledClock) -> None:
        self._clock = clock
        self._jobs: list[tuple[str, float, Callable[[], Awaitable[object]]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._turn = asyncio.Lock()

    def every(self, name: str, interval: timedelta, job: Callable[[], Awaitable[object]]) -> None:
        """Run `job` at each whole multiple of `interval` since the epoch."""
        self._jobs.append((name, interval.total_seconds(), job))

    def start(self) -> None:
        """Start the jobs. Call it within the running event loop."""
        self._tasks = [asyncio.create_task(self._repeat(*job), name=job[0], context=Context()) for job in self._jobs]

    def stop(self) -> None:
        """Stop all jobs; cancel a running one."""
        for task in self._tasks:
            task.cancel()

    async def _repeat(self, name: str, seconds: float, job: Callable[[], Awaitable[object]]) -> None:
        due = self._next(seconds)
        while True:
            await self._clock.sleep(due - self._clock.now().timestamp())
            with self._clock.at_work():
                await self._turn.acquire()
                try:
                    await job()
                except Exception:  # one failed job must not stop the demo
                    log.exception("job-failed", job=name)
                finally:
                    self._turn.release()
            due = max(due + seconds, self._next(seconds))

    def _next(self, seconds: float) -> float:
        now = self._clock.now().timestamp()
        return now - now % seconds + seconds

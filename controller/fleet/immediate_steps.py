"""Steps of single pools between two ticks: one at a time for a pool, and a limited number in all."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

MOST_STEPS = 50
"""Most steps between two ticks; each may make one or two calls."""


class ImmediateSteps:
    """Immediate steps of one fleet. `stepping`: pools whose step is in progress; `start` starts one."""

    def __init__(self, stepping: Mapping[str, asyncio.Task[None]], start: Callable[[str], None]) -> None:
        self._stepping, self._start = stepping, start
        self._queued: dict[str, Callable[[], None]] = {}
        self._remaining, self._closed = 0, False
        self.since: datetime | None = None
        """Start of the last tick."""
        self.ticks = 0

    def reset(self, now: datetime) -> None:
        """Allow `MOST_STEPS` steps; called at the start of each tick."""
        self._remaining, self.since, self.ticks = MOST_STEPS, now, self.ticks + 1

    def running(self, name: str) -> bool:
        """Return whether a step of a pool is in progress."""
        return name in self._stepping

    def close(self) -> None:
        """Start no more steps."""
        self._closed = True

    def request(self, name: str, on_end: Callable[[], None]) -> bool:
        """Start a pool's step now, or once its current one has ended, and call `on_end` when it ends. Requests made until then
        share one step. Return False when the pool must wait for the tick: no tick has started yet, or the limit is reached.
        """
        if self._closed or not self._remaining:
            return False
        if name in self._stepping:
            self._queued[name] = on_end
            return True
        self._remaining -= 1
        self._start(name)
        self._stepping[name].add_done_callback(lambda _: on_end())
        return True

    def ended(self, name: str) -> None:
        """Start the queued step of a pool whose step has ended."""
        if (on_end := self._queued.pop(name, None)) is not None:
            self.request(name, on_end)

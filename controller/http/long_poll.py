"""Long polling: requests that wait for a change, limited in number and time. They end when the client disconnects or the daemon
stops.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta

from aiohttp import web

from adapters.runtime.clock import Clock
from controller.http.responses import BadRequest

SPAN = r"^([1-5]?[0-9]|60)s$"
"""Up to 60 s: proxies close connections that are silent for longer."""

MOST_WAITING = 200
"""Maximum number of waiting requests; each holds a connection open."""

LOOK_SECONDS = 1.0
"""Interval of the check for disconnected clients."""


class LongPoll:
    """Notification of waiting requests."""

    def __init__(self, clock: Clock, most: int = MOST_WAITING) -> None:
        self._clock, self._most = clock, most
        self._changed = asyncio.Event()
        self._over = False
        self.waiting = 0

    def notify(self) -> None:
        """Wake all waiting requests to check for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self) -> None:
        """End all waits, now and later."""
        self._over = True
        self.notify()

    async def wait(self, request: web.Request, changed: Callable[[], bool]) -> None:
        """Return after a change, after the `wait` time of `request`, or when the client has disconnected."""
        limit_time = wait_time(request.query.get("wait"))
        if not limit_time or self._over or changed():
            return
        if self.waiting >= self._most:
            raise web.HTTPServiceUnavailable(reason=f"{self._most} requests are waiting (the maximum): retry without wait",
                                             headers={"Retry-After": "1"})
        self.waiting += 1
        limit = asyncio.ensure_future(self._clock.sleep(limit_time.total_seconds()))
        try:
            while not (changed() or self._over or limit.done() or is_disconnected(request)):
                change = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait((change, limit), timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
        finally:
            self.waiting -= 1
            limit.cancel()


def is_disconnected(request: web.Request) -> bool:
    """Return whether the client has disconnected."""
    return request.transport is None or request.transport.is_closing()


def wait_time(text: str | None) -> timedelta:
    """Return the time to wait; zero without the parameter."""
    if text is None:
        return timedelta(0)
    if not re.fullmatch(SPAN, text, re.ASCII):
        raise BadRequest(f"wait: {text[:40]!a} is not a duration in whole seconds from 0s to 60s")
    return timedelta(seconds=int(text[:-1]))

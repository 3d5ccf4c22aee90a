"""Answers that wait for something new, so that nobody has to ask every second: bounded in number and in time, and leaving nothing
behind when the caller hangs up or the daemon stops.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta

from aiohttp import web

from adapters.runtime.clock import Clock
from controller.http.responses import BadRequest

SPAN = r"^([1-5]?[0-9]|60)s$"
"""Nobody waits longer: proxies on the way end connections that are silent for longer."""

MOST_WAITING = 200
"""So many requests may wait at once; each is a connection that is held open."""

LOOK_SECONDS = 1.0
"""So often it is seen whether a caller has hung up."""


class LongPoll:
    """What is new, for those who wait for it."""

    def __init__(self, clock: Clock, most: int = MOST_WAITING) -> None:
        self._clock, self._most = clock, most
        self._told = asyncio.Event()
        self._over = False
        self.waiting = 0

    def tell(self) -> None:
        """Something may be new: who waits looks."""
        self._told.set()
        self._told = asyncio.Event()

    def close(self) -> None:
        """Nobody waits any more."""
        self._over = True
        self.tell()

    async def wait(self, request: web.Request, changed: Callable[[], bool]) -> None:
        """Return once something has changed, the time that `request` allows is over, or nobody waits for the answer any more."""
        span = span_of(request.query.get("wait"))
        if not span or self._over or changed():
            return
        if self.waiting >= self._most:
            raise web.HTTPServiceUnavailable(reason=f"{self._most} requests wait already: ask again without wait",
                                             headers={"Retry-After": "1"})
        self.waiting += 1
        limit = asyncio.ensure_future(self._clock.sleep(span.total_seconds()))
        try:
            while not (changed() or self._over or limit.done() or hung_up(request)):
                told = asyncio.ensure_future(self._told.wait())
                await asyncio.wait((told, limit), timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                told.cancel()
        finally:
            self.waiting -= 1
            limit.cancel()


def hung_up(request: web.Request) -> bool:
    """Whether the connection is gone."""
    return request.transport is None or request.transport.is_closing()


def span_of(text: str | None) -> timedelta:
    """How long to wait: not at all unless said otherwise."""
    if text is None:
        return timedelta(0)
    if not re.fullmatch(SPAN, text, re.ASCII):
        raise BadRequest(f"wait: {text[:40]!a} is not a span of whole seconds from 0s to 60s")
    return timedelta(seconds=int(text[:-1]))

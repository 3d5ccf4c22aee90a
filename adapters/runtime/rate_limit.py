"""Client-side rate limit, below the provider's limit so that other tools in the account can make calls."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from adapters.ports.errors import Throttled
from adapters.runtime.clock import Clock, wait


class TokenBucket:
    """Token bucket that admits `rate` calls a second on average and `burst` at once, first in, first out; urgent calls go first.

    Seconds are those of the injected clock. One bucket serves all callers that share a provider's limit, on one event loop.
    """

    def __init__(self, clock: Clock, rate: float, burst: float, name: str = "calls") -> None:
        if rate <= 0 or burst < 1:
            raise ValueError(f"a bucket needs a rate above 0 and a burst of at least 1, got {rate} and {burst}")
        self.rate, self.burst, self.name = rate, burst, name
        self._clock = clock
        self._tokens, self._at = burst, clock.monotonic()
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()
        self._pump: asyncio.Task[None] | None = None

    async def take(self, *, urgent: bool = False, patience: float = 60.0) -> None:
        """Return when the call may be made. Raise `Throttled` at once if that would take longer than `patience` seconds."""
        wait = self.wait(urgent=urgent)
        if wait > patience:
            text = f"Stoker's own limit of {self.rate:g} {self.name} a second is reached, and this call would wait {wait:.0f} s"
            raise Throttled(text, timedelta(seconds=wait))
        if wait == 0:
            self._tokens -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._urgent if urgent else self._others).append(turn)
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._admit(), name=f"bucket of {self.name}")
        await turn

    @asynccontextmanager
    async def turn(self, *, urgent: bool = False, patience: float = 60.0) -> AsyncIterator[None]:
        """Run one call when it is admitted: see `take`. If the provider throttles it, pause the bucket for the provider's retry
        time, or for 1 s.
        """
        await self.take(urgent=urgent, patience=patience)
        try:
            yield
        except Throttled as error:
            self.pause(error.retry_after or timedelta(seconds=1))
            raise

    def wait(self, *, urgent: bool = False) -> float:
        """Return the seconds until a new call would be admitted."""
        self._fill()
        ahead = sum(not turn.done() for turn in self._urgent)
        if not urgent:
            ahead += sum(not turn.done() for turn in self._others)
        return max(0.0, (ahead + 1 - self._tokens) / self.rate)

    def pause(self, span: timedelta) -> None:
        """Admit no calls for `span`, because the provider throttles."""
        self._fill()
        self._tokens = min(self._tokens, 1 - self.rate * span.total_seconds())

    def close(self) -> None:
        """Cancel all waiting calls."""
        for turn in (*self._urgent, *self._others):
            turn.cancel()
        if self._pump is not None:
            self._pump.cancel()

    async def _admit(self) -> None:
        """Admit waiting calls as tokens become available; skip cancelled ones."""
        while self._next() is not None:
            self._fill()
            if self._tokens < 1:
                seconds = (1 - self._tokens) / self.rate + 1e-6
                if await wait(self._clock, seconds):  # it stands still: it does not fill the bucket
                    self._tokens += seconds * self.rate
                continue
            turn = self._next()
            if turn is not None:
                self._tokens -= 1
                turn.set_result(None)

    def _next(self) -> "asyncio.Future[None] | None":
        for queue in (self._urgent, self._others):
            while queue:
                if not queue[0].done():
                    return queue[0]
                queue.popleft()
        return None

    def _fill(self) -> None:
        now = self._clock.monotonic()
        self._tokens, self._at = min(self.burst, self._tokens + max(0.0, now - self._at) * self.rate), now

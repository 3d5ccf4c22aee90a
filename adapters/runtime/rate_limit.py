"""A rate limit of our own, kept below the provider's so that others in the account can live."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from adapters.ports.errors import Throttled
from adapters.runtime.clock import Clock


class TokenBucket:
    """Admits `rate` calls a second on average and `burst` at once, in order of asking; urgent ones pass the others.

    Seconds are the injected clock's. One bucket serves all that share a provider's limit, from one event loop.
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
        """Return when the call may be made. `Throttled` at once when that would take longer than `patience` seconds."""
        wait = self.wait(urgent=urgent)
        if wait > patience:
            text = f"Stoker keeps to {self.rate:g} {self.name} a second, and more are wanted: this one's turn comes later"
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
        """For one call, made within it when its turn has come: see `take`. A call that the provider then throttles pauses the
        bucket for as long as the provider says, or a second.
        """
        await self.take(urgent=urgent, patience=patience)
        try:
            yield
        except Throttled as error:
            self.pause(error.retry_after or timedelta(seconds=1))
            raise

    def wait(self, *, urgent: bool = False) -> float:
        """Seconds until a call that asks now would be admitted."""
        self._fill()
        ahead = sum(not turn.done() for turn in self._urgent)
        if not urgent:
            ahead += sum(not turn.done() for turn in self._others)
        return max(0.0, (ahead + 1 - self._tokens) / self.rate)

    def pause(self, span: timedelta) -> None:
        """Admit nothing for `span`: the provider has asked us to slow down."""
        self._fill()
        self._tokens = min(self._tokens, 1 - self.rate * span.total_seconds())

    def close(self) -> None:
        """Give up on everybody who waits."""
        for turn in (*self._urgent, *self._others):
            turn.cancel()
        if self._pump is not None:
            self._pump.cancel()

    async def _admit(self) -> None:
        """Hand out tokens while somebody waits; who has given up takes none."""
        while self._next() is not None:
            self._fill()
            if self._tokens < 1:
                await self._clock.sleep((1 - self._tokens) / self.rate + 1e-6)
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

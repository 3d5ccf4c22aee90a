"""Brings notices to one sink: in order, again and again until it takes them, and never in anybody's way."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable

import structlog
from numpy.random import Generator

from adapters.ports.errors import AdapterError, Retryable, Throttled
from adapters.runtime.clock import Clock
from adapters.webhook import Poster
from config.model.notify import Sink
from controller.notifications.formats import message
from controller.notifications.notice import Notice

WAITING = 200
"""So many notices wait at most; then the oldest gives way, and is counted."""

TRIES = 12
FIRST_SECONDS, LONGEST_SECONDS = 1.0, 300.0
"""Between two tries: doubled each time, with jitter. Twelve tries take about half an hour."""

APART_SECONDS = 1.0
"""Between two messages: what Slack asks for."""

AN_HOUR, HOUR_SECONDS = 60, 3600.0
"""So many messages an hour at most: beyond, they wait."""

OUTCOMES = ("delivered", "refused", "given-up", "dropped", "retried")
"""What becomes of notices; the last counts tries that failed."""

log = structlog.get_logger("stoker.notify")


class SinkDelivery:
    """One sink. `url` and `secret` as the environment holds them."""

    def __init__(self, sink: Sink, url: str, secret: str | None, source: str, poster: Poster, clock: Clock,
                 rng: Generator) -> None:
        self.sink = sink
        self._url, self._secret, self._source = url, secret, source
        self._poster, self._clock, self._rng = poster, clock, rng
        self.waiting: deque[Notice] = deque()
        self.outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self._some, self.idle = asyncio.Event(), asyncio.Event()
        self._sent_at: deque[float] = deque(maxlen=AN_HOUR)

    def take(self, notices: Iterable[Notice]) -> None:
        """Put notices at the end of the queue; costs nothing."""
        for notice in notices:
            if not self.sink.wants(notice.code):
                continue
            if len(self.waiting) >= WAITING:
                self.waiting.popleft()
                self.outcomes["dropped"] += 1
            self.waiting.append(notice)
        if self.waiting:
            self.idle.clear()
            self._some.set()

    async def run(self) -> None:
        """Deliver, for ever. A notice leaves the queue once it was taken or given up: a kill in between sends it again."""
        while True:
            while not self.waiting:
                self._some.clear()
                self.idle.set()
                await self._some.wait()
            await self._turn()
            notice = self.waiting[0]
            await self._deliver(notice)
            if self.waiting and self.waiting[0] is notice:  # else it gave way to newer ones meanwhile
                self.waiting.popleft()
            self._sent_at.append(self._clock.monotonic())

    async def send(self, notice: Notice) -> None:
        """One try. `AdapterError` when it was not taken."""
        what = message(self.sink, notice, self._source, self._secret, int(self._clock.now().timestamp()))
        await self._poster.post(self.sink.name, self._url, what.body, what.headers)

    async def _turn(self) -> None:
        """Wait until another message is due."""
        if not self._sent_at:
            return
        due = self._sent_at[-1] + APART_SECONDS
        if len(self._sent_at) == AN_HOUR:
            due = max(due, self._sent_at[0] + HOUR_SECONDS)
        if due > self._clock.monotonic():
            await self._clock.sleep(due - self._clock.monotonic())

    async def _deliver(self, notice: Notice) -> None:
        for attempt in range(TRIES):
            try:
                await self.send(notice)
            except Retryable as error:
                self.outcomes["retried"] += 1
                if attempt == 0:
                    log.warning("notify-retried", sink=self.sink.name, reason=notice.code, error=str(error))
                await self._clock.sleep(self._pause(attempt, error))
            except AdapterError as error:
                self.outcomes["refused"] += 1
                log.error("notify-refused", sink=self.sink.name, reason=notice.code, error=str(error))  # noqa: TRY400
                return
            else:
                self.outcomes["delivered"] += 1
                return
        self.outcomes["given-up"] += 1
        log.error("notify-abandoned", sink=self.sink.name, reason=notice.code, tries=TRIES)

    def _pause(self, attempt: int, error: Retryable) -> float:
        asked = error.retry_after.total_seconds() if isinstance(error, Throttled) and error.retry_after else 0.0
        return max(asked, min(LONGEST_SECONDS, FIRST_SECONDS * 2.0**attempt) * (0.5 + 0.5 * float(self._rng.random())))

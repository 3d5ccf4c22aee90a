"""Delivery of notices to one sink: in order, with retries, and without delaying a tick."""

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

QUEUE_LIMIT = 200
"""Maximum number of queued notices; beyond it the oldest is dropped and counted."""

TRIES = 12
FIRST_SECONDS, LONGEST_SECONDS = 1.0, 300.0
"""Pause after the first try and the maximum pause. It doubles after each try, with jitter; 12 tries take about 30 min."""

APART_SECONDS = 1.0
"""Minimum time between two messages: the rate limit of Slack."""

MOST_PER_HOUR, HOUR_SECONDS = 60, 3600.0
"""Maximum number of messages per hour; further ones wait."""

OUTCOMES = ("delivered", "refused", "given-up", "dropped", "retried")
"""Outcomes of notices, as label values of `stoker_notices_total`. `retried` counts failed tries."""

log = structlog.get_logger("stoker.notify")


class SinkDelivery:
    """Queue and retries of one sink. `secret`: signs the messages; None: no signature."""

    def __init__(self, sink: Sink, url: str, secret: str | None, source: str, poster: Poster, clock: Clock,
                 rng: Generator) -> None:
        self.sink = sink
        self._url, self._secret, self._source = url, secret, source
        self._poster, self._clock, self._rng = poster, clock, rng
        self.waiting: deque[Notice] = deque()
        self.outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self._not_empty, self.idle = asyncio.Event(), asyncio.Event()
        self._sent_at: deque[float] = deque(maxlen=MOST_PER_HOUR)

    def enqueue(self, notices: Iterable[Notice]) -> None:
        """Append the notices that the sink wants to the queue."""
        for notice in notices:
            if not self.sink.wants(notice.code):
                continue
            if len(self.waiting) >= QUEUE_LIMIT:
                self.waiting.popleft()
                self.outcomes["dropped"] += 1
            self.waiting.append(notice)
        if self.waiting:
            self.idle.clear()
            self._not_empty.set()

    async def run(self) -> None:
        """Deliver until cancelled. A notice leaves the queue after its delivery or last try: after a kill it is sent again."""
        while True:
            while not self.waiting:
                self._not_empty.clear()
                self.idle.set()
                await self._not_empty.wait()
            await self._wait_for_rate_limit()
            notice = self.waiting[0]
            await self._deliver(notice)
            if self.waiting and self.waiting[0] is notice:  # else it was dropped for newer ones meanwhile
                self.waiting.popleft()
            self._sent_at.append(self._clock.monotonic())

    async def send(self, notice: Notice) -> None:
        """Send a notice once. `AdapterError` when the sink did not accept it."""
        request = message(self.sink, notice, self._source, self._secret, int(self._clock.now().timestamp()))
        await self._poster.post(self.sink.name, self._url, request.body, request.headers)

    async def _wait_for_rate_limit(self) -> None:
        if not self._sent_at:
            return
        due = self._sent_at[-1] + APART_SECONDS
        if len(self._sent_at) == MOST_PER_HOUR:
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
        requested = error.retry_after.total_seconds() if isinstance(error, Throttled) and error.retry_after else 0.0
        return max(requested, min(LONGEST_SECONDS, FIRST_SECONDS * 2.0**attempt) * (0.5 + 0.5 * float(self._rng.random())))

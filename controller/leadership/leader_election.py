"""Leader election: takes and renews the lease, and limits writes by this daemon's own clock.

Safety depends on three periods. A leader counts from the *start* of the last renewal that the store accepted, and starts no write
once half of the lease's TTL has passed. A standby counts from its *reading* of a renewal, which is later, and takes over after a
full TTL without another renewal. The half TTL in between is longer than a write can take.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import structlog

from adapters.ports.errors import AdapterError, Unreachable
from adapters.ports.lease_store import Lease, LeaseStore, Unfenced
from adapters.runtime.clock import Clock
from config.model.lease import LeaseSettings
from controller.leadership.handover import read_handover

T = TypeVar("T")
RENEWALS = 6
"""Renewals by the leader, and readings by a standby, per TTL."""

log = structlog.get_logger("stoker.lease")


@dataclass(frozen=True, slots=True)
class Stamp:
    """Instant by both clocks: the monotonic clock may stop while a machine sleeps, the wall clock may be set."""

    monotonic: float
    at: datetime

    def seconds_to(self, later: "Stamp") -> float:
        """Return the longer span of both clocks: a lease that ends too early is safe."""
        return max(later.monotonic - self.monotonic, (later.at - self.at).total_seconds())


@dataclass(frozen=True, slots=True)
class Publication:
    """Texts to publish under a fencing number, and the future of the caller."""

    number: int
    texts: Mapping[str, str]
    done: "asyncio.Future[None]"


class LeaderElection:
    """Leader election of one daemon. `renew_or_watch` runs every `interval` seconds. `holder`: this process's unique name."""

    def __init__(self, store: LeaseStore, clock: Clock, holder: str, settings: LeaseSettings, url: str = "") -> None:
        self.holder, self.url, self.ttl = holder, url, settings.ttl
        self.error: AdapterError | None = None
        """Why the last call to the lease store failed."""
        self.seen: Lease | None = None
        """The lease as last read, or as written by this daemon."""
        self.others_renew = False
        """Whether another daemon was found to renew the lease."""
        self._store, self._clock, self._continues = store, clock, settings.on_store_away == "continue"
        self._held: Lease | None = None
        self._renewed = self._seen_at = self._tried = self._now()
        self._attempts = 0
        self._lock = asyncio.Lock()
        """In some stores, two concurrent changes by this daemon would reject each other."""
        self._queue: list[Publication] = []
        self._publishing: asyncio.Task[None] | None = None

    @property
    def number(self) -> int | None:
        """Fencing number of this daemon's lease; None while another daemon leads or none does."""
        return None if self._held is None else self._held.number

    @property
    def interval(self) -> float:
        """Seconds between renewals."""
        return self.ttl.total_seconds() / RENEWALS

    def write_blocked(self, number: int | None) -> str | None:
        """Return why nothing may be written under `number` now; None when writes are allowed."""
        if number is None or number != self.number:
            if self._held is None and self.seen is not None and self.seen.holder not in ("", self.holder):
                return f"{self.seen.holder} leads"
            return "no daemon leads yet" if self.error is None else f"the leader is unknown: {self.error}"
        if self._renewed.seconds_to(self._now()) < self.ttl.total_seconds() / 2 or self._may_continue():
            return None
        return "the lease could not be renewed in time" if self.error is None else f"the lease could not be renewed: {self.error}"

    def check(self, number: int) -> None:
        """Raise `Unfenced` when nothing may be written under `number` any more."""
        why = self.write_blocked(number)
        if why is not None:
            raise Unfenced(f"not sent under fencing number {number}: {why}")

    async def renew_or_watch(self) -> None:
        """Renew the lease, or read it and take it when it is free. Failures of the store do not raise; `error` has them."""
        before, failed = self.number, self.error is not None
        try:
            async with self._lock:
                self._tried = self._now()
                await (self._watch() if self._held is None else self._renew(self._held))
            self.error = None
        except AdapterError as error:
            self.error = error
        if (self.error is not None) is not failed:
            (log.error if self.error else log.info)("lease-store-away" if self.error else "lease-store-back",
                                                    error=None if self.error is None else str(self.error), fencing=self.number)
        self._log_change(before)

    async def publish(self, number: int, texts: Mapping[str, str]) -> None:
        """Store `texts` for the next leader, in one change with concurrent calls.

        Raise `Unfenced` when the store has a newer leader or does not answer: then no write may be sent. With `on_store_away:
        continue`, a store that does not answer is ignored.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(Publication(number, texts, done))
        if self._publishing is None or self._publishing.done():
            self._publishing = asyncio.create_task(self._publish_queue(), name="publish")
        await done

    async def published(self) -> Mapping[str, str]:
        """Return the texts that leaders have published."""
        return await self._call(self._store.kept())

    async def release(self) -> None:
        """Release the lease, so that a standby need not wait for the TTL. No write is allowed afterwards."""
        held, self._held = self._held, None
        if held is None:
            return
        try:
            async with self._lock:
                free = await self._call(self._store.take(held, replace(held, holder="", renewal=self._next())))
        except AdapterError as error:
            log.warning("lease-not-released", error=str(error), text="a standby takes over after the TTL")
        else:
            log.info("lease-released" if free else "lease-not-released", fencing=held.number)

    async def close(self) -> None:
        """Close the lease store."""
        if self._publishing is not None:
            self._publishing.cancel()
        await self._store.close()

    def shown(self) -> dict[str, Any]:
        """Return the state of the lease for display."""
        leads = self.number is not None
        leader = None if self.seen is None or not self.seen.holder else self.seen
        return {"role": "leader" if leads else "standby", "holder": self.holder, "fencing": self.number,
                "leader": None if leader is None else leader.holder, "leader_url": None if leader is None else leader.url or None,
                "barred": self.write_blocked(self.number), "store_error": None if self.error is None else str(self.error)}

    async def _watch(self) -> None:
        lease = await self._call(self._store.read())
        now = self._now()
        if lease is not None and lease.holder == self.holder:  # taken by a call that got no answer
            self._held = lease
            await self._renew(lease)
            return
        if lease is None or not lease.holder:
            await self._take(lease)
        elif lease != self.seen:
            self.others_renew = self.seen is not None and self.seen.holder == lease.holder
            self.seen, self._seen_at = lease, now
        elif self._seen_at.monotonic + self.ttl.total_seconds() <= now.monotonic:
            await self._take(lease)

    async def _take(self, current: Lease | None) -> None:
        """Acquire a free lease. Raise `UnreadableHandover` when this release cannot read what the last leader stored: a daemon of
        that release can still acquire the lease.
        """
        if current is not None:
            read_handover(await self._call(self._store.kept()))
        started, number = self._now(), 1 if current is None else current.number + 1
        lease = Lease(self.holder, self.url, number, self._next())
        if await self._call(self._store.take(current, lease)):
            self._held = self.seen = lease
            self._renewed = started

    async def _renew(self, held: Lease) -> None:
        started, renewed = self._now(), replace(held, url=self.url, renewal=self._next())
        if await self._call(self._store.renew(renewed)):
            self._held = self.seen = renewed
            self._renewed = started
        else:
            self._lose()

    def _lose(self) -> None:
        self._held = self.seen = None
        self.others_renew = True

    async def _publish_queue(self) -> None:
        """Publish all queued texts, one change of the store at a time."""
        while self._queue:
            async with self._lock:
                batch, self._queue = self._queue, []
                failure = await self._publish_batch(batch)
            for each in batch:
                if each.done.done():
                    continue
                if failure is None and each.number == self.number:
                    each.done.set_result(None)
                else:
                    why = f"not sent under fencing number {each.number}: {self.write_blocked(each.number)}"
                    each.done.set_exception(failure or Unfenced(why))

    async def _publish_batch(self, batch: "list[Publication]") -> Unfenced | None:
        held = self._held
        if held is None:
            return None
        texts = {key: text for each in batch if each.number == held.number for key, text in each.texts.items()}
        try:
            if await self._call(self._store.keep(held, texts)):
                return None
        except AdapterError as error:
            self.error = error
            return None if self._continues else Unfenced(f"not sent: the lease store gave no usable answer: {error}")
        self._lose()
        self._log_change(held.number)
        return Unfenced(f"not sent under fencing number {held.number}: another daemon leads")

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self.ttl.total_seconds() / 3):
                return await call
        except TimeoutError:
            raise Unreachable("the lease store did not answer in time") from None

    def _may_continue(self) -> bool:
        """Return whether `on_store_away: continue` allows writes without the store: only within a TTL of the last attempt to
        reach it. A daemon that was itself suspended must try first.
        """
        return self._continues and self.error is not None and self._tried.seconds_to(self._now()) < self.ttl.total_seconds()

    def _log_change(self, before: int | None) -> None:
        if self.number is not None and before != self.number:
            log.info("lease-acquired", fencing=self.number, holder=self.holder)
        elif before is not None and self.number is None:
            log.warning("lease-lost", fencing=before, text="another daemon leads; this one is on standby")

    def _next(self) -> int:
        """Return a new number for each attempt: one whose outcome is unknown may have been accepted."""
        self._attempts += 1
        return self._attempts

    def _now(self) -> Stamp:
        return Stamp(self._clock.monotonic(), self._clock.now())

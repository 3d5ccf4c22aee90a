"""Whether this daemon leads: takes the lease, renews it, and knows by its own clock until when it may write.

Safety rests on three spans. A leader counts from the *start* of the last renewal that the store took, and begins no write once
half of the term is over. Whoever waits counts from when it *saw* a renewal, which is later, and takes over after a whole term
without another one. What is left between, half a term, is longer than a write may be under way.
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
BEATS = 6
"""A leader renews, and others look, so often in a term."""

log = structlog.get_logger("stoker.lease")


@dataclass(frozen=True, slots=True)
class Stamp:
    """An instant by both clocks: the monotonic one may stand still while a machine sleeps, the other may be set."""

    monotonic: float
    at: datetime

    def seconds_to(self, later: "Stamp") -> float:
        """The longer of both spans: to believe in too short a term is safe."""
        return max(later.monotonic - self.monotonic, (later.at - self.at).total_seconds())


class LeaderElection:
    """One for a daemon. `beat` is called every `interval`; `holder` is the name of this process and of no other."""

    def __init__(self, store: LeaseStore, clock: Clock, holder: str, settings: LeaseSettings, url: str = "") -> None:
        self.holder, self.url, self.ttl = holder, url, settings.ttl
        self.error: AdapterError | None = None
        """Why the store gave no usable answer when it was last asked."""
        self.seen: Lease | None = None
        """The lease as it was last seen, or as this daemon wrote it."""
        self.others_renew = False
        """Another daemon was seen to be alive."""
        self._store, self._clock, self._goes_on = store, clock, settings.on_store_away == "continue"
        self._held: Lease | None = None
        self._renewed = self._seen_at = self._asked = self._now()
        self._renewals = 0
        self._one_at_a_time = asyncio.Lock()
        """Two of our own changes at once would refuse each other in some stores."""
        self._waiting: list[tuple[int, Mapping[str, str], asyncio.Future[None]]] = []
        self._sharing: asyncio.Task[None] | None = None

    @property
    def number(self) -> int | None:
        """The fencing number of the lease that this daemon holds, as far as it knows; None while another leads, or nobody."""
        return None if self._held is None else self._held.number

    @property
    def interval(self) -> float:
        """Seconds from one beat to the next."""
        return self.ttl.total_seconds() / BEATS

    def write_blocked(self, number: int | None) -> str | None:
        """Why nothing may be written under `number` now; None when it may."""
        if number is None or number != self.number:
            if self._held is None and self.seen is not None and self.seen.holder not in ("", self.holder):
                return f"{self.seen.holder} leads"
            return "no daemon leads yet" if self.error is None else f"the leader is unknown: {self.error}"
        if self._renewed.seconds_to(self._now()) < self.ttl.total_seconds() / 2 or self._may_go_on():
            return None
        return "the lease could not be renewed in time" if self.error is None else f"the lease could not be renewed: {self.error}"

    def check(self, number: int) -> None:
        """`Unfenced` when nothing may be written under `number` any more."""
        why = self.write_blocked(number)
        if why is not None:
            raise Unfenced(f"not sent under fencing number {number}: {why}")

    async def renew_or_watch(self) -> None:
        """Renew the lease, or look who has it and take it when it is free. Never raises for what happens in the store."""
        was, away = self.number, self.error is not None
        try:
            async with self._one_at_a_time:
                self._asked = self._now()
                await (self._watch() if self._held is None else self._renew(self._held))
            self.error = None
        except AdapterError as error:
            self.error = error
        if (self.error is not None) is not away:
            (log.error if self.error else log.info)("lease-store-away" if self.error else "lease-store-back",
                                                    error=None if self.error is None else str(self.error), fencing=self.number)
        self._tell(was)

    async def share(self, number: int, texts: Mapping[str, str]) -> None:
        """Keep `texts` for whoever leads next; together with what others share meanwhile. `Unfenced` when the store has seen a
        newer leader, or cannot say: then nothing may be sent, unless the policy says to go on without it.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((number, texts, done))
        if self._sharing is None or self._sharing.done():
            self._sharing = asyncio.create_task(self._share_all(), name="share")
        await done

    async def kept(self) -> Mapping[str, str]:
        """What the leaders before have shared."""
        return await self._asked_of(self._store.kept())

    async def release(self) -> None:
        """Give the lease back, so that another need not wait for its end. Nothing is written afterwards."""
        held, self._held = self._held, None
        if held is None:
            return
        try:
            async with self._one_at_a_time:
                free = await self._asked_of(self._store.take(held, replace(held, holder="", renewal=self._next())))
        except AdapterError as error:
            log.warning("lease-not-released", error=str(error), text="another takes over when its term is over")
        else:
            log.info("lease-released" if free else "lease-not-released", fencing=held.number)

    async def close(self) -> None:
        """Let go of the store."""
        if self._sharing is not None:
            self._sharing.cancel()
        await self._store.close()

    def shown(self) -> dict[str, Any]:
        """What is shown of it."""
        leads = self.number is not None
        leader = None if self.seen is None or not self.seen.holder else self.seen
        return {"role": "leader" if leads else "standby", "holder": self.holder, "fencing": self.number,
                "leader": None if leader is None else leader.holder, "leader_url": None if leader is None else leader.url or None,
                "barred": self.write_blocked(self.number), "store_error": None if self.error is None else str(self.error)}

    async def _watch(self) -> None:
        there = await self._asked_of(self._store.read())
        now = self._now()
        if there is not None and there.holder == self.holder:  # taken by a call whose answer never came
            self._held = there
            await self._renew(there)
            return
        if there is None or not there.holder:
            await self._take(there)
        elif there != self.seen:
            self.others_renew = self.seen is not None and self.seen.holder == there.holder
            self.seen, self._seen_at = there, now
        elif self._seen_at.monotonic + self.ttl.total_seconds() <= now.monotonic:
            await self._take(there)

    async def _take(self, there: Lease | None) -> None:
        """Acquire a free lease. `UnreadableHandover` when this release cannot read what the last leader stored: a daemon of that
        release can still acquire the lease.
        """
        if there is not None:
            read_handover(await self._asked_of(self._store.kept()))
        began, number = self._now(), 1 if there is None else there.number + 1
        wanted = Lease(self.holder, self.url, number, self._next())
        if await self._asked_of(self._store.take(there, wanted)):
            self._held = self.seen = wanted
            self._renewed = began

    async def _renew(self, held: Lease) -> None:
        began, renewed = self._now(), replace(held, url=self.url, renewal=self._next())
        if await self._asked_of(self._store.renew(renewed)):
            self._held = self.seen = renewed
            self._renewed = began
        else:
            self._lose()

    def _lose(self) -> None:
        self._held = self.seen = None
        self.others_renew = True

    async def _share_all(self) -> None:
        """One change of the store at a time, with all that waits for it."""
        while self._waiting:
            async with self._one_at_a_time:
                batch, self._waiting = self._waiting, []
                failure = await self._shared(batch)
            for number, _, done in batch:
                if done.done():
                    continue
                if failure is None and number == self.number:
                    done.set_result(None)
                else:
                    done.set_exception(failure
                                       or Unfenced(f"not sent under fencing number {number}: {self.write_blocked(number)}"))

    async def _shared(self, batch: list[tuple[int, Mapping[str, str], "asyncio.Future[None]"]]) -> Unfenced | None:
        held = self._held
        if held is None:
            return None
        texts = {key: text for number, each, _ in batch if number == held.number for key, text in each.items()}
        try:
            if await self._asked_of(self._store.keep(held, texts)):
                return None
        except AdapterError as error:
            self.error = error
            return None if self._goes_on else Unfenced(f"not sent: the lease store gave no usable answer: {error}")
        self._lose()
        self._tell(held.number)
        return Unfenced(f"not sent under fencing number {held.number}: another daemon leads")

    async def _asked_of(self, call: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self.ttl.total_seconds() / 3):
                return await call
        except TimeoutError:
            raise Unreachable("the lease store did not answer in time") from None

    def _may_go_on(self) -> bool:
        """Whether the policy lets this daemon write without the store: only while it has just tried to reach it in vain. One
        that was itself away for a while must first ask.
        """
        return self._goes_on and self.error is not None and self._asked.seconds_to(self._now()) < self.ttl.total_seconds()

    def _tell(self, was: int | None) -> None:
        if self.number is not None and was != self.number:
            log.info("lease-acquired", fencing=self.number, holder=self.holder)
        elif was is not None and self.number is None:
            log.warning("lease-lost", fencing=was, text="another daemon leads: this one stands by")

    def _next(self) -> int:
        """Another number for each attempt: one whose outcome is not known may have been taken too."""
        self._renewals += 1
        return self._renewals

    def _now(self) -> Stamp:
        return Stamp(self._clock.monotonic(), self._clock.now())

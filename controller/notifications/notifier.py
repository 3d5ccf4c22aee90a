"""Tells the sinks of a policy what has changed since the last tick, and remembers over restarts what was told and what was not
delivered yet.
"""

import asyncio
import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from numpy.random import Generator

from adapters.runtime.clock import Clock
from adapters.webhook import Poster
from config.loading.web_address import fault_of
from config.model.notify import Sink
from config.model.policy import Policy
from controller.fleet.fleet import Fleet
from controller.notifications.conditions import standing_of
from controller.notifications.delivery import SinkDelivery
from controller.notifications.notice import DAEMON, Change, Held, Key, Notice, ToldConditions, advance, coalesce
from controller.store.async_store import AsyncStore
from controller.store.sqlite_file import StoreError

KEY = "notices"
"""The snapshot in the store."""

SAVE_EVERY = timedelta(hours=1)
"""Also when nothing has changed: snapshots that are a fortnight old are pruned."""

FLUSH_SECONDS = 3.0
"""So long an end waits for what is to be delivered; the rest is delivered at the next start."""

log = structlog.get_logger("stoker.notify")


class Notifier:
    """All sinks of a daemon. `note` is called after each tick, and waits for nobody but the store."""

    def __init__(self, couriers: Sequence[SinkDelivery], poster: Poster, source: str, clock: Clock, store: AsyncStore) -> None:
        self.couriers = tuple(couriers)
        self._poster, self._source, self._clock, self._store = poster, source, clock, store
        self._told: ToldConditions = {}
        self._number: int | None = None
        """Under which this daemon led at the last tick."""
        self._saved: tuple[Any, ...] = ()
        self._saved_at: datetime | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take up what an earlier run left, and begin to deliver."""
        if not self.couriers:
            return
        await self._recall()
        self._tasks = [asyncio.create_task(each.run(), name=f"sink {each.sink.name}") for each in self.couriers]

    def say(self, code: str, text: str) -> None:
        """Tell something of the daemon itself."""
        self._tell([Change(DAEMON, code, text)], {})

    async def note(self, fleet: Fleet) -> None:
        """Tell what has changed. Raises nothing: whoever is told of faults must be the cause of none."""
        try:
            if self.couriers:
                await self._note(fleet)
        except Exception:
            log.exception("notify-failed")

    async def _note(self, fleet: Fleet) -> None:
        number = fleet.tenure.number
        if number is not None and number != self._number:
            self.say("leader-changed", f"this daemon leads now, under fencing number {number}")
        self._number = number
        modes = {name: each.policy.mode for name, each in fleet.reconcilers.items()}
        changes, self._told = advance(self._told, standing_of(fleet, self._clock.now()), self._clock.now())
        self._tell(changes, modes)
        await self._keep()

    async def close(self) -> None:
        """Deliver for a moment, and keep the rest."""
        if self._tasks:
            await self._flush()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._keep()
        await self._poster.close()

    def _tell(self, changes: Sequence[Change], modes: Mapping[str, str]) -> None:
        notices = coalesce(changes, modes, self._clock.now(), self._source)
        for courier in self.couriers:
            courier.take(notices)

    async def _flush(self) -> None:
        limit = asyncio.ensure_future(self._clock.sleep(FLUSH_SECONDS))
        idle = asyncio.gather(*(each.idle.wait() for each in self.couriers))
        await asyncio.wait((limit, idle), return_when=asyncio.FIRST_COMPLETED)
        limit.cancel()
        idle.cancel()
        await asyncio.gather(limit, idle, return_exceptions=True)

    async def _keep(self) -> None:
        now = self._clock.now()
        waiting = {each.sink.name: [notice.id for notice in each.waiting] for each in self.couriers}
        state = (set(self._told), waiting)
        fresh = self._saved_at is not None and now - self._saved_at < SAVE_EVERY
        if state == self._saved and fresh:
            return
        body = json.dumps(dumped(self._told, self.couriers), separators=(",", ":")).encode()
        try:
            await self._store.run(self._store.store.save_blob, KEY, body, now)
        except StoreError as error:
            log.error("store-failed", error=str(error))  # noqa: TRY400
            return
        self._saved, self._saved_at = state, now

    async def _recall(self) -> None:
        try:
            body = await self._store.run(self._store.store.load_blob, KEY)
            stored = json.loads(body or b"{}")
            self._told = {Key(*key): Held(text, datetime.fromisoformat(since), self._clock.now())
                          for key, text, since in stored.get("told", [])}
            for courier in self.couriers:
                courier.take(loaded(each) for each in stored.get("waiting", {}).get(courier.sink.name, []))
        except (ValueError, TypeError, AttributeError, KeyError):  # of another shape
            log.warning("notices-unreadable",
                        text="stored notices cannot be read: current conditions are sent again")


def dumped(told: ToldConditions, couriers: Sequence[SinkDelivery]) -> dict[str, Any]:
    """What must be remembered, for JSON."""
    return {"told": [[key, held.text, held.since.isoformat()] for key, held in told.items()],
            "waiting": {each.sink.name: [plain(notice) for notice in each.waiting] for each in couriers}}


def plain(notice: Notice) -> list[Any]:
    """A notice as JSON can carry it."""
    return [notice.id, notice.code, notice.at.isoformat(), notice.mode, notice.pools, notice.count, notice.text]


def loaded(values: Sequence[Any]) -> Notice:
    """The notice that `plain` took apart."""
    ident, code, at, mode, pools, count, text = values
    return Notice(ident, code, datetime.fromisoformat(at), mode, tuple(pools), count, text)


def courier_of(sink: Sink, environment: Mapping[str, str], source: str, poster: Poster, clock: Clock,
               rng: Generator) -> SinkDelivery | str:
    """What brings notices to a sink, or why nothing can."""
    missing = [name for name in (sink.url_env, sink.secret_env) if name is not None and not environment.get(name)]
    if missing:
        return f"{' and '.join(missing)} not set: export it where the daemon runs"
    url = sink.url or environment[sink.url_env or ""].strip()
    if (fault := fault_of(url)) is not None:
        return f"{sink.url_env or 'url'} {fault}: correct it where the daemon runs"
    secret = None if sink.secret_env is None else environment[sink.secret_env]
    return SinkDelivery(sink, url, secret, source, poster, clock, rng)


def couriers_of(sinks: Sequence[Sink], environment: Mapping[str, str], source: str, poster: Poster, clock: Clock,
                rng: Generator) -> list[SinkDelivery]:
    """A courier for each sink that can have one; the others are told in the log, and the daemon goes on without them."""
    found = []
    for sink in sinks:
        courier = courier_of(sink, environment, source, poster, clock, rng)
        if isinstance(courier, str):
            log.error("notify-unset", sink=sink.name, text=f"nothing is sent there: {courier}")
        else:
            found.append(courier)
    return found


def source() -> str:
    """Return the sender of messages."""
    return f"/stoker/{socket.gethostname()}"


def notifier_for(policy: Policy, clock: Clock, rng: Generator) -> Callable[[AsyncStore], "Notifier"]:
    """Return a function that builds the notifier of a policy when the store is open."""
    def build(store: AsyncStore) -> "Notifier":
        poster = Poster()
        couriers = couriers_of(policy.notify, os.environ, source(), poster, clock, rng)
        return Notifier(couriers, poster, source(), clock, store)
    return build

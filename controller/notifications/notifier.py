"""Notifier: sends changed conditions to all sinks after each tick. Sent conditions and undelivered notices are stored."""

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
from controller.notifications.conditions import current_conditions
from controller.notifications.delivery_retries import SinkDelivery
from controller.notifications.notice import DAEMON, Notice, coalesce
from controller.notifications.sending_rules import Change, Key, SentCondition, SentConditions, advance
from controller.store.async_store import AsyncStore
from controller.store.sqlite_file import StoreError

KEY = "notices"
"""Key of the snapshot in the store."""

SAVE_EVERY = timedelta(hours=1)
"""Maximum age of the snapshot: the store prunes snapshots after 14 days."""

FLUSH_SECONDS = 3.0
"""Maximum time that a stop waits for deliveries; the next start delivers the rest."""

log = structlog.get_logger("stoker.notify")


class Notifier:
    """All sinks of a daemon. `note` runs after each tick and waits for the store only."""

    def __init__(self, deliveries: Sequence[SinkDelivery], poster: Poster, source: str, clock: Clock, store: AsyncStore,
                 reopen: Callable[[Sequence[Sink]], Sequence[SinkDelivery]] | None = None, sinks: Sequence[Sink] = ()) -> None:
        """`reopen`: returns the deliveries to other sinks than `sinks`; without it, the sinks never change."""
        self.deliveries, self._reopen, self._sinks = tuple(deliveries), reopen, tuple(sinks)
        self._poster, self._source, self._clock, self._store = poster, source, clock, store
        self._sent: SentConditions = {}
        self._number: int | None = None
        """Fencing token at the last tick; None on a standby."""
        self._saved: tuple[Any, ...] = ()
        self._saved_at: datetime | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load the stored state of an earlier run, and start the deliveries."""
        if not self.deliveries:
            return
        await self._load()
        self._tasks = [asyncio.create_task(each.run(), name=f"sink {each.sink.name}") for each in self.deliveries]

    async def follow(self, sinks: Sequence[Sink]) -> None:
        """Send to these sinks from now on. Notices that wait for a sink whose name stays are kept."""
        if self._reopen is None or tuple(sinks) == self._sinks:
            return
        waiting, started = {each.sink.name: each.waiting for each in self.deliveries}, bool(self.deliveries)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.deliveries, self._sinks = tuple(self._reopen(sinks)), tuple(sinks)
        if not started and self.deliveries:
            await self._load()
        for each in self.deliveries:
            each.enqueue(waiting.get(each.sink.name, ()))
        self._tasks = [asyncio.create_task(each.run(), name=f"sink {each.sink.name}") for each in self.deliveries]

    def notify(self, code: str, text: str) -> None:
        """Send a notice about the daemon itself."""
        self._enqueue([Change(DAEMON, code, text)], {})

    async def note(self, fleet: Fleet) -> None:
        """Send what has changed. Internal errors are logged and not raised, because notifications must not stop a tick."""
        try:
            if self.deliveries:
                await self._note(fleet)
        except Exception:
            log.exception("notify-failed")

    async def _note(self, fleet: Fleet) -> None:
        number = fleet.term.number
        if number is not None and number != self._number:
            self.notify("leader-changed", f"this daemon is now the leader (fencing token {number})")
        self._number = number
        modes = {name: each.policy.mode for name, each in fleet.reconcilers.items()}
        changes, self._sent = advance(self._sent, current_conditions(fleet, self._clock.now()), self._clock.now())
        self._enqueue(changes, modes)
        await self._save()

    async def close(self) -> None:
        """Deliver for at most `FLUSH_SECONDS`, and store the rest."""
        if self._tasks:
            await self._flush()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._save()
        await self._poster.close()

    def _enqueue(self, changes: Sequence[Change], modes: Mapping[str, str]) -> None:
        notices = coalesce(changes, modes, self._clock.now(), self._source)
        for delivery in self.deliveries:
            delivery.enqueue(notices)

    async def _flush(self) -> None:
        limit = asyncio.ensure_future(self._clock.sleep(FLUSH_SECONDS))
        idle = asyncio.gather(*(each.idle.wait() for each in self.deliveries))
        await asyncio.wait((limit, idle), return_when=asyncio.FIRST_COMPLETED)
        limit.cancel()
        idle.cancel()
        await asyncio.gather(limit, idle, return_exceptions=True)

    async def _save(self) -> None:
        now = self._clock.now()
        waiting = {each.sink.name: [notice.id for notice in each.waiting] for each in self.deliveries}
        state = (set(self._sent), waiting)
        fresh = self._saved_at is not None and now - self._saved_at < SAVE_EVERY
        if state == self._saved and fresh:
            return
        body = json.dumps(dumped(self._sent, self.deliveries), separators=(",", ":")).encode()
        try:
            await self._store.run(self._store.store.save_blob, KEY, body, now)
        except StoreError as error:
            log.error("store-failed", error=str(error))  # noqa: TRY400
            return
        self._saved, self._saved_at = state, now

    async def _load(self) -> None:
        try:
            body = await self._store.run(self._store.store.load_blob, KEY)
            stored = json.loads(body or b"{}")
            self._sent = {Key(*key): SentCondition(text, datetime.fromisoformat(since), self._clock.now())
                          for key, text, since in stored.get("sent", [])}
            for delivery in self.deliveries:
                delivery.enqueue(loaded(each) for each in stored.get("waiting", {}).get(delivery.sink.name, []))
        except (ValueError, TypeError, AttributeError, KeyError):  # written by another release
            log.warning("notices-unreadable",
                        text="stored notices cannot be read: current conditions are sent again")


def dumped(sent: SentConditions, deliveries: Sequence[SinkDelivery]) -> dict[str, Any]:
    """Return the snapshot as JSON values."""
    return {"sent": [[key, condition.text, condition.since.isoformat()] for key, condition in sent.items()],
            "waiting": {each.sink.name: [plain(notice) for notice in each.waiting] for each in deliveries}}


def plain(notice: Notice) -> list[Any]:
    """Return a notice as JSON values."""
    return [notice.id, notice.code, notice.at.isoformat(), notice.mode, notice.pools, notice.count, notice.text]


def loaded(values: Sequence[Any]) -> Notice:
    """Return the notice of which `values` is the `plain`; `ValueError` or `TypeError` when they are invalid."""
    notice_id, code, at, mode, pools, count, text = values
    return Notice(notice_id, code, datetime.fromisoformat(at), mode, tuple(pools), count, text)


def delivery_of(sink: Sink, environment: Mapping[str, str], source: str, poster: Poster, clock: Clock,
                rng: Generator) -> SinkDelivery | str:
    """Return the delivery to a sink, or the reason why there is none."""
    missing = [name for name in (sink.url_env, sink.secret_env) if name is not None and not environment.get(name)]
    if missing:
        return f"{' and '.join(missing)} not set: export it where the daemon runs"
    url = sink.url or environment[sink.url_env or ""].strip()
    if (fault := fault_of(url)) is not None:
        return f"{sink.url_env or 'url'} {fault}: correct it where the daemon runs"
    secret = None if sink.secret_env is None else environment[sink.secret_env]
    return SinkDelivery(sink, url, secret, source, poster, clock, rng)


def deliveries_of(sinks: Sequence[Sink], environment: Mapping[str, str], source: str, poster: Poster, clock: Clock,
                  rng: Generator) -> list[SinkDelivery]:
    """Return the deliveries to all sinks whose variables are set. The other sinks are logged and skipped."""
    deliveries = []
    for sink in sinks:
        delivery = delivery_of(sink, environment, source, poster, clock, rng)
        if isinstance(delivery, str):
            log.error("notify-unset", sink=sink.name, text=f"nothing is sent to this sink: {delivery}")
        else:
            deliveries.append(delivery)
    return deliveries


def source() -> str:
    """Return the `source` of messages: this host."""
    return f"/stoker/{socket.gethostname()}"


def notifier_for(policy: Policy, clock: Clock, rng: Generator) -> Callable[[AsyncStore], "Notifier"]:
    """Return a function that builds the notifier of a policy when the store is open."""
    def build(store: AsyncStore) -> "Notifier":
        poster = Poster()

        def opened(sinks: Sequence[Sink]) -> Sequence[SinkDelivery]:
            return deliveries_of(sinks, os.environ, source(), poster, clock, rng)

        return Notifier(opened(policy.notify), poster, source(), clock, store, opened, policy.notify)
    return build

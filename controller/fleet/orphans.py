"""Orphans in a running daemon: found at the start, read once an hour, reported until they are gone, and never written to."""

import asyncio
from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

import structlog

from adapters.ports.errors import AdapterError, NotFound
from adapters.ports.lever import Lever
from adapters.registry import lever_kinds
from adapters.runtime.clock import Clock
from config.model.policy import PoolPolicy
from controller.decision.planning.pool_state import PoolState
from controller.redaction.redactor import redact_text
from controller.store.async_store import AsyncStore
from controller.store.managed_capacity import Held, Orphan, dumped, loaded, taken_over
from controller.store.sqlite_file import StoreError

KEY = "held"
"""Of the blob in the store."""

LOOK_EVERY = timedelta(hours=1)
CALL_SECONDS = 120.0

log = structlog.get_logger("stoker.orphans")


class Levers(Protocol):
    """What builds a lever; `adapters.registry.Registry` does."""

    def lever(self, pool: PoolPolicy) -> Lever: ...


class Orphans:
    """What of the policy's former pools is left at providers."""

    def __init__(self, held: Held | None = None, pools: Mapping[str, PoolPolicy] | None = None, levers: Levers | None = None,
                 store: AsyncStore | None = None, clock: Clock | None = None) -> None:
        self.held = held or Held()
        self._pools, self._levers, self._store, self._clock = pools or {}, levers, store, clock

    @classmethod
    async def open(cls, pools: Mapping[str, PoolPolicy], levers: Levers, store: AsyncStore,
                   clock: Clock) -> tuple["Orphans", dict[str, PoolState]]:
        """From the store, and the state of each pool of the policy; each orphan is logged."""
        states, body = await store.run(store.store.load_states), await store.run(store.store.load_blob, KEY)
        held, kept = taken_over(loaded(body, lever_kinds()), pools, states, clock.now())
        made = cls(held, pools, levers, store, clock)
        await made._save()
        for each in made.found:
            log.warning("orphan", pool=each.pool, resource=each.lever.resource, units=each.units, text=text_of(each))
        return made, kept

    @property
    def found(self) -> tuple[Orphan, ...]:
        """All there are, as last read."""
        return self.held.orphans

    def shown(self) -> list[dict[str, Any]]:
        """As `/status` has them."""
        return [{"pool": each.pool, "lever": each.lever.kind, "resource": each.lever.resource, "units": each.units,
                 "since": each.since.isoformat(), "text": text_of(each), "error": each.error} for each in self.found]

    async def watch(self) -> None:
        """Look at once, and then once an hour, without end."""
        while self._clock is not None:
            try:
                await self.look()
            except Exception:  # a fault of ours here must not end the looking
                log.exception("orphans-not-read")
            await self._clock.sleep(LOOK_EVERY.total_seconds())

    async def look(self) -> None:
        """Ask the providers what is left of each, and forget those of which nothing is."""
        for each in self.found:
            now = await self._read(each)
            if now is None:
                log.info("orphan-gone", pool=each.pool, resource=each.lever.resource,
                         text="what Stoker had set there is gone, or others have set something else")
            await self._replace(each, now)
        await self._save()

    async def forget(self, orphan: Orphan) -> None:
        """It has been given back."""
        await self._replace(orphan, None)
        await self._save()

    async def _replace(self, orphan: Orphan, by: Orphan | None) -> None:
        """With nothing in its place its state is forgotten too."""
        after = (by if each is orphan else each for each in self.found)
        self.held = replace(self.held, orphans=tuple(each for each in after if each is not None))
        if by is None and self._store is not None:
            await self._store.save_state(orphan.name_beside(self._pools), PoolState())

    async def _read(self, orphan: Orphan) -> Orphan | None:
        if self._levers is None:
            return orphan
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return orphan.after((await self._levers.lever(policy_of(orphan, self._pools)).read()).requested)
        except NotFound:
            return None
        except TimeoutError:
            return replace(orphan, error=f"no answer within {CALL_SECONDS:g} s")
        except AdapterError as error:
            return replace(orphan, error=redact_text(str(error)))

    async def _save(self) -> None:
        """What is held, with today's date: the store forgets snapshots that nobody renews."""
        if self._store is None or self._clock is None:
            return
        try:
            await self._store.run(self._store.store.save_blob, KEY, dumped(self.held), self._clock.now())
        except StoreError as error:
            log.error("store-failed", error=str(error))  # noqa: TRY400


def policy_of(orphan: Orphan, pools: Container[str], **changes: Any) -> PoolPolicy:  # noqa: ANN401
    """A pool as a policy beside `pools` would have it, in shadow unless `changes` say otherwise."""
    plain = {"name": orphan.name_beside(pools), "lever": orphan.lever, "max": max(1, orphan.units)}
    return PoolPolicy.model_validate(plain | changes)


def text_of(orphan: Orphan) -> str:
    """What is left where, and what to do."""
    return (f"{orphan.units} units that Stoker set on {orphan.lever.resource} are still there, and no pool of the policy names "
            "it: `stoker release` gives them back; a pool with that lever takes them over")

"""The orders of operators in a running daemon: taken, kept over restarts, shown to the plans, and ended in time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

import structlog

from adapters.ports.errors import AdapterError
from controller.decision.planning.overrides import Kind, Override, active, joined
from controller.store.async_store import AsyncStore
from controller.store.sqlite_file import StoreError

log = structlog.get_logger("stoker.active_overrides")


class Steered(Protocol):
    """What plans under orders; a reconciler does."""

    overrides: tuple[Override, ...]


class ActiveOverrides:
    """One for all pools. An order counts from the next plan on, and only once it is stored."""

    def __init__(self, pools: Mapping[str, Steered], store: AsyncStore) -> None:
        self._pools, self._store = pools, store
        self.share: Callable[[str, tuple[Override, ...]], Awaitable[None]] | None = None
        """Keeps a pool's orders for whoever leads next, where several daemons share a lease; raises `AdapterError`."""
        self._one_at_a_time = asyncio.Lock()
        """Store and memory change together: else an end could take a newer order of the same kind out of the store."""

    async def restore_from_leader(self, orders: Mapping[str, tuple[Override, ...]], now: datetime) -> None:
        """Take up what the leader before was ordered, in place of what this daemon knew of the same pools."""
        for pool in orders.keys() & self._pools.keys():
            async with self._one_at_a_time:
                hold = tuple(each for each in orders[pool] if each.until > now)
                await self._store.run(self._store.store.overrides.remove, pool, tuple(Kind))
                for override in hold:
                    await self._store.run(self._store.store.overrides.save, pool, override)
                self._pools[pool].overrides = hold
            for override in hold:
                log.info("override-kept", pool=pool, **told(override))

    async def recall(self, now: datetime) -> None:
        """Take up what was ordered before a restart; what has ended meanwhile is forgotten, and so are pools that are no more."""
        for pool, overrides in (await self._store.run(self._store.store.overrides.load)).items():
            if pool in self._pools:
                self._pools[pool].overrides = overrides
            elif over := [each.kind for each in overrides if each.until <= now]:
                await self._store.run(self._store.store.overrides.remove, pool, over)
        await self.expire(now)
        for pool, steered in self._pools.items():
            for override in steered.overrides:
                log.info("override-kept", pool=pool, **told(override))

    def of(self, pool: str, now: datetime) -> tuple[Override, ...]:
        """The orders that hold now."""
        return tuple(each for each in self._pools[pool].overrides if each.until > now)

    async def put(self, pool: str, override: Override) -> Override:
        """Take an order in place of an earlier one of its kind, or a prewarming joined with it; what holds then.

        `StoreError`: it could not be stored and does not count.
        """
        async with self._one_at_a_time:
            if override.kind is Kind.PREWARM and override.since is not None:
                override = joined(active(self._pools[pool].overrides, Kind.PREWARM, override.since), override, override.since)
            others = (each for each in self._pools[pool].overrides if each.kind is not override.kind)
            orders = tuple(sorted((*others, override), key=lambda each: each.kind))
            await self._shared(pool, orders)
            await self._store.run(self._store.store.overrides.save, pool, override)
            self._pools[pool].overrides = orders
        log.info("override-set", pool=pool, **told(override))
        return override

    async def clear(self, pool: str, kinds: Iterable[Kind], now: datetime) -> tuple[Override, ...]:
        """End orders before their time; those that held. `StoreError` as in `put`."""
        wanted = frozenset(kinds)
        async with self._one_at_a_time:
            ended = tuple(each for each in self.of(pool, now) if each.kind in wanted)
            orders = tuple(each for each in self._pools[pool].overrides if each.kind not in wanted)
            await self._shared(pool, orders)
            await self._store.run(self._store.store.overrides.remove, pool, wanted)
            self._pools[pool].overrides = orders
        for override in ended:
            log.info("override-cleared", pool=pool, **told(override))
        return ended

    async def _shared(self, pool: str, orders: tuple[Override, ...]) -> None:
        try:
            if self.share is not None:
                await self.share(pool, orders)
        except AdapterError as error:
            raise StoreError(str(error)) from error

    async def expire(self, now: datetime) -> None:
        """Forget what has ended, and say so; plans ignore it anyway."""
        for pool, steered in self._pools.items():
            if not steered.overrides:
                continue
            async with self._one_at_a_time:
                over = [each for each in steered.overrides if each.until <= now]
                if over:
                    await self._store.run(self._store.store.overrides.remove, pool, [each.kind for each in over])
                    steered.overrides = tuple(each for each in steered.overrides if each not in over)
            for override in over:
                log.info("override-expired", pool=pool, **told(override))


def told(override: Override) -> dict[str, Any]:
    """An order as a log line carries it."""
    return {"order": override.order, "until": override.until.isoformat(), "by": override.by, "reason": override.reason}

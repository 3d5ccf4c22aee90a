"""Active overrides of a running daemon: stored over restarts, passed to the reconcilers, and expired."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

import structlog

from adapters.ports.errors import AdapterError
from config.model.policy import PoolPolicy
from controller.decision.planning.overrides_in_force import Kind, Override, active, joined
from controller.store.async_store import AsyncStore
from controller.store.sqlite_file import StoreError

log = structlog.get_logger("stoker.active_overrides")


class Overridable(Protocol):
    """Pool whose plans apply overrides; `Reconciler` implements it."""

    policy: PoolPolicy
    overrides: tuple[Override, ...]


class ActiveOverrides:
    """Active overrides of all pools. An override is in effect from the next plan after it was stored."""

    def __init__(self, pools: Mapping[str, Overridable], store: AsyncStore,
                 publish: Callable[[str, tuple[Override, ...]], Awaitable[None]] | None = None) -> None:
        """`publish`: publishes a pool's overrides for the next leader; None without a lease. It raises `AdapterError`."""
        self._pools, self._store, self._publisher = pools, store, publish
        self._lock = asyncio.Lock()
        """Store and memory change together. Otherwise an expiry could delete a newer override of the same kind from the store."""

    async def restore_from_leader(self, overrides: Mapping[str, tuple[Override, ...]], now: datetime) -> None:
        """Replace this daemon's overrides by those of the last leader, for the pools that have any there."""
        for pool in overrides.keys() & self._pools.keys():
            async with self._lock:
                restored = tuple(each for each in overrides[pool] if each.until > now)
                await self._store.run(self._store.store.overrides.remove, pool, tuple(Kind))
                for override in restored:
                    await self._store.run(self._store.store.overrides.save, pool, override)
                self._pools[pool].overrides = restored
            for override in restored:
                log.info("override-kept", **log_fields(self._pools[pool].policy, override))

    async def load(self, now: datetime) -> None:
        """Load the overrides stored before a restart. Expired ones are deleted, also those of removed pools."""
        for pool, overrides in (await self._store.run(self._store.store.overrides.load)).items():
            if pool in self._pools:
                self._pools[pool].overrides = overrides
            elif expired := [each.kind for each in overrides if each.until <= now]:
                await self._store.run(self._store.store.overrides.remove, pool, expired)
        await self.expire(now)
        for pool, reconciler in self._pools.items():
            for override in reconciler.overrides:
                log.info("override-kept", **log_fields(self._pools[pool].policy, override))

    def of(self, pool: str, now: datetime) -> tuple[Override, ...]:
        """Return the overrides of a pool that are in effect at `now`."""
        return tuple(each for each in self._pools[pool].overrides if each.until > now)

    async def add(self, pool: str, override: Override) -> Override:
        """Add an override and return the one then in effect. It replaces one of its kind; prewarm overrides are merged.

        `StoreError` when it could not be stored or published: it is not in effect then.
        """
        async with self._lock:
            if override.kind is Kind.PREWARM and override.since is not None:
                override = joined(active(self._pools[pool].overrides, Kind.PREWARM, override.since), override, override.since)
            others = (each for each in self._pools[pool].overrides if each.kind is not override.kind)
            overrides = tuple(sorted((*others, override), key=lambda each: each.kind))
            await self._publish(pool, overrides)
            await self._store.run(self._store.store.overrides.save, pool, override)
            self._pools[pool].overrides = overrides
        log.info("override-set", **log_fields(self._pools[pool].policy, override))
        return override

    async def clear(self, pool: str, kinds: Iterable[Kind], now: datetime) -> tuple[Override, ...]:
        """End overrides early and return those that were in effect. `StoreError` as in `add`."""
        wanted = frozenset(kinds)
        async with self._lock:
            ended = tuple(each for each in self.of(pool, now) if each.kind in wanted)
            overrides = tuple(each for each in self._pools[pool].overrides if each.kind not in wanted)
            await self._publish(pool, overrides)
            await self._store.run(self._store.store.overrides.remove, pool, wanted)
            self._pools[pool].overrides = overrides
        for override in ended:
            log.info("override-cleared", **log_fields(self._pools[pool].policy, override))
        return ended

    async def _publish(self, pool: str, overrides: tuple[Override, ...]) -> None:
        try:
            if self._publisher is not None:
                await self._publisher(pool, overrides)
        except AdapterError as error:
            raise StoreError(str(error)) from error

    async def expire(self, now: datetime) -> None:
        """Delete and log expired overrides. Plans ignore them in any case."""
        for pool, reconciler in self._pools.items():
            if not reconciler.overrides:
                continue
            async with self._lock:
                expired = [each for each in reconciler.overrides if each.until <= now]
                if expired:
                    await self._store.run(self._store.store.overrides.remove, pool, [each.kind for each in expired])
                    reconciler.overrides = tuple(each for each in reconciler.overrides if each not in expired)
            for override in expired:
                log.info("override-expired", **log_fields(self._pools[pool].policy, override))


def log_fields(pool: PoolPolicy, override: Override) -> dict[str, Any]:
    """Return the log fields of an override."""
    return {"pool": pool.name, "mode": pool.mode, "override": override.order,
            "until": override.until.isoformat(), "by": override.by, "reason": override.reason}

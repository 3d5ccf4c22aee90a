"""Orphans in a running daemon: detected at the start, read once an hour, and reported until they are gone. None is written."""

import asyncio
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

import structlog

from adapters.kinds import policy_kinds
from adapters.ports.errors import AdapterError, NotFound
from adapters.ports.lever import Lever, Traits
from adapters.runtime.clock import Clock
from config.model.lever import Address
from config.model.policy import PoolPolicy
from controller.decision.planning.pool_state.state import LONG_AGO, PoolState
from controller.redaction.redactor import redact_text
from controller.store.async_store import AsyncStore
from controller.store.managed_capacity import Held, Orphan, dumped, loaded, taken_over
from controller.store.sqlite_file import StoreError

Price = Callable[[PoolPolicy, Traits], float]
KEY = "held"
"""Key of the blob in the store."""

READ_EVERY = timedelta(hours=1)
CALL_SECONDS = 120.0

log = structlog.get_logger("stoker.orphans")


class Levers(Protocol):
    """Factory of levers; `adapters.registry.Registry` implements it."""

    def lever(self, pool: PoolPolicy) -> Lever: ...


class Orphans:
    """Capacity of pools that are no longer in the policy."""

    def __init__(self, held: Held | None = None, pools: Mapping[str, PoolPolicy] | None = None, levers: Levers | None = None,
                 store: AsyncStore | None = None, clock: Clock | None = None, price: Price | None = None) -> None:
        """`price`: returns USD per unit-minute of warm capacity."""
        self.held = held or Held()
        self._pools, self._levers, self._store, self._clock, self._price = pools or {}, levers, store, clock, price
        self.prices: dict[Address, float] = {}
        """USD per unit-minute of warm capacity at each address, as far as it is known."""

    @classmethod
    async def open(cls, pools: Mapping[str, PoolPolicy], levers: Levers, store: AsyncStore, clock: Clock,
                   price: Price | None = None) -> tuple["Orphans", dict[str, PoolState]]:
        """Return the orphans in the store, and the state of each pool of the policy. Log each orphan."""
        states, body = await store.run(store.store.load_states), await store.run(store.store.load_blob, KEY)
        held, states_of_pools = taken_over(loaded(body, policy_kinds().levers), pools, states, clock.now())
        orphans = cls(held, pools, levers, store, clock, price)
        await orphans._save()
        log_orphans(orphans.found)
        return orphans, states_of_pools

    async def follow(self, pools: Mapping[str, PoolPolicy], states: Mapping[str, PoolState]) -> dict[str, PoolState]:
        """Continue with the pools of another policy: those that have left become orphans, and orphans whose resource is in the
        policy again are taken back. `states`: of all pools concerned, by state key. Return the state of each. Log new orphans.
        """
        now = self._clock.now() if self._clock is not None else LONG_AGO
        known = {each.address for each in self.found}
        self.held, assigned = taken_over(self.held, pools, states, now)
        self._pools = pools
        await self._save()
        log_orphans(each for each in self.found if each.address not in known)
        return assigned

    @property
    def found(self) -> tuple[Orphan, ...]:
        """All orphans, as last read."""
        return self.held.orphans

    def shown(self) -> list[dict[str, Any]]:
        """Return the orphans for `/status`."""
        return [{"pool": each.name_beside(self._pools), "lever": each.lever.kind, "resource": each.lever.resource,
                 "account": each.account, "units": each.units, "usd_per_hour": self.usd_per_hour(each),
                 "since": each.since.isoformat(), "text": self.text(each), "error": each.error} for each in self.found]

    def usd_per_hour(self, orphan: Orphan) -> float | None:
        """Return the bill of an orphan's units at list price, in USD per hour; None until the price is known."""
        price = self.prices.get(orphan.address)
        return None if price is None else round(orphan.units * price * 60, 6)

    def text(self, orphan: Orphan) -> str:
        """Return what remains, what it costs, and the remedy."""
        usd = self.usd_per_hour(orphan)
        return text_of(orphan, orphan.name_beside(self._pools)) + ("" if usd is None else f"; bill {usd:.4f} USD per hour")

    def named(self, name: str) -> Orphan | None:
        """Return the orphan that is shown under a name."""
        return next((each for each in self.found if each.name_beside(self._pools) == name), None)

    async def watch(self) -> None:
        """Read the orphans now and then once an hour, until cancelled."""
        while self._clock is not None:
            try:
                await self.refresh()
            except Exception:  # a bug must not stop the readings
                log.exception("orphans-not-read")
            await self._clock.sleep(READ_EVERY.total_seconds())

    async def refresh(self) -> None:
        """Read the capacity of each orphan, and remove those that are gone."""
        for each in self.found:
            now = await self._read(each)
            if now is None:
                log.info("orphan-gone", pool=each.pool, mode="active", resource=each.lever.resource,
                         text="the units that Stoker had set are gone, or another party has set other units")
            await self._replace(each, now)
        await self._save()

    async def forget(self, orphan: Orphan) -> None:
        """Remove an orphan that was released."""
        await self._replace(orphan, None)
        await self._save()

    async def _replace(self, orphan: Orphan, by: Orphan | None) -> None:
        """Replace an orphan; without a replacement, delete its state too."""
        after = (by if each is orphan else each for each in self.found)
        self.held = replace(self.held, orphans=tuple(each for each in after if each is not None))
        if by is None and self._store is not None:
            await self._store.save_state(orphan.name_beside(self._pools), PoolState())

    async def _read(self, orphan: Orphan) -> Orphan | None:
        if self._levers is None:
            return orphan
        policy = policy_of(orphan, self._pools)
        lever = self._levers.lever(policy)
        try:
            async with asyncio.timeout(CALL_SECONDS):
                if self._price is not None and orphan.address not in self.prices:
                    self.prices[orphan.address] = self._price(policy, await lever.traits())
                return orphan.after((await lever.read()).requested)
        except NotFound:
            return None
        except TimeoutError:
            return replace(orphan, error=f"no answer within {CALL_SECONDS:g} s")
        except AdapterError as error:
            return replace(orphan, error=redact_text(str(error)))

    async def _save(self) -> None:
        """Store the orphans with the current date: the store deletes snapshots that are not renewed."""
        if self._store is None or self._clock is None:
            return
        try:
            await self._store.run(self._store.store.save_blob, KEY, dumped(self.held), self._clock.now())
        except StoreError as error:
            log.error("store-failed", error=str(error))  # noqa: TRY400


def policy_of(orphan: Orphan, pools: Container[str], **changes: Any) -> PoolPolicy:  # noqa: ANN401
    """Return a policy for an orphan, with a name that `pools` do not use; in shadow unless `changes` set the mode."""
    settings = {"name": orphan.name_beside(pools), "lever": orphan.lever, "credentials": orphan.credentials,
                "max": max(1, orphan.units)}
    return PoolPolicy.model_validate(settings | changes)


def log_orphans(orphans: Iterable[Orphan]) -> None:
    """Log each orphan."""
    for each in orphans:
        log.warning("orphan", pool=each.pool, mode="active", resource=each.lever.resource, units=each.units,
                    text=text_of(each, each.pool))


def text_of(orphan: Orphan, name: str) -> str:
    """Return what remains at which resource, and the remedy. `name`: under which the orphan is released."""
    account = "" if orphan.account is None else f" of account {orphan.account}"
    return (f"{orphan.units} units that Stoker set on {orphan.lever.resource}{account} remain, and no pool of the policy has "
            f"this resource: run `stoker release {name}` to release them, or add a pool with this lever")

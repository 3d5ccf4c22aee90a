"""Tells providers ahead what to do should this daemon die, and puts it off while it lives.

Each pool's order is renewed when a third to a half of its `after` has passed, spread over the fleet by the pools' names, a few a
minute: never a call per tick per pool. It runs beside the ticks and delays none.
"""

import asyncio
import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from adapters.clock import Clock
from adapters.errors import AdapterError
from adapters.protocol import Decays
from controller.fleet import Fleet
from controller.plan import PoolState
from controller.planning import bounds_now
from controller.reconcile import Reconciler
from controller.redact import redact_text
from controller.store_file import StoreError

MOST_A_ROUND = 40
AT_ONCE = 4

log = structlog.get_logger("stoker.dead_men")


class Memory(Protocol):
    """Where a pool's state is kept."""

    async def save_state(self, pool: str, state: PoolState) -> None:
        """Safe on return."""


class DeadMen:
    """All pools of a fleet whose policy says `dead_man`. `renew` is called once a minute."""

    def __init__(self, fleet: Fleet, clock: Clock, memory: Memory) -> None:
        self._fleet, self._clock, self._memory = fleet, clock, memory
        self.errors: dict[str, str] = {}
        """Pools whose order could not be given, and why."""

    async def renew(self) -> None:
        """Put off what is due, those that would run first before the others."""
        now = self._clock.now()
        due = [each for each in self._fleet.reconcilers.values() if is_due(each, now)]
        due.sort(key=lambda each: (each.state.decays_at is not None, each.state.decays_at or now))
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(each: Reconciler) -> None:
            async with slots:
                await self._renew(each)
        await asyncio.gather(*(one(each) for each in due[:MOST_A_ROUND]))

    async def _renew(self, each: Reconciler) -> None:
        name, dead_man, lever = each.policy.name, each.policy.dead_man, each.lever
        if not isinstance(lever, Decays):
            return
        try:
            if dead_man is None:
                await lever.disarm()
                ordered: tuple[datetime | None, int | None] = None, None
            else:
                at = self._clock.now() + dead_man.after
                ordered = at, most_left(each, at)
                await lever.arm(at, ordered[1] or 1)
        except AdapterError as error:
            self._tell(name, redact_text(str(error)))
            return
        self._tell(name, None)
        if each.adopt(replace(each.state, decays_at=ordered[0], decays_to=ordered[1])):
            try:
                await self._memory.save_state(each.key, each.state)
            except StoreError:  # told by whatever else cannot be stored
                each.not_stored()

    def _tell(self, name: str, error: str | None) -> None:
        """Say once what went wrong, and once that it does no more."""
        before = self.errors.get(name)
        if error is None:
            if self.errors.pop(name, None) is not None:
                log.info("dead-man-set", pool=name)
        elif before is None:
            log.error("dead-man-failed", pool=name, error=error, text="should this daemon die, capacity stays as it is")
        if error is not None:
            self.errors[name] = error


def is_due(each: Reconciler, now: datetime) -> bool:
    """Whether a pool's order must be given, put off or taken back: of an active pool that Stoker has set and nobody else sets."""
    state, policy = each.state, each.policy
    if policy.mode != "active" or not isinstance(each.lever, Decays):
        return False
    if policy.dead_man is None:
        return state.decays_at is not None and each.tenure.barred is None
    if each.tenure.barred is not None:  # another daemon leads, and puts it off
        return False
    ours = state.written is not None or each.tenure.number is not None
    if not ours or each.capacity is None or each.error is not None or state.foreign_since is not None:
        return False
    if each.capacity.foreign_owner is not None:
        return False
    if state.decays_at is None or state.decays_to != most_left(each, state.decays_at):
        return True
    after = policy.dead_man.after
    return state.decays_at - now <= after * 2 / 3 - spread(policy.name, after)


def most_left(each: Reconciler, at: datetime) -> int:
    """The floor in force at an instant; never nothing."""
    return max(1, bounds_now(each.policy, at)[0])


def spread(name: str, after: timedelta) -> timedelta:
    """Up to a sixth of `after`, another for each pool and the same in every run."""
    return after / 6 * (int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest()) / 0xFFFFFFFF)

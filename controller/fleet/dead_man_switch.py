"""Tells providers ahead what to do should this daemon die, and puts it off while it lives.

Each pool's orders are renewed when a third to a half of its `after` has passed, spread over the fleet by the pools' names, a few
a minute: never a call per tick per pool. It runs beside the ticks and delays none. What is ordered:
`controller.decision.planning.dead_man_schedule`.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from adapters.ports.errors import AdapterError
from adapters.ports.lease_store import Unfenced, fenced
from adapters.ports.lever import ScheduledChange, SchedulesFallback
from adapters.runtime.clock import Clock, wait_at_most
from controller.decision.planning.dead_man_schedule import floor_at, scheduled_changes, with_confirmed, with_pending
from controller.decision.planning.pool_state import PoolState
from controller.fleet.fleet import Fleet
from controller.fleet.reconciler import Reconciler
from controller.leadership.leader_term import LeaderTerm
from controller.redaction.redactor import redact_text
from controller.store.sqlite_file import StoreError
from forecasting.demand import minute_of

ROUND_SECONDS = 45.0
"""Nothing more is begun in a round that has lasted so long, nor waited for: the next round is a minute later."""

AT_ONCE = 4
MOST_NAMED = 10

log = structlog.get_logger("stoker.dead_man_switch")


class NextHours(Protocol):
    """The planned capacity of a pool's next hours."""

    @property
    def pairs(self) -> list[list[int]] | None:
        """Minutes from now, and units from then on; None where nothing is planned."""


class Memory(Protocol):
    """Where a pool's state is kept."""

    async def save_state(self, pool: str, state: PoolState) -> None:
        """Safe on return."""


class DeadManSwitch:
    """All pools of a fleet whose policy says `dead_man`. `renew` is called once a minute."""

    def __init__(self, fleet: Fleet, clock: Clock, memory: Memory, tell: Callable[[str, datetime], NextHours]) -> None:
        """`tell`: the plan of a pool's next hours, as `ForecastRotation.capacity_forecast` returns it."""
        self._fleet, self._clock, self._memory, self._tell_plan = fleet, clock, memory, tell
        self.errors: dict[str, str] = {}
        """Pools whose order could not be given, and why."""
        self._tenures: dict[str, LeaderTerm] = {}
        """Under whom each pool was told last: while another daemon led, that one told it otherwise."""
        self._rising: set[str] = set()
        """Pools that this process told to rise."""
        self._warned = False
        self._tasks: list[asyncio.Task[None]] = []
        self._calling: set[str] = set()
        """Pools whose calls are under way."""

    async def renew(self) -> None:
        """Put off what is due, those that would run first before the others; who was told nothing yet, by many calls, last. Calls
        that take longer than a round go on beside the next one.
        """
        now = self._clock.now()
        due = [each for each in self._fleet.reconcilers.values() if is_due(each, now, self._orders) or self._is_amiss(each, now)]
        due.sort(key=lambda each: (not each.state.scheduled_fallback, each.state.scheduled_fallback
                                   and each.state.scheduled_fallback[0]))
        slots, until = asyncio.Semaphore(AT_ONCE), self._clock.monotonic() + ROUND_SECONDS
        begun = [asyncio.create_task(self._in_turn(each, slots, until), name=f"orders {each.policy.name}") for each in due]
        self._tasks += begun
        await wait_at_most(self._clock, begun, ROUND_SECONDS)
        self._warn([each.policy.name for each in due if is_late(each, self._clock.now())])
        ended = [task for task in self._tasks if task.done()]
        self._tasks = [task for task in self._tasks if not task.done()]
        await asyncio.gather(*ended)

    async def close(self) -> bool:
        """Tell nothing more. Whether nothing was being told: what was is cut short, and a call of it may be under way still."""
        quiet = not self._calling
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return quiet

    async def _in_turn(self, each: Reconciler, slots: asyncio.Semaphore, until: float) -> None:
        """Unless the round is over before its turn, or its calls of an earlier round are still under way."""
        name = each.policy.name
        async with slots:
            if name in self._calling or self._clock.monotonic() >= until:
                return
            self._calling.add(name)
            try:
                await self._renew(each)
            finally:
                self._calling.discard(name)

    async def _renew(self, each: Reconciler) -> None:
        name, lever = each.policy.name, each.lever
        if not isinstance(lever, SchedulesFallback):
            return
        tenure = each.tenure
        if self._tenures.get(name) is not tenure:
            lever.forget()
        orders = self._orders(each)
        await self._remember(each, with_pending(each.state, orders, self._clock.now()))
        try:
            with fenced(await tenure.fence_ahead(name, each.state)):
                await (lever.arm(orders) if orders else lever.disarm())
        except Unfenced:  # whoever leads tells it: this one anew, or the next
            return
        except AdapterError as error:
            self._tell(name, redact_text(str(error)))
            return
        self._tell(name, None)
        if each.tenure is not tenure:  # who leads now has told it otherwise, or will
            return
        self._tenures[name] = tenure
        (self._rising.add if any(order.least for order in orders) else self._rising.discard)(name)
        await self._remember(each, with_confirmed(each.state, orders, self._clock.now()))
        await tenure.settled_ahead(name, each.state)

    async def _remember(self, each: Reconciler, state: PoolState) -> None:
        if each.accept_state(state):
            try:
                await self._memory.save_state(each.key, state)
            except StoreError:  # told by whatever else cannot be stored
                each.mark_unsaved()

    def _orders(self, each: Reconciler) -> tuple[ScheduledChange, ...]:
        """What a pool's provider is to do; nothing where it is not to be told. Nobody watches then, so that money is not spent up
        to a limit, and what an operator holds down does not rise.
        """
        now, policy = self._clock.now(), each.policy
        if policy.dead_man is None or not is_wanted(each):
            return ()
        limited = policy.budget_usd_per_month is not None or self._fleet.limiter.limits.in_usd
        most = each.capacity.requested if each.capacity is not None and (limited or is_steered(each, now)) else None
        pairs = self._tell_plan(policy.name, now).pairs or []
        steps = [(minute_of(now) + minutes, units) for minutes, units in pairs]
        return scheduled_changes(policy, now + policy.dead_man.after, steps, most, each.state.scheduled_fallback)

    def _is_amiss(self, each: Reconciler, now: datetime) -> bool:
        """Whether a pool must be told at once: to rise no more, now that an operator steers, where this process or one before has
        told it to rise; or nothing at all, where Stoker has set nothing and an earlier process, whose store is lost, may have
        told it something.
        """
        name = each.policy.name
        if each.policy.mode != "active" or each.policy.dead_man is None or each.tenure.write_blocked is not None:
            return False
        if not is_wanted(each):
            return name not in self._tenures and each.capacity is not None and isinstance(each.lever, SchedulesFallback)
        may_rise = name in self._rising or (self._tenures.get(name) is not each.tenure and len(each.state.scheduled_fallback) > 1)
        return may_rise and is_steered(each, now)

    def _warn(self, late: Sequence[str]) -> None:
        """Say once that calls do not suffice, and anew once they have."""
        if late and not self._warned:
            log.error("fallback-late", pools=late[:MOST_NAMED], total=len(late),
                      text="not renewed in time: it may run although the daemon runs; a longer `after` needs fewer calls")
        self._warned = bool(late)

    def _tell(self, name: str, error: str | None) -> None:
        """Say once what went wrong, and once that it does no more."""
        before = self.errors.get(name)
        if error is None:
            if self.errors.pop(name, None) is not None:
                log.info("fallback-set", pool=name)
        elif before is None:
            log.error("fallback-failed", pool=name, error=error, text="what was ordered before, if anything, is done at its time")
        if error is not None:
            self.errors[name] = error


def is_due(each: Reconciler, now: datetime, orders_of: Callable[[Reconciler], Sequence[ScheduledChange]]) -> bool:
    """Whether a pool's orders, which `orders_of` tells, must be given, put off or taken back: of an active pool, by who leads."""
    state, policy = each.state, each.policy
    if policy.mode != "active" or not isinstance(each.lever, SchedulesFallback) or each.tenure.write_blocked is not None:
        return False
    if policy.dead_man is None or not is_wanted(each):  # what somebody else set is not to be undone by what was ordered before
        return bool(state.scheduled_fallback or state.pending_fallback)
    if each.capacity is None:
        return False
    if not state.scheduled_fallback:
        return each.error is None  # what was ordered is put off also while readings fail
    if state.scheduled_fallback[-1][1] != floor_at(policy, state.scheduled_fallback[-1][0]):
        return True
    if len(state.scheduled_fallback) == 1 and len(orders_of(each)) > 1:  # set to the floor before the plan was known
        return True
    left, after = state.scheduled_fallback[0][0] - now, policy.dead_man.after
    return left > after or left <= after * 2 / 3 - spread(policy.name, after)  # later than ever: `after` was longer


def is_wanted(each: Reconciler) -> bool:
    """Whether a pool's provider is to be told anything at all: Stoker has set the pool, and nobody else sets it."""
    foreign = each.state.foreign_since is not None or (each.capacity is not None and each.capacity.foreign_owner is not None)
    return each.policy.dead_man is not None and not foreign and each.state.written is not None


def is_late(each: Reconciler, now: datetime) -> bool:
    """Whether what a pool's provider was told runs soon, and long after it was to be put off."""
    dead_man, scheduled_fallback = each.policy.dead_man, each.state.scheduled_fallback
    return dead_man is not None and bool(scheduled_fallback) and scheduled_fallback[0][0] - now < dead_man.after / 6


def is_steered(each: Reconciler, now: datetime) -> bool:
    """Whether an operator's order holds."""
    return any(order.until > now for order in each.overrides)


def spread(name: str, after: timedelta) -> timedelta:
    """Up to a sixth of `after`, another for each pool and the same in every run."""
    return after / 6 * (int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest()) / 0xFFFFFFFF)

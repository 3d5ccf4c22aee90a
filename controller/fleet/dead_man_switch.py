"""Dead man's switch: schedules a fallback at providers, in case this daemon stops, and renews it while the daemon runs.

The fallback of each pool is renewed when a third to a half of its `after` has passed, spread over the fleet by the names of the
pools: a few calls a minute, not one call per tick and pool. It runs concurrently with the ticks and delays none.
`controller.decision.planning.dead_man.schedule` has the scheduled changes, `dead_man.action` decides when to send them.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog

from adapters.ports.errors import AdapterError
from adapters.ports.lease_store import Unfenced, fenced
from adapters.ports.lever import ScheduledChange, SchedulesFallback
from adapters.runtime.clock import Clock, wait_at_most
from controller.decision.planning.dead_man.action import FallbackInputs, action_due, is_late
from controller.decision.planning.dead_man.schedule import scheduled_changes, with_confirmed, with_pending
from controller.decision.planning.pool_state.state import PoolState
from controller.fleet.fleet import Fleet
from controller.fleet.reconciler import Reconciler
from controller.leadership.leader_term import LeaderTerm
from controller.redaction.redactor import redact_text
from controller.store.sqlite_file import StoreError
from forecasting.demand import minute_of

ROUND_SECONDS = 45.0
"""Duration of a round: no pool is started or awaited after it. The next round starts after one minute."""

AT_ONCE = 4
MOST_NAMED = 10
NEVER = datetime.max.replace(tzinfo=UTC)

log = structlog.get_logger("stoker.dead_man_switch")


class CapacityPlan(Protocol):
    """Planned capacity of a pool's next hours."""

    @property
    def pairs(self) -> list[list[int]] | None:
        """Minutes from now, each with the units from then on; None where there is no plan."""


class Memory(Protocol):
    """Store of pool states."""

    async def save_state(self, pool: str, state: PoolState) -> None:
        """Store a state; it is stored on return."""


class DeadManSwitch:
    """Fallbacks of all pools whose policy has `dead_man`. `renew` runs once a minute."""

    def __init__(self, fleet: Fleet, clock: Clock, memory: Memory,
                 capacity_plan: Callable[[str, datetime], CapacityPlan]) -> None:
        """`capacity_plan`: returns the planned capacity of a pool, as `ForecastRotation.capacity_forecast` does."""
        self._fleet, self._clock, self._memory, self._capacity_plan = fleet, clock, memory, capacity_plan
        self.errors: dict[str, str] = {}
        """Pools whose fallback could not be set, with the error."""
        self._sent_in: dict[str, LeaderTerm] = {}
        """Term in which this process last sent each pool's fallback; another leader may have changed it since."""
        self._raising: set[str] = set()
        """Pools whose fallback, as sent by this process, raises capacity."""
        self._warned = False
        self._tasks: list[asyncio.Task[None]] = []
        self._calling: set[str] = set()
        """Pools whose calls are in progress."""

    async def renew(self) -> None:
        """Send the fallbacks that are due: those that run first before the others, and pools without one last. Calls that take
        longer than a round continue during the next one.
        """
        now = self._clock.now()
        due = [each for each in self._fleet.reconcilers.values()
               if self._may_send(each) and action_due(self._inputs(each, now), now) is not None]
        due.sort(key=first_change)
        slots, until = asyncio.Semaphore(AT_ONCE), self._clock.monotonic() + ROUND_SECONDS
        started = [asyncio.create_task(self._send_in_turn(each, slots, until), name=f"orders {each.policy.name}") for each in due]
        self._tasks += started
        await wait_at_most(self._clock, started, ROUND_SECONDS)
        self._warn([each.policy.name for each in due if is_late(each.policy, each.state, self._clock.now())])
        ended = [task for task in self._tasks if task.done()]
        self._tasks = [task for task in self._tasks if not task.done()]
        await asyncio.gather(*ended)

    async def close(self) -> bool:
        """Cancel all calls. Return whether none was in progress: a cancelled call may still take effect."""
        quiet = not self._calling
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return quiet

    async def _send_in_turn(self, each: Reconciler, slots: asyncio.Semaphore, until: float) -> None:
        """Send a pool's fallback, unless the round is over or calls of an earlier round are still in progress."""
        name = each.policy.name
        async with slots:
            if name in self._calling or self._clock.monotonic() >= until:
                return
            self._calling.add(name)
            try:
                await self._send(each)
            finally:
                self._calling.discard(name)

    async def _send(self, each: Reconciler) -> None:
        name, lever, term = each.policy.name, each.lever, each.term
        if not isinstance(lever, SchedulesFallback):
            return
        if self._sent_in.get(name) is not term:
            lever.forget()
        changes = self._changes(each)
        await self._save(each, with_pending(each.state, changes, self._clock.now()))
        try:
            with fenced(await term.fence_fallback(name, each.state)):
                await (lever.arm(changes) if changes else lever.disarm())
        except Unfenced:  # the leader sends it: this daemon in its next term, or another
            return
        except AdapterError as error:
            self._note_error(name, redact_text(str(error)))
            return
        self._note_success(name)
        if each.term is not term:  # the new leader has sent another fallback, or will
            return
        self._sent_in[name] = term
        if any(change.least for change in changes):
            self._raising.add(name)
        else:
            self._raising.discard(name)
        await self._save(each, with_confirmed(each.state, changes, self._clock.now()))
        await term.publish_fallback(name, each.state)

    async def _save(self, each: Reconciler, state: PoolState) -> None:
        if each.accept_state(state):
            try:
                await self._memory.save_state(each.key, state)
            except StoreError:  # the fleet reports the store
                each.mark_unsaved()

    def _may_send(self, each: Reconciler) -> bool:
        return each.policy.mode == "active" and isinstance(each.lever, SchedulesFallback) and each.term.write_blocked is None

    def _inputs(self, each: Reconciler, now: datetime) -> FallbackInputs:
        name, scheduled = each.policy.name, each.state.scheduled_fallback
        may_raise = name in self._raising or (self._sent_in.get(name) is not each.term and len(scheduled) > 1)
        return FallbackInputs(each.policy, each.state, each.capacity, is_readable=each.error is None,
                              has_override=has_override(each, now), was_sent=name in self._sent_in, may_raise=may_raise,
                              has_new_plan=len(scheduled) == 1 and len(self._changes(each)) > 1)

    def _changes(self, each: Reconciler) -> tuple[ScheduledChange, ...]:
        """Return the changes to schedule; none where no fallback is needed. Where money is limited or an override is in force,
        they raise nothing: no daemon runs then to stop at the limit or to follow the override.
        """
        now, policy = self._clock.now(), each.policy
        if policy.dead_man is None or not FallbackInputs(policy, each.state, each.capacity).is_managed:
            return ()
        limited = policy.budget_usd_per_month is not None or self._fleet.limiter.limits.in_usd
        most = each.capacity.requested if each.capacity is not None and (limited or has_override(each, now)) else None
        pairs = self._capacity_plan(policy.name, now).pairs or []
        steps = [(minute_of(now) + minutes, units) for minutes, units in pairs]
        return scheduled_changes(policy, now + policy.dead_man.after, steps, most, each.state.scheduled_fallback)

    def _warn(self, late: Sequence[str]) -> None:
        """Log once that calls take too long to renew in time, and again after they were in time."""
        if late and not self._warned:
            log.error("fallback-late", mode="active", pools=late[:MOST_NAMED], total=len(late),
                      text="not renewed in time: it may run although the daemon runs; a longer `after` needs fewer calls")
        self._warned = bool(late)

    def _note_error(self, name: str, error: str) -> None:
        """Keep the error, and log it once."""
        if name not in self.errors:
            log.error("fallback-failed", pool=name, mode="active", error=error, text="a fallback scheduled before stays in force")
        self.errors[name] = error

    def _note_success(self, name: str) -> None:
        """Forget the error, and log that once."""
        if self.errors.pop(name, None) is not None:
            log.info("fallback-set", pool=name, mode="active")


def first_change(each: Reconciler) -> tuple[bool, datetime]:
    """Return the sort key of pools: the time of the first scheduled change; pools without one are last."""
    scheduled = each.state.scheduled_fallback
    return not scheduled, scheduled[0][0] if scheduled else NEVER


def has_override(each: Reconciler, now: datetime) -> bool:
    """Return whether an override is in force."""
    return any(override.until > now for override in each.overrides)

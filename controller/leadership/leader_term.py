"""Term of one leader: its fencing number, and what the leader before left for each pool."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from adapters.ports.lease_store import Fence, Unfenced
from controller.decision.planning.pool_state.state import PoolState
from controller.leadership.handover import AHEAD, INTENT, UNKNOWN, FallbackState, LastWrite


class LeaseGuard(Protocol):
    """Check of the lease; `controller.leadership.leader_election.LeaderElection` implements it."""

    def write_blocked(self, number: int | None) -> str | None:
        """Return why nothing may be written under `number` now; None when writes are allowed."""

    def check(self, number: int) -> None:
        """Raise `adapters.ports.lease_store.Unfenced` when nothing may be written under `number` any more."""

    async def publish(self, number: int, texts: Mapping[str, str]) -> None:
        """Store texts for the next leader. Raise `adapters.ports.lease_store.Unfenced` when `number` is not the newest."""


@dataclass(frozen=True, eq=False)
class LeaderTerm:
    """Period from one change of leader to the next, for this daemon.

    `number`: its fencing number; None while another daemon leads or the leader is unknown. `last_writes` and `fallbacks`: records
    of the leader before, by pool. `guard`: None without a lease.
    """

    guard: LeaseGuard | None
    number: int | None = None
    last_writes: Mapping[str, LastWrite] = field(default_factory=dict)
    fallbacks: Mapping[str, FallbackState] = field(default_factory=dict)

    @property
    def write_blocked(self) -> str | None:
        """Why nothing may be written now; None when writes are allowed."""
        return None if self.guard is None else self.guard.write_blocked(self.number)

    async def fence(self, pool: str, target: int, state: PoolState, at: datetime) -> Fence | None:
        """Publish a write for the next leader, which also detects a lost lease. Return the fence to check right before the write.
        Raise `Unfenced` when it must not be sent.
        """
        last_write = LastWrite(target, state.written, at, self.number or 0, state.original_requested)
        return await self._fence({f"{INTENT}{pool}": last_write.text})

    async def publish_confirmed(self, pool: str, state: PoolState, now: datetime) -> bool:
        """Publish the confirmed write in `state` for the next leader. Return whether it was published."""
        units, at = state.written, state.written_at or now
        last_write = LastWrite(units, units, at, self.number or 0, state.original_requested)
        return await self._try_publish({f"{INTENT}{pool}": last_write.text})

    def confirmed_units(self, pool: str) -> int | None:
        """Return the units that the lease store has as written by Stoker; `UNKNOWN` where a write was not confirmed."""
        last_write = self.last_writes.get(pool)
        if last_write is None:
            return None
        return last_write.before if last_write.before == last_write.target else UNKNOWN

    async def fence_fallback(self, pool: str, state: PoolState) -> Fence | None:
        """Publish a fallback before it is sent, as `fence` does: `state` as `dead_man.schedule.with_pending` returns it."""
        return await self._fence({f"{AHEAD}{pool}": FallbackState.of(state).text})

    async def publish_fallback(self, pool: str, state: PoolState) -> None:
        """Publish a confirmed fallback, so that the next leader need not renew it at once."""
        await self._try_publish({f"{AHEAD}{pool}": FallbackState.of(state).text})

    async def _fence(self, texts: Mapping[str, str]) -> Fence | None:
        await self._publish(texts)
        guard, number = self.guard, self.number or 0
        if guard is None:
            return None
        fence = Fence(number, lambda: guard.check(number))
        fence.check()
        return fence

    async def _try_publish(self, texts: Mapping[str, str]) -> bool:
        try:
            await self._publish(texts)
        except Unfenced:
            return False
        return True

    async def _publish(self, texts: Mapping[str, str]) -> None:
        if self.guard is not None:
            await self.guard.publish(self.number or 0, texts)

    def state(self, pool: str, state: PoolState) -> PoolState:
        """Return a pool's state at the start of this term.

        A standby does not know the leader's writes and must not take them for foreign ones. A leader takes over the last write as
        one whose outcome is unknown; the next reading shows the outcome.
        """
        if self.number is None:
            return replace(state, written=None, intent=None, unconfirmed_writes=(), scheduled_fallback=(), pending_fallback=(),
                           foreign_since=None, foreign_requested=None)
        last, fallback = self.last_writes.get(pool), self.fallbacks.get(pool)
        if fallback is not None:
            state = replace(state, scheduled_fallback=fallback.scheduled_fallback, pending_fallback=fallback.pending_fallback,
                            unconfirmed_writes=fallback.unconfirmed_writes)
        if last is None:
            return state
        if last.target is None:
            return replace(state, written=None, intent=None, original_requested=None, foreign_since=None, foreign_requested=None)
        lowered = last.before is not None and last.target < last.before
        return replace(state, written=last.before, written_at=last.at, intent=last.target, foreign_since=None,
                       foreign_requested=None, original_requested=last.original_requested,
                       raised_at=state.raised_at if lowered else last.at)

    def units(self, state: PoolState) -> int:
        """Return the units that this daemon keeps warm itself where no provider does; 0 for a standby."""
        return 0 if self.number is None else state.units_to_resume


NO_LEASE = LeaderTerm(None)
"""Term of a daemon without a lease, and of pools in shadow: writes are allowed, and nothing is published."""

"""What the time of one leader means to the pools: the number under which they write, and what the leader before left behind."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from adapters.ports.lease_store import Fence, Unfenced
from controller.decision.planning.pool_state import PoolState
from controller.leadership.handover import AHEAD, INTENT, UNKNOWN, FallbackState, LastWrite


class LeaseGuard(Protocol):
    """What knows who leads; `controller.leadership.leader_election.LeaderElection` does."""

    def write_blocked(self, number: int | None) -> str | None:
        """Why nothing may be written under `number` now; None when it may."""

    def check(self, number: int) -> None:
        """`adapters.ports.lease_store.Unfenced` when nothing may be written under `number` any more."""

    async def share(self, number: int, texts: Mapping[str, str]) -> None:
        """Keep texts for the next leader; `adapters.ports.lease_store.Unfenced` when `number` is not the newest any more."""


@dataclass(frozen=True, eq=False)
class LeaderTerm:
    """From one change of leader to the next, as this daemon sees it. `number`: under which it leads; None: another does, or it
    is not known yet who does. `left`, `ahead`: by pool. `helm`: None where no lease is shared.
    """

    helm: LeaseGuard | None
    number: int | None = None
    left: Mapping[str, LastWrite] = field(default_factory=dict)
    ahead: Mapping[str, FallbackState] = field(default_factory=dict)

    @property
    def write_blocked(self) -> str | None:
        """Why nothing may be written now; None when it may."""
        return None if self.helm is None else self.helm.write_blocked(self.number)

    async def fence(self, pool: str, target: int, state: PoolState, at: datetime) -> Fence | None:
        """Tell the lease store of a write, so that the next leader knows of it and one that leads no more is found out; what the
        write must pass once more right before it is sent. `Unfenced` when it must not be sent.
        """
        left = LastWrite(target, state.written, at, self.number or 0, state.original_requested)
        return await self._fence({f"{INTENT}{pool}": left.text})

    async def settled(self, pool: str, state: PoolState, now: datetime) -> bool:
        """What `state` says is there of ours, if anything, is so: told for the next leader's sake. Whether it was."""
        left = LastWrite(state.written, state.written, state.written_at or now, self.number or 0, state.original_requested)
        return await self._told({f"{INTENT}{pool}": left.text})

    def known(self, pool: str) -> int | None:
        """What the lease store says is there of ours; `UNKNOWN` where it says that something else was asked for."""
        left = self.left.get(pool)
        if left is None:
            return None
        return left.before if left.before == left.target else UNKNOWN

    async def fence_ahead(self, pool: str, state: PoolState) -> Fence | None:
        """As `fence`, before the scheduled fallback is sent: `state` as `dead_man_schedule.with_pending` makes it."""
        return await self._fence({f"{AHEAD}{pool}": FallbackState.of(state).text})

    async def settled_ahead(self, pool: str, state: PoolState) -> None:
        """The provider was told: who leads next need not tell it anew at once."""
        await self._told({f"{AHEAD}{pool}": FallbackState.of(state).text})

    async def _fence(self, texts: Mapping[str, str]) -> Fence | None:
        await self._share(texts)
        helm, number = self.helm, self.number or 0
        if helm is None:
            return None
        fence = Fence(number, lambda: helm.check(number))
        fence.check()
        return fence

    async def _told(self, texts: Mapping[str, str]) -> bool:
        try:
            await self._share(texts)
        except Unfenced:
            return False
        return True

    async def _share(self, texts: Mapping[str, str]) -> None:
        if self.helm is not None:
            await self.helm.share(self.number or 0, texts)

    def state(self, pool: str, state: PoolState) -> PoolState:
        """What to remember of a pool from now on. One that stands by knows nothing of the leader's writes, and must not take
        them for foreign. One that leads takes the last write for one whose outcome is not known: the next reading tells.
        """
        if self.number is None:
            return replace(state, written=None, intent=None, unconfirmed_writes=(), scheduled_fallback=(), pending_fallback=(),
                           foreign_since=None, foreign_requested=None)
        left, ahead = self.left.get(pool), self.ahead.get(pool)
        if ahead is not None:
            state = replace(state, scheduled_fallback=ahead.scheduled_fallback, pending_fallback=ahead.pending_fallback,
                            unconfirmed_writes=ahead.unconfirmed_writes)
        if left is None:
            return state
        if left.target is None:
            return replace(state, written=None, intent=None, original_requested=None, foreign_since=None, foreign_requested=None)
        fell = left.before is not None and left.target < left.before
        return replace(state, written=left.before, written_at=left.at, intent=left.target, foreign_since=None,
                       foreign_requested=None, original_requested=left.original_requested, raised_at=state.raised_at if fell
                       else left.at)

    def units(self, state: PoolState) -> int:
        """How many units this daemon is to keep by itself where no provider keeps them."""
        sent = state.written if state.intent is None else state.intent
        return 0 if self.number is None else sent or 0


NO_LEASE = LeaderTerm(None)
"""Of a daemon that shares no lease, and of pools in shadow: everything may be written, and nobody is told."""

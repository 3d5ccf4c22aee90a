"""What the time of one leader means to the pools: the number under which they write, and what the leader before left behind."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from adapters.lease import Fence, Unfenced
from controller.plan import PoolState

INTENT, ORDERS = "intent/", "orders/"
"""Keys of what leaders share begin with one of these; the pool's name follows."""


class Helm(Protocol):
    """What knows who leads; `controller.leadership.Leadership` does."""

    def barred(self, number: int | None) -> str | None:
        """Why nothing may be written under `number` now; None when it may."""

    def check(self, number: int) -> None:
        """`adapters.lease.Unfenced` when nothing may be written under `number` any more."""

    async def share(self, number: int, texts: Mapping[str, str]) -> None:
        """Keep texts for the next leader; `adapters.lease.Unfenced` when `number` is not the newest any more."""


@dataclass(frozen=True, slots=True)
class Left:
    """The last write that a leader meant to send for a pool: `target` in place of `before`, which was its last known write. Both
    are the same once the provider has taken it. `found`: what stood there before Stoker.
    """

    target: int
    before: int | None
    at: datetime
    number: int
    found: int | None = None

    @property
    def text(self) -> str:
        """As it is shared."""
        return json.dumps({"target": self.target, "before": self.before, "at": self.at.isoformat(), "number": self.number,
                           "found": self.found})


@dataclass(frozen=True, eq=False)
class Tenure:
    """From one change of leader to the next, as this daemon sees it. `number`: under which it leads; None: another does, or it
    is not known yet who does. `left`: by pool. `helm`: None where no lease is shared.
    """

    helm: Helm | None
    number: int | None = None
    left: Mapping[str, Left] = field(default_factory=dict)

    @property
    def barred(self) -> str | None:
        """Why nothing may be written now; None when it may."""
        return None if self.helm is None else self.helm.barred(self.number)

    async def fence(self, pool: str, target: int, state: PoolState, at: datetime) -> Fence | None:
        """Tell the lease store of a write, so that the next leader knows of it and one that leads no more is found out; what the
        write must pass once more right before it is sent. `Unfenced` when it must not be sent.
        """
        helm, number = self.helm, self.number or 0
        if helm is None:
            return None
        await helm.share(number, {f"{INTENT}{pool}": Left(target, state.written, at, number, state.found).text})
        fence = Fence(number, lambda: helm.check(number))
        fence.check()
        return fence

    async def settled(self, pool: str, target: int, state: PoolState, at: datetime) -> None:
        """The provider took it: told for the next leader's sake, who finds it out by itself otherwise, but for the very first."""
        if self.helm is None:
            return
        number = self.number or 0
        with suppress(Unfenced):
            await self.helm.share(number, {f"{INTENT}{pool}": Left(target, target, at, number, state.found).text})

    def state(self, pool: str, state: PoolState) -> PoolState:
        """What to remember of a pool from now on. One that stands by knows nothing of the leader's writes, and must not take
        them for foreign. One that leads takes the last write for one whose outcome is not known: the next reading tells.
        """
        if self.number is None:
            return replace(state, written=None, intent=None, doubts=(), foreign_since=None, foreign_requested=None)
        left = self.left.get(pool)
        if left is None:
            return state
        fell = left.before is not None and left.target < left.before
        return replace(state, written=left.before, written_at=left.at, intent=left.target, doubts=(), foreign_since=None,
                       foreign_requested=None, found=left.found, raised_at=state.raised_at if fell else left.at)

    def units(self, state: PoolState) -> int:
        """How many units this daemon is to keep by itself where no provider keeps them."""
        sent = state.written if state.intent is None else state.intent
        return 0 if self.number is None else sent or 0


ALONE = Tenure(None)
"""Of a daemon that shares no lease, and of pools in shadow: everything may be written, and nobody is told."""


def left_of(texts: Mapping[str, str]) -> dict[str, Left]:
    """By pool, out of what leaders have shared; what cannot be read is left out, as from another version."""
    found = {}
    for key, text in texts.items():
        if key.startswith(INTENT):
            try:
                body = json.loads(text)
                found[key.removeprefix(INTENT)] = Left(int(body["target"]), body["before"], datetime.fromisoformat(body["at"]),
                                                       int(body["number"]), body["found"])
            except (KeyError, TypeError, ValueError):
                continue
    return found

"""What the time of one leader means to the pools: the number under which they write, and what the leader before left behind."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from adapters.lease import Fence, Unfenced
from controller.plan import PoolState

T = TypeVar("T")
Timed = tuple[tuple[datetime, int], ...]
UNKNOWN = -1
"""No number of units that the lease store could say is ours: it must be told."""
INTENT, AHEAD, ORDERS = "intent/", "ahead/", "orders/"
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
    are the same once the provider has taken it, and None once the pool was given back. `found`: what stood there before Stoker.
    """

    target: int | None
    before: int | None
    at: datetime
    number: int
    found: int | None = None

    @property
    def text(self) -> str:
        """As it is shared."""
        return json.dumps({"target": self.target, "before": self.before, "at": self.at.isoformat(), "number": self.number,
                           "found": self.found})


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a leader has told a pool's provider to do later, what it may have told it besides, and what may have been done that
    nobody has seen: as `PoolState` has them.
    """

    decays: Timed = ()
    telling: Timed = ()
    doubts: Timed = ()

    @classmethod
    def of(cls, state: PoolState) -> "Ahead":
        """As the pool's state has it."""
        return cls(state.decays, state.telling, state.doubts)

    @property
    def text(self) -> str:
        """As it is shared."""
        lists = {"decays": self.decays, "telling": self.telling, "doubts": self.doubts}
        return json.dumps({name: [(at.isoformat(), units) for at, units in each] for name, each in lists.items()})


@dataclass(frozen=True, eq=False)
class Tenure:
    """From one change of leader to the next, as this daemon sees it. `number`: under which it leads; None: another does, or it
    is not known yet who does. `left`, `ahead`: by pool. `helm`: None where no lease is shared.
    """

    helm: Helm | None
    number: int | None = None
    left: Mapping[str, Left] = field(default_factory=dict)
    ahead: Mapping[str, Ahead] = field(default_factory=dict)

    @property
    def barred(self) -> str | None:
        """Why nothing may be written now; None when it may."""
        return None if self.helm is None else self.helm.barred(self.number)

    async def fence(self, pool: str, target: int, state: PoolState, at: datetime) -> Fence | None:
        """Tell the lease store of a write, so that the next leader knows of it and one that leads no more is found out; what the
        write must pass once more right before it is sent. `Unfenced` when it must not be sent.
        """
        left = Left(target, state.written, at, self.number or 0, state.found)
        return await self._fence({f"{INTENT}{pool}": left.text})

    async def settled(self, pool: str, state: PoolState, now: datetime) -> bool:
        """What `state` says is there of ours, if anything, is so: told for the next leader's sake. Whether it was."""
        left = Left(state.written, state.written, state.written_at or now, self.number or 0, state.found)
        return await self._told({f"{INTENT}{pool}": left.text})

    def known(self, pool: str) -> int | None:
        """What the lease store says is there of ours; `UNKNOWN` where it says that something else was asked for."""
        left = self.left.get(pool)
        if left is None:
            return None
        return left.before if left.before == left.target else UNKNOWN

    async def fence_ahead(self, pool: str, state: PoolState) -> Fence | None:
        """As `fence`, of what the provider is about to be told to do later: `state` as `last_orders.about_to_tell` makes it."""
        return await self._fence({f"{AHEAD}{pool}": Ahead.of(state).text})

    async def settled_ahead(self, pool: str, state: PoolState) -> None:
        """The provider was told: who leads next need not tell it anew at once."""
        await self._told({f"{AHEAD}{pool}": Ahead.of(state).text})

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
            return replace(state, written=None, intent=None, doubts=(), decays=(), telling=(), foreign_since=None,
                           foreign_requested=None)
        left, ahead = self.left.get(pool), self.ahead.get(pool)
        if ahead is not None:
            state = replace(state, decays=ahead.decays, telling=ahead.telling, doubts=ahead.doubts)
        if left is None:
            return state
        if left.target is None:
            return replace(state, written=None, intent=None, found=None, foreign_since=None, foreign_requested=None)
        fell = left.before is not None and left.target < left.before
        return replace(state, written=left.before, written_at=left.at, intent=left.target, foreign_since=None,
                       foreign_requested=None, found=left.found, raised_at=state.raised_at if fell else left.at)

    def units(self, state: PoolState) -> int:
        """How many units this daemon is to keep by itself where no provider keeps them."""
        sent = state.written if state.intent is None else state.intent
        return 0 if self.number is None else sent or 0


ALONE = Tenure(None)
"""Of a daemon that shares no lease, and of pools in shadow: everything may be written, and nobody is told."""


def left_of(texts: Mapping[str, str]) -> dict[str, Left]:
    """By pool, out of what leaders have shared."""
    def parsed(body: Any) -> Left:  # noqa: ANN401
        target = None if body["target"] is None else int(body["target"])
        return Left(target, body["before"], datetime.fromisoformat(body["at"]), int(body["number"]), body["found"])

    return shared(texts, INTENT, parsed)


def ahead_of(texts: Mapping[str, str]) -> dict[str, Ahead]:
    """By pool, out of what leaders have shared."""
    def parsed(body: Any) -> Ahead:  # noqa: ANN401
        return Ahead(**{name: tuple((datetime.fromisoformat(at), int(units)) for at, units in body[name])
                        for name in ("decays", "telling", "doubts")})

    return shared(texts, AHEAD, parsed)


def shared(texts: Mapping[str, str], kind: str, parsed: Callable[[Any], T]) -> dict[str, T]:
    """By pool, what leaders have shared under keys that begin with `kind`; what cannot be read is left out, as from another
    version.
    """
    found = {}
    for key, text in texts.items():
        if key.startswith(kind):
            try:
                found[key.removeprefix(kind)] = parsed(json.loads(text))
            except (KeyError, TypeError, ValueError):
                continue
    return found

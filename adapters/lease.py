"""The port to a store that several daemons share: who leads, under which number, and what a successor must know of the leader.

The store does not judge time. Whoever waits for a lease judges by a clock of its own that the leader has not renewed it for a
whole term; so nothing depends on two machines' clocks agreeing. Each change of leader has a higher number: the fencing number.

Here, too, is how a write learns right before it is sent whether it still may be: providers cannot check fencing numbers.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

from adapters.errors import AdapterError


@dataclass(frozen=True, slots=True)
class Lease:
    """Who leads, as the store has it. `holder`: the name of one process, empty once it gave the lease back. `url`: where it
    answers. `renewal`: another one each time that the holder says it is alive.
    """

    holder: str
    url: str
    number: int
    renewal: int


class LeaseStore(Protocol):
    """Keeps one lease, and texts by key that only its holder may change. Each change is one atomic step in the store.

    Every method raises `AdapterError` where the store gave no usable answer: what was asked for may have happened or may still.
    """

    async def read(self) -> Lease | None:
        """The lease as it is now, never an older one; None before anybody had it."""

    async def take(self, seen: Lease | None, wanted: Lease) -> bool:
        """Put `wanted` in the place of `seen`, if exactly that is still there; whether it was."""

    async def renew(self, renewed: Lease) -> bool:
        """Put `renewed` in place of what its holder had under the same number; False when that is not so any more."""

    async def keep(self, lease: Lease, texts: Mapping[str, str]) -> bool:
        """Store `texts`, all or none, if `lease` has the number that is still the newest; whether it has."""

    async def kept(self) -> Mapping[str, str]:
        """All texts by key."""

    async def close(self) -> None:
        """Let go of connections and threads."""


class Unfenced(AdapterError):
    """This daemon may not write any more: nothing was sent."""

    code = "lease-lost"


@dataclass(frozen=True, slots=True)
class Fence:
    """The number that a write carries, and what raises `Unfenced` where it may not be sent any more."""

    number: int
    check: Callable[[], None]


_FENCES: WeakKeyDictionary[asyncio.Task[object], Fence] = WeakKeyDictionary()


@contextmanager
def fenced(fence: Fence | None) -> Iterator[None]:
    """Every write of this task is under `fence` for a while. Tasks that it begins are not: what they send later is their own."""
    task = asyncio.current_task()
    if fence is None or task is None:
        yield
        return
    _FENCES[task] = fence
    try:
        yield
    finally:
        _FENCES.pop(task, None)


def fence_of_this_task() -> Fence | None:
    """What the running task's write must pass right before it is sent; None where no lease is kept."""
    task = asyncio.current_task()
    return None if task is None else _FENCES.get(task)

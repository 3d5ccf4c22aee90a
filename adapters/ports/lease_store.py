"""Port to the lease store that several daemons share: the leader, its fencing token, and the handover records for a successor.

The store does not measure time. A standby measures on its own clock that the leader has not renewed the lease for a whole term,
so the machines' clocks need not agree. Each change of leader has a higher number: the fencing token.

This module also checks right before a write is sent that it is still allowed: providers cannot check fencing tokens.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

from adapters.ports.errors import AdapterError


@dataclass(frozen=True, slots=True)
class Lease:
    """Lease in the store. `holder`: the name of the leader process, empty after it released the lease. `url`: its HTTP address.
    `renewal`: changes each time the holder renews the lease.
    """

    holder: str
    url: str
    number: int
    renewal: int


class LeaseStore(Protocol):
    """Store of one lease, and of texts by key that only its holder may change. Each change is atomic.

    Every method raises `AdapterError` when the store gives no usable response: the change may have happened or may still happen.
    """

    async def read(self) -> Lease | None:
        """Return the current lease, never a stale one; None before the first lease."""

    async def take(self, seen: Lease | None, wanted: Lease) -> bool:
        """Replace `seen` with `wanted` if the store still has `seen`; return whether it did."""

    async def renew(self, renewed: Lease) -> bool:
        """Replace the holder's lease of the same number with `renewed`; return False when the store has another lease."""

    async def keep(self, lease: Lease, texts: Mapping[str, str]) -> bool:
        """Store all `texts` or none, if the number of `lease` is still the newest; return whether it is."""

    async def kept(self) -> Mapping[str, str]:
        """Return all texts by key."""

    async def close(self) -> None:
        """Close connections and threads."""


class Unfenced(AdapterError):
    """The daemon has lost the lease and may not write: nothing was sent."""

    code = "lease-lost"


@dataclass(frozen=True, slots=True)
class Fence:
    """Fencing token of a write; `check` raises `Unfenced` when the write is no longer allowed."""

    number: int
    check: Callable[[], None]


_FENCES: WeakKeyDictionary[asyncio.Task[object], Fence] = WeakKeyDictionary()


@contextmanager
def fenced(fence: Fence | None) -> Iterator[None]:
    """Apply `fence` to every write of this task within the block. It does not apply to tasks that the task starts."""
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
    """Return the fence of the running task, to check right before a write is sent; None without a lease."""
    task = asyncio.current_task()
    return None if task is None else _FENCES.get(task)

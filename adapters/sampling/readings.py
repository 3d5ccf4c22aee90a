"""Reads with a time limit that also holds where a client library is slow to give up, and checks of what was read."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Hashable, Sequence
from math import isfinite
from typing import Any, TypeVar

from adapters.ports.errors import AdapterError, Malformed, brief

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
GREATEST = 1e9
"""Maximum of a number: far more than any account has units."""


class Readings:
    """Reads of one server, at most `at_once` at a time, each abandoned `seconds` after it was requested."""

    def __init__(self, at_once: int, seconds: float) -> None:
        self._slots, self.seconds = asyncio.Semaphore(at_once), seconds
        self._abandoned = set[asyncio.Task[Any]]()

    async def each(self, keys: Sequence[K], read: Callable[[K], Awaitable[T]],
                   late: Callable[[K], AdapterError]) -> dict[K, T | AdapterError]:
        """Return what `read` returns for each key, or the `AdapterError` that it raises.

        `late` is called for a read that takes too long. Such a read is cancelled and not waited for: a library may ask the
        server to cancel first.
        """
        tasks = {key: asyncio.create_task(self._within_a_slot(key, read)) for key in keys}
        try:
            if tasks:
                await asyncio.wait(tasks.values(), timeout=self.seconds)
            return {key: _outcome(task) if task.done() else late(key) for key, task in tasks.items()}
        finally:
            for task in tasks.values():
                self._abandon(task)

    async def close(self) -> None:
        """Wait until abandoned reads have ended, at most `seconds`."""
        if self._abandoned:
            await asyncio.wait(self._abandoned, timeout=self.seconds)

    async def _within_a_slot(self, key: K, read: Callable[[K], Awaitable[T]]) -> T:
        async with self._slots:
            return await read(key)

    def _abandon(self, task: asyncio.Task[Any]) -> None:
        """Cancel a read that runs. Nothing else retrieves the error of one that has ended."""
        task.cancel()
        self._abandoned.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._abandoned.discard(task)
        if not task.cancelled():
            task.exception()


def _outcome(task: asyncio.Task[T]) -> T | AdapterError:
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, AdapterError):
        return error
    raise error


def number_of(value: object, what: str, remedy: str) -> float:
    """Return a value that a store returned as a number. Raise `Malformed` when it cannot be demand. `what`: where it is."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    number = float(text) if NUMBER.fullmatch(text) else -1.0
    if not isfinite(number) or not 0 <= number <= GREATEST:
        raise Malformed(f"{what}: {brief(repr(text[:60]))} is not a number from 0 to {GREATEST:.0e}, so the minute is unknown: "
                        f"{remedy}")
    return number

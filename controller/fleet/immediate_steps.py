"""Steps of single pools between two ticks, for those who cannot wait: one at a time for a pool, and so many in all."""

import asyncio
from collections.abc import Callable, Mapping

MOST_NUDGES = 50
"""So many steps are taken between two ticks; each may be a call or two."""


class ImmediateSteps:
    """Of one fleet. `stepping`: the pools whose step is under way; `start` begins one."""

    def __init__(self, stepping: Mapping[str, asyncio.Task[None]], start: Callable[[str], None]) -> None:
        self._stepping, self._start = stepping, start
        self._again: dict[str, Callable[[], None]] = {}
        self._left, self._closed = 0, False

    def renew(self) -> None:
        """A tick begins."""
        self._left = MOST_NUDGES

    def close(self) -> None:
        """The fleet ends: no step is begun any more."""
        self._closed = True

    def ask(self, name: str, told: Callable[[], None]) -> bool:
        """Take a pool's step now, or as soon as the one under way has ended: one for all who ask until then, and `told` at its
        end. False when the pool has to wait for the tick: none has begun yet, or too many were nudged since the last.
        """
        if self._closed or not self._left:
            return False
        if name in self._stepping:
            self._again[name] = told
            return True
        self._left -= 1
        self._start(name)
        self._stepping[name].add_done_callback(lambda _: told())
        return True

    def ended(self, name: str) -> None:
        """A pool's step has ended."""
        if (told := self._again.pop(name, None)) is not None:
            self.ask(name, told)

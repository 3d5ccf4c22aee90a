"""What one leader leaves to the next, and its text in the lease store. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from controller.decision.planning.pool_state import PoolState

T = TypeVar("T")

Timed = tuple[tuple[datetime, int], ...]

UNKNOWN = -1
"""No number of units that the lease store could say is ours: it must be told."""

INTENT, AHEAD, ORDERS = "intent/", "ahead/", "orders/"
"""Keys of what leaders share begin with one of these; the pool's name follows."""


@dataclass(frozen=True, slots=True)
class LastWrite:
    """The last write that a leader meant to send for a pool: `target` in place of `before`, which was its last known write. Both
    are the same once the provider has taken it, and None once the pool was given back. `original_requested`: what stood there
    before Stoker.
    """

    target: int | None
    before: int | None
    at: datetime
    number: int
    original_requested: int | None = None

    @property
    def text(self) -> str:
        """As it is shared."""
        return json.dumps({"target": self.target, "before": self.before, "at": self.at.isoformat(), "number": self.number,
                           "original_requested": self.original_requested})


@dataclass(frozen=True, slots=True)
class FallbackState:
    """What a leader has told a pool's provider to do later, what it may have told it besides, and what may have been done that
    nobody has seen: as `PoolState` has them.
    """

    scheduled_fallback: Timed = ()
    pending_fallback: Timed = ()
    unconfirmed_writes: Timed = ()

    @classmethod
    def of(cls, state: PoolState) -> "FallbackState":
        """As the pool's state has it."""
        return cls(state.scheduled_fallback, state.pending_fallback, state.unconfirmed_writes)

    @property
    def text(self) -> str:
        """As it is shared."""
        lists = {"scheduled_fallback": self.scheduled_fallback, "pending_fallback": self.pending_fallback,
                 "unconfirmed_writes": self.unconfirmed_writes}
        return json.dumps({name: [(at.isoformat(), units) for at, units in each] for name, each in lists.items()})


def last_writes(texts: Mapping[str, str]) -> dict[str, LastWrite]:
    """By pool, out of what leaders have shared."""
    def parsed(body: Any) -> LastWrite:  # noqa: ANN401
        target = None if body["target"] is None else int(body["target"])
        return LastWrite(target, body["before"], datetime.fromisoformat(body["at"]), int(body["number"]),
                         body["original_requested"])

    return shared(texts, INTENT, parsed)


def fallback_states(texts: Mapping[str, str]) -> dict[str, FallbackState]:
    """By pool, out of what leaders have shared."""
    def parsed(body: Any) -> FallbackState:  # noqa: ANN401
        return FallbackState(**{name: tuple((datetime.fromisoformat(at), int(units)) for at, units in body[name])
                                for name in ("scheduled_fallback", "pending_fallback", "unconfirmed_writes")})

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

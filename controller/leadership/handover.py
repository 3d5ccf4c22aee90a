"""Handover records that a leader stores for the next leader, and their text in the lease store. Pure.

Every text is a JSON object `{"version": FORMAT, "record": ...}`. A reader refuses a text of another version: a standby that
cannot read all records neither acquires the lease nor writes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from adapters.ports.errors import Refused
from controller.decision.planning.overrides_in_force import Override, entry, shown_override
from controller.decision.planning.pool_state.state import PoolState, Timed

T = TypeVar("T")

FORMAT = 1
"""Version of the texts. Raise it when the meaning of a record changes."""

UNKNOWN = -1
"""No valid number of units: the records do not say what the provider has, so the leader must publish it."""

INTENT, AHEAD, ORDERS = "intent/", "ahead/", "orders/"
"""Prefixes of the keys in the lease store: last write, scheduled fallback, overrides. The pool's name follows."""


class UnreadableHandover(Refused):
    """A handover record has another format version, or is damaged."""

    code = "handover-unreadable"


def encoded(record: Any) -> str:  # noqa: ANN401
    """Return the text of a record, with the format version."""
    return json.dumps({"version": FORMAT, "record": record})


@dataclass(frozen=True, slots=True)
class LastWrite:
    """A leader's last write for a pool: `target` replaces `before`, the last confirmed write. Both are equal once the provider
    has accepted it, and None once the pool is released. `original_requested`: units before Stoker's first write.
    """

    target: int | None
    before: int | None
    at: datetime
    number: int
    original_requested: int | None = None

    @property
    def text(self) -> str:
        """Text in the lease store."""
        return encoded({"target": self.target, "before": self.before, "at": self.at.isoformat(), "number": self.number,
                        "original_requested": self.original_requested})

    @classmethod
    def parsed(cls, record: Any) -> "LastWrite":  # noqa: ANN401
        """Return the write of a decoded record. Raise `KeyError`, `TypeError` or `ValueError` when it is invalid."""
        target = None if record["target"] is None else int(record["target"])
        return cls(target, record["before"], datetime.fromisoformat(record["at"]), int(record["number"]),
                   record["original_requested"])


@dataclass(frozen=True, slots=True)
class FallbackState:
    """A pool's scheduled fallback, changes that may have been scheduled besides, and writes of unknown outcome: the fields of
    `PoolState` with these names.
    """

    scheduled_fallback: Timed = ()
    pending_fallback: Timed = ()
    unconfirmed_writes: Timed = ()

    @classmethod
    def of(cls, state: PoolState) -> "FallbackState":
        """Return the fields of the pool's state."""
        return cls(state.scheduled_fallback, state.pending_fallback, state.unconfirmed_writes)

    @property
    def text(self) -> str:
        """Text in the lease store."""
        lists = {"scheduled_fallback": self.scheduled_fallback, "pending_fallback": self.pending_fallback,
                 "unconfirmed_writes": self.unconfirmed_writes}
        return encoded({name: [(at.isoformat(), units) for at, units in each] for name, each in lists.items()})

    @classmethod
    def parsed(cls, record: Any) -> "FallbackState":  # noqa: ANN401
        """Return the state of a decoded record. Raise `KeyError`, `TypeError` or `ValueError` when it is invalid."""
        return cls(**{name: tuple((datetime.fromisoformat(at), int(units)) for at, units in record[name])
                      for name in ("scheduled_fallback", "pending_fallback", "unconfirmed_writes")})


def overrides_text(overrides: Sequence[Override]) -> str:
    """Return the text of a pool's overrides."""
    return encoded([entry(each) for each in overrides])


@dataclass(frozen=True, slots=True)
class Handover:
    """All handover records, by pool."""

    last_writes: Mapping[str, LastWrite]
    fallback_states: Mapping[str, FallbackState]
    overrides: Mapping[str, tuple[Override, ...]]


def read_handover(texts: Mapping[str, str]) -> Handover:
    """Return the records in `texts`, by key in the lease store. Raise `UnreadableHandover` when one cannot be read."""
    records = {key: _record(key, text) for key, text in texts.items()}
    return Handover(_of_kind(records, INTENT, LastWrite.parsed), _of_kind(records, AHEAD, FallbackState.parsed),
                    _of_kind(records, ORDERS, lambda record: tuple(shown_override(each) for each in record)))


def _record(key: str, text: str) -> Any:  # noqa: ANN401
    try:
        body = json.loads(text)
        version, record = body["version"], body["record"]
    except (KeyError, TypeError, ValueError):
        raise _damaged(key) from None
    if version != FORMAT:
        raise UnreadableHandover(f"the lease store's handover record {key} has format version {version}, this Stoker reads "
                                 f"version {FORMAT}: run the release that wrote it, or delete the records when no daemon leads")
    return record


def _of_kind(records: Mapping[str, Any], prefix: str, parse: Callable[[Any], T]) -> dict[str, T]:
    """Return by pool the parsed records whose key has the `prefix`."""
    parsed = {}
    for key, record in records.items():
        if key.startswith(prefix):
            try:
                parsed[key.removeprefix(prefix)] = parse(record)
            except (AttributeError, KeyError, TypeError, ValueError):
                raise _damaged(key) from None
    return parsed


def _damaged(key: str) -> UnreadableHandover:
    return UnreadableHandover(f"the lease store's handover record {key} is damaged: delete the records when no daemon leads")

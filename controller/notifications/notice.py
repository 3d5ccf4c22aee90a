"""Notices: which changes of conditions are sent, and in which message. Pure.

A condition of a pool starts with the first tick that observes it and ends a while after the last one, so a condition that flaps
is sent once. Sent conditions are stored over restarts. A tick without knowledge of a pool changes none of its conditions.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

RESOLVED_AFTER = timedelta(minutes=5)
"""A condition has ended when it was not observed for this long."""

MOST_NAMED = 20
"""Maximum number of pools that a notice names; it gives their total number besides."""

DAEMON = ""
"""Pool name of conditions of the daemon itself."""


class Ending(NamedTuple):
    """Code that reports the end of a condition, or None, and how long the condition must not have been observed before."""

    code: str | None
    after: timedelta = RESOLVED_AFTER


ENDINGS: Mapping[str, Ending] = {
    "store-failing": Ending("store-recovered"), "write-failed": Ending("write-recovered"),
    "metrics-stale": Ending("metrics-back"), "capacity-unknown": Ending("capacity-known"),
    "foreign-write": Ending("foreign-write-over"), "other-autoscaler": Ending("other-autoscaler-gone"),
    "quota-reached": Ending("quota-eased"), "budget-near": Ending(None), "budget-reached": Ending("budget-eased"),
    "override-set": Ending("override-ended", timedelta(0)), "event-no-effect": Ending(None), "fault": Ending("fault-over"),
}
"""Every condition, by the code that reports its start."""


@dataclass(frozen=True, slots=True)
class SentCondition:
    """Condition whose start was sent: the text sent, its start, and when it was last observed."""

    text: str
    since: datetime
    last_seen: datetime


class Key(NamedTuple):
    """Identity of a condition of a pool. `about` distinguishes two of one kind, such as two overrides."""

    pool: str
    code: str
    about: str = ""


class Change(NamedTuple):
    """Start or end of a condition of a pool, to be sent."""

    pool: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One message. `mode` is None for the daemon itself. A retry has the same `id`."""

    id: str
    code: str
    at: datetime
    mode: str | None
    pools: tuple[str, ...]
    count: int
    text: str


SentConditions = dict[Key, SentCondition]
CurrentConditions = Mapping[str, Mapping[Key, str] | None]
"""By pool, the conditions at this tick with a sentence for each; None where nothing is known."""


def advance(sent: Mapping[Key, SentCondition], current: CurrentConditions, now: datetime) -> tuple[list[Change], SentConditions]:
    """Return the changes to send and the conditions sent after that. Conditions of removed pools end without a notice."""
    changes: list[Change] = []
    after: SentConditions = {}
    for key, condition in sent.items():
        if key.pool not in current:
            continue
        of_pool = current[key.pool]
        ending = ENDINGS.get(key.code, Ending(None))
        if of_pool is None or key in of_pool:
            after[key] = replace(condition, last_seen=now)
        elif timedelta(0) <= now - condition.last_seen < ending.after:
            after[key] = condition
        elif ending.code is not None:
            changes.append(Change(key.pool, ending.code, f"resolved after {span(now - condition.since)}: {condition.text}"))
    for conditions in current.values():
        for key, text in (conditions or {}).items():
            if key not in after:
                after[key] = SentCondition(text, now, now)
                changes.append(Change(key.pool, key.code, text))
    return changes, after


def coalesce(changes: Iterable[Change], modes: Mapping[str, str], now: datetime, source: str) -> list[Notice]:
    """Return one notice for each code and mode among the changes of a tick."""
    groups: dict[tuple[str, str | None], list[Change]] = defaultdict(list)
    for change in changes:
        groups[change.code, modes.get(change.pool)].append(change)
    return [notice_of(code, mode, group, now, source) for (code, mode), group in groups.items()]


def notice_of(code: str, mode: str | None, changes: Sequence[Change], now: datetime, source: str) -> Notice:
    """Return the notice of changes with the same code and mode. It quotes the text of the first."""
    pools = tuple(change.pool for change in changes if change.pool != DAEMON)
    parts = "\0".join((source, code, mode or "", now.isoformat(), *pools))
    text = changes[0].text
    if len(pools) > 1:
        text = f"{len(pools)} pools ({', '.join(pools[:3])}{', ...' if len(pools) > 3 else ''}): {text}"
    elif pools:
        text = f"{pools[0]}: {text}"
    if mode == "shadow":
        text = f"{text} (shadow mode: no changes are made)"
    return Notice(hashlib.sha256(parts.encode()).hexdigest()[:32], code, now, mode, pools[:MOST_NAMED], len(pools), text)


def span(length: timedelta) -> str:
    """Return a duration as text, such as `3 h 5 min`."""
    minutes = max(0, round(length.total_seconds() / 60))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

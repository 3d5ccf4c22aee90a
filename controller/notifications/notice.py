"""What an operator is told, and when: on change alone, once, however often the same is seen. Pure.

A condition holds of a pool from the tick that first sees it until a while after the last one that did, so that what comes and
goes is told once. What was told is kept over restarts. A pool of which nothing is known at a tick changes nothing.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

CALM = timedelta(minutes=5)
"""A condition that was not seen for so long is over."""

MOST_NAMED = 20
"""So many pools are named in one notice; their number is told in full."""

DAEMON = ""
"""Stands for the daemon where a pool would stand."""


class Ending(NamedTuple):
    """By which code the end of a condition is told, if at all, and how long it must not have been seen for that."""

    code: str | None
    calm: timedelta = CALM


ENDINGS: Mapping[str, Ending] = {
    "store-failing": Ending("store-recovered"), "write-failed": Ending("write-recovered"),
    "metrics-stale": Ending("metrics-back"), "capacity-unknown": Ending("capacity-known"),
    "foreign-write": Ending("foreign-write-over"), "other-autoscaler": Ending("other-autoscaler-gone"),
    "quota-reached": Ending("quota-eased"), "budget-near": Ending(None), "budget-reached": Ending("budget-eased"),
    "override-set": Ending("override-ended", timedelta(0)), "event-no-effect": Ending(None), "fault": Ending("fault-over"),
}
"""Every condition, by the code that tells of its beginning."""


@dataclass(frozen=True, slots=True)
class Held:
    """A condition that was told: what was said, since when, and when it was last seen."""

    text: str
    since: datetime
    seen: datetime


class Key(NamedTuple):
    """A condition of a pool. `about` tells two of one kind apart, such as two orders."""

    pool: str
    code: str
    about: str = ""


class Change(NamedTuple):
    """Something to tell of a pool."""

    pool: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One message. `mode` is None when it is about the daemon. `id` is the same whenever it is sent again."""

    id: str
    code: str
    at: datetime
    mode: str | None
    pools: tuple[str, ...]
    count: int
    text: str


ToldConditions = dict[Key, Held]
Standing = Mapping[str, Mapping[Key, str] | None]
"""By pool, the conditions that hold with a sentence for each; None where nothing is known at this tick."""


def advance(told: Mapping[Key, Held], standing: Standing, now: datetime) -> tuple[list[Change], ToldConditions]:
    """What has changed, and what is told from now on. Conditions of pools that are gone end without a word."""
    changes: list[Change] = []
    after: ToldConditions = {}
    for key, held in told.items():
        if key.pool not in standing:
            continue
        now_of = standing[key.pool]
        ending = ENDINGS.get(key.code, Ending(None))
        if now_of is None or key in now_of:
            after[key] = replace(held, seen=now)
        elif timedelta(0) <= now - held.seen < ending.calm:
            after[key] = held
        elif ending.code is not None:
            changes.append(Change(key.pool, ending.code, f"over, after {span(now - held.since)}: {held.text}"))
    for conditions in standing.values():
        for key, text in (conditions or {}).items():
            if key not in after:
                after[key] = Held(text, now, now)
                changes.append(Change(key.pool, key.code, text))
    return changes, after


def coalesce(changes: Iterable[Change], modes: Mapping[str, str], now: datetime, source: str) -> list[Notice]:
    """One notice for all pools to which the same happened in a tick, shadow apart from what is real."""
    alike: dict[tuple[str, str | None], list[Change]] = defaultdict(list)
    for change in changes:
        alike[change.code, modes.get(change.pool)].append(change)
    return [notice_of(code, mode, each, now, source) for (code, mode), each in alike.items()]


def notice_of(code: str, mode: str | None, changes: Sequence[Change], now: datetime, source: str) -> Notice:
    """One notice of what happened to one pool or many."""
    pools = tuple(change.pool for change in changes if change.pool != DAEMON)
    parts = "\0".join((source, code, mode or "", now.isoformat(), *pools))
    text = changes[0].text
    if len(pools) > 1:
        text = f"{len(pools)} pools ({', '.join(pools[:3])}{', ...' if len(pools) > 3 else ''}): {text}"
    elif pools:
        text = f"{pools[0]}: {text}"
    if mode == "shadow":
        text = f"{text} (in shadow: nothing is changed)"
    return Notice(hashlib.sha256(parts.encode()).hexdigest()[:32], code, now, mode, pools[:MOST_NAMED], len(pools), text)


def span(length: timedelta) -> str:
    """A span for people: 3 h 5 min."""
    minutes = max(0, round(length.total_seconds() / 60))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

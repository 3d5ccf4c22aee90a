"""Whether a change of conditions is sent. Pure.

A condition of a pool starts with the first tick that observes it and ends a while after the last one, so a condition that flaps
is sent once. Sent conditions are stored over restarts. A tick without knowledge of a pool changes none of its conditions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

RESOLVED_AFTER = timedelta(minutes=5)
"""A condition has ended when it was not observed for this long."""


class Ending(NamedTuple):
    """Code that reports the end of a condition, or None, and how long the condition must not have been observed before."""

    code: str | None
    after: timedelta = RESOLVED_AFTER


ENDINGS: Mapping[str, Ending] = {
    "store-failing": Ending("store-recovered"), "write-failed": Ending("write-recovered"),
    "metrics-stale": Ending("metrics-back"), "capacity-unknown": Ending("capacity-known"),
    "foreign-write": Ending("foreign-write-over"), "other-autoscaler": Ending("other-autoscaler-gone"),
    "quota-reached": Ending("quota-eased"), "budget-near": Ending(None), "budget-reached": Ending("budget-eased"),
    "override-set": Ending("override-ended", timedelta(0)), "orphan": Ending("orphan-gone", timedelta(0)),
    "event-no-effect": Ending(None), "fault": Ending("fault-over"),
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


def span(length: timedelta) -> str:
    """Return a duration as text, such as `3 h 5 min`."""
    minutes = max(0, round(length.total_seconds() / 60))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

"""Notices: the messages in which changes of conditions are sent. Pure."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.notifications.sending_rules import Change

MOST_NAMED = 20
"""Maximum number of pools that a notice names; it gives their total number besides."""

DAEMON = ""
"""Pool name of conditions of the daemon itself."""

SIMULATED = "shadow: simulated, nothing was written"


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
    text, kind = changes[0].text, SIMULATED if mode == "shadow" else mode
    if len(pools) > 1:
        text = f"{len(pools)} pools ({kind}; {', '.join(pools[:3])}{', ...' if len(pools) > 3 else ''}): {text}"
    elif pools:
        text = f"{pools[0]} ({kind}): {text}"
    return Notice(hashlib.sha256(parts.encode()).hexdigest()[:32], code, now, mode, pools[:MOST_NAMED], len(pools), text)

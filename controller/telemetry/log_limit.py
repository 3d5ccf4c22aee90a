"""Rate limit of repeated log lines, so that neither a client nor a failing environment can fill the disk."""

import logging
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import structlog

WINDOW_SECONDS = 60.0
OURS, ONE = 20, 1
"""Maximum of warnings and errors of one kind within a window: 20 of the daemon's own, because each names a pool; 1 of those that
a client can cause, and 1 of those that a library logs.
"""

CLIENTS = frozenset({"stoker.http", "stoker.statsd"})
"""Loggers whose lines clients can cause."""

RECORDS = frozenset({"decision"})
"""Events that are never dropped: a decision is logged once per change, and no line repeats another."""


@dataclass(slots=True)
class Window:
    """Lines of one kind logged since `since`, and lines dropped since the last logged one."""

    since: float
    lines: int = 0
    dropped: int = 0


class LogLimit(logging.Filter):
    """A structlog processor for Stoker's events, and a filter of the handler for records of libraries.

    A kind of event is a logger and an event; a kind of record is the line of code that logs it. The first logged line
    after dropped ones carries their number as `suppressed`. `now`: monotonic seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now
        self._windows: dict[tuple[object, ...], Window] = {}

    def __call__(self, logger: logging.Logger, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Return the event, with the number of dropped lines before it. Raise `DropEvent` above the limit."""
        if method in ("debug", "info") or event.get("event") in RECORDS:
            return event
        most = OURS if logger.name.startswith("stoker.") and logger.name not in CLIENTS else ONE
        dropped = self._admit((logger.name, event.get("event")), most)
        if dropped is None:
            raise structlog.DropEvent
        return {**event, "suppressed": dropped} if dropped else event

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is logged. Stoker's events have passed `__call__` before they became records."""
        if record.levelno < logging.WARNING or isinstance(record.msg, dict):
            return True
        dropped = self._admit((record.name, record.pathname, record.lineno), ONE)
        if dropped:
            record.suppressed = dropped
        return dropped is not None

    def _admit(self, kind: tuple[object, ...], most: int) -> int | None:
        """Return the number of lines dropped before this one; None if this one is dropped too."""
        now = self._now()
        window = self._windows.setdefault(kind, Window(now))
        if now - window.since >= WINDOW_SECONDS:
            window.since, window.lines = now, 0
        if window.lines >= most:
            window.dropped += 1
            return None
        window.lines += 1
        dropped, window.dropped = window.dropped, 0
        return dropped

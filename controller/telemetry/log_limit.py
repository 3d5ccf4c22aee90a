"""A limit on how often the log repeats a line, so that neither a caller nor a broken environment can fill the disk."""

import logging
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import structlog

WINDOW_SECONDS = 60.0
OURS, ONE = 20, 1
"""Warnings and errors of one kind within a window: 20 of the daemon's own, which name a pool each; 1 of what a caller of the HTTP
server can cause at will, and 1 of what a library logs.
"""

RECORDS = frozenset({"decision"})
"""Never dropped: what was decided is logged once per change, and each line is another fact."""


@dataclass(slots=True)
class Window:
    """What was logged of one kind since `since`, and how many lines were dropped since the last one that was not."""

    since: float
    lines: int = 0
    dropped: int = 0


class LogLimit(logging.Filter):
    """Use as a structlog processor for our own events and as a filter of the handler for the libraries' records.

    A kind of event is a logger and an event; a kind of record is the line of code that logs it. The first line of a kind after
    some were dropped carries their number as `suppressed`. `now`: seconds that never step back.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now
        self._windows: dict[tuple[object, ...], Window] = {}

    def __call__(self, logger: logging.Logger, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if method in ("debug", "info") or event.get("event") in RECORDS:
            return event
        most = OURS if logger.name.startswith("stoker.") and logger.name != "stoker.http" else ONE
        dropped = self._admit((logger.name, event.get("event")), most)
        if dropped is None:
            raise structlog.DropEvent
        return {**event, "suppressed": dropped} if dropped else event

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record goes on. Our own events have passed `__call__` before they became records."""
        if record.levelno < logging.WARNING or isinstance(record.msg, dict):
            return True
        dropped = self._admit((record.name, record.pathname, record.lineno), ONE)
        if dropped:
            record.suppressed = dropped
        return dropped is not None

    def _admit(self, kind: tuple[object, ...], most: int) -> int | None:
        """How many lines were dropped before this one; None when this one is dropped, too."""
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

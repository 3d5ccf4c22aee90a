"""Log lines: one JSON object each (or text for people), secrets out, instants by the injected clock."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

from adapters.runtime.clock import Clock
from controller.redaction.redactor import redact
from controller.telemetry.log_limit import LogLimit

QUIET = ("apscheduler", "aiohttp.access", "botocore", "boto3", "urllib3", "google", "grpc", "asyncio")
"""Libraries whose chatter is of no use to an operator; their warnings are kept."""

RAISING = ("botocore", "boto3", "urllib3", "google", "grpc")
"""Libraries whose errors are raised to Stoker too, which reports them in its own words."""

Event = MutableMapping[str, Any]


class Redaction:
    """Takes secrets out of every value of an event, the message and the traceback included."""

    def __call__(self, _: object, __: str, event: Event) -> Event:
        kept = {name: value for name, value in event.items() if name.startswith("_")}  # the formatter's own luggage
        shown = {name: value for name, value in event.items() if not name.startswith("_")}
        cleaned = redact(shown)
        return {**(cleaned if isinstance(cleaned, dict) else {}), **kept}


def kind_of_error_alone(_: object, __: str, event: Event) -> Event:
    """In place of a client library's traceback, the kind of its error: its text may quote what a token service answered."""
    record, info = event.get("_record"), event.get("exc_info")
    if info and record is not None and record.name.split(".")[0] in RAISING:
        del event["exc_info"]
        event["error"] = info[0].__name__
    return event


class Stamp:
    """Adds the instant, by the clock that decisions are made by."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, _: object, __: str, event: Event) -> Event:
        event["at"] = self._clock.now().isoformat(timespec="milliseconds")
        return event


def configure(clock: Clock, form: Literal["json", "console"] = "json", stream: TextIO | None = None, *,
              least: int = logging.INFO) -> None:
    """Send our events from the level `least` on, and the libraries' records, to `stream` (standard error) in one form, each kind
    of warning no more often than `LogLimit` allows. For a process's start.
    """
    limit = LogLimit(clock.monotonic)
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, Stamp(clock), structlog.processors.format_exc_info,
        Redaction(),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False, timestamp_key="at"))
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(limit)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(["suppressed"]), kind_of_error_alone, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("stoker").setLevel(least)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # the schedule tells skipped runs in its own words
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, limit, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False)

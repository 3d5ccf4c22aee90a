"""Format of log lines: one JSON object each, or text for a terminal; without secrets; instants by the injected clock."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

from adapters.runtime.clock import Clock
from controller.redaction.redactor import redact
from controller.telemetry.log_limit import LogLimit

QUIET = ("apscheduler", "aiohttp.access", "botocore", "boto3", "urllib3", "google", "grpc", "asyncio")
"""Libraries of which only warnings and errors are logged; below level info also their notes, which have no secrets."""

RAISING = ("botocore", "boto3", "urllib3", "google", "grpc")
"""Libraries whose errors are also raised to Stoker, which reports them itself."""

Event = MutableMapping[str, Any]


class Redaction:
    """A processor that removes secrets from every value of an event, including the message and the traceback."""

    def __call__(self, _: object, __: str, event: Event) -> Event:
        """Return the event without secrets."""
        private = {name: value for name, value in event.items() if name.startswith("_")}  # private to the formatter
        shown = {name: value for name, value in event.items() if not name.startswith("_")}
        cleaned = redact(shown)
        return {**(cleaned if isinstance(cleaned, dict) else {}), **private}


def kind_of_error_alone(_: object, __: str, event: Event) -> Event:
    """Replace the traceback of a client library by the class of its error: its text may quote the response of a token service."""
    record, info = event.get("_record"), event.get("exc_info")
    if info and record is not None and record.name.split(".")[0] in RAISING:
        del event["exc_info"]
        event["error"] = info[0].__name__
    return event


class Stamp:
    """A processor that adds the instant, by the clock of the decisions."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, _: object, __: str, event: Event) -> Event:
        """Return the event with its instant in ISO 8601."""
        event["at"] = self._clock.now().isoformat(timespec="milliseconds")
        return event


def configure(clock: Clock, form: Literal["json", "console"] = "json", stream: TextIO | None = None, *,
              least: int = logging.INFO) -> None:
    """Configure logging of this process: Stoker's events from level `least` on, and records of libraries, to `stream` (standard
    error) in one format, at the rate that `LogLimit` allows.
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
        logging.getLogger(name).setLevel(logging.WARNING if least >= logging.INFO else logging.INFO)
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # `controller.daemon.scheduler` logs skipped runs itself
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, limit, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False)

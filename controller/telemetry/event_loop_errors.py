"""Errors that the event loop has no caller for, as log lines."""

import asyncio
import errno
from typing import Any

import structlog

NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""With these errors `accept` fails; asyncio retries every second and reports each of up to 100 tries."""

LONGEST_SHOWN = 200

log = structlog.get_logger("stoker.http")
loop_log = structlog.get_logger("stoker.loop")


def report_fault(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an error in a callback, or in a task whose result is never read. For `loop.set_exception_handler`."""
    error, message = context.get("exception"), str(context.get("message"))
    if isinstance(error, OSError) and error.errno in NO_ROOM and "socket" in context:
        log.error("cannot-accept", error=error.strerror, text="connections wait until the process has closed some; ticks go on. "
                  "Raise the limit of open files (ulimit -n; LimitNOFILE in a systemd unit)")
        return
    if "._start_serving(" in message and isinstance(error, ValueError):  # a retry after the server was closed
        return
    where = next((context[name] for name in ("task", "future", "handle", "transport") if name in context), None)
    loop_log.error("loop-fault", text=message, where=repr(where)[:LONGEST_SHOWN], exc_info=error)

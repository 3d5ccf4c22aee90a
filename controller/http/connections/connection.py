"""One HTTP connection. Bytes that are not HTTP are answered in the API's error form, and logged as one line a minute."""

from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError, LineTooLong

from controller.http.app import problem
from controller.http.connections.guard import HEADERS

LONGEST_SHOWN = 120
"""Characters of the parser's message in the log: the first line names the fault, the rest quotes the request."""

log = structlog.get_logger("stoker.http")


class Connection(web.RequestHandler):
    """One connection of aiohttp. Errors before any handler runs have the form of the API."""

    __slots__ = ()

    def log_exception(self, *args: Any, **kw: Any) -> None:  # noqa: ANN401  (aiohttp's signature)
        """Log an error of the connection, except a body that does not match its `Content-Encoding`: the client was answered."""
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kw)

    def handle_error(self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None,
                     message: str | None = None) -> web.StreamResponse:
        """Return the answer to a request that could not be parsed (400) or whose handling failed (500), and close after it."""
        if status < 500:
            log.warning("malformed-request", remote=request.remote, error=(message or "").partition("\n")[0][:LONGEST_SHOWN])
        else:
            log.error("request-failed", path=request.path, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("part of the response was sent already")
        answer = problem(status, cause(exc) if status < 500 else "the daemon failed to answer; see its log", dict(HEADERS))
        answer.force_close()
        return answer


def cause(error: BaseException | None) -> str:
    """Return what is wrong with a request that the parser refused, without quoting the request or naming the library."""
    if isinstance(error, LineTooLong):
        return "the request line or a header is too long"
    if isinstance(error, ContentEncodingError):
        return "the Content-Encoding is not supported: send gzip, deflate or none"
    if "HTTPS" in str(error):
        return "this port speaks HTTP, not HTTPS"
    return "the request is not valid HTTP/1.1"

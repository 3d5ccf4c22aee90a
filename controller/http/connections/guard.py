"""Host check for a daemon on the loopback interface, security headers, and the limits of open connections."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from adapters.runtime.clock import Clock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MOST_CONNECTIONS = 512
IDLE_SECONDS = 30.0
"""A connection without a complete request for this time is closed, also when headers arrive byte by byte."""

BUSY_SECONDS = 180.0
"""Longer than any response takes: a client that does not read its response is disconnected."""

SWEEP_SECONDS = 1.0
PROTECTIVE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Default headers of a response; a handler may set others. None of them allows another origin to read it."""

HEADERS = {**PROTECTIVE, "Server": "stoker"}
"""Headers of every response. Without `Server`, aiohttp would report its version and Python's."""


def is_loopback(host: str) -> bool:
    """Return whether `host`, without a port, is a loopback address or name."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def host_name(host: str) -> str:
    """Return the host name in a Host header."""
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]


class ConnectionGuard:
    """Middleware for the Host check; `watch` closes stale connections.

    `local`: the server listens on a loopback address, so only loopback names are allowed. Otherwise a web page whose name
    resolves to 127.0.0.1 (DNS rebinding) could read everything in a user's browser. `clock`: limits are in its time.
    """

    def __init__(self, local: bool, clock: Clock) -> None:
        self._local, self._clock = local, clock
        self._since: dict[RequestHandler, tuple[bool, float]] = {}
        """For each connection: whether a request is in progress, and since when."""
        self._next: asyncio.TimerHandle | None = None

    @web.middleware
    async def before(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pass `request` to `handler`, or raise 421 for a wrong Host header."""
        self._note(request.protocol, busy=True)
        try:
            if self._local and not is_loopback(host_name(request.host)):
                raise web.HTTPMisdirectedRequest(reason="this daemon accepts only local requests: use 127.0.0.1 or localhost")
            return await handler(request)
        finally:
            self._note(request.protocol, busy=False)

    def watch(self, server: web.Server) -> None:
        """Close stale connections once a second, until `stop`."""
        self.sweep(server, self._clock.monotonic())
        self._next = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self.watch, server)

    def stop(self) -> None:
        """Stop closing stale connections."""
        if self._next is not None:
            self._next.cancel()

    def sweep(self, server: web.Server, now: float) -> None:
        """Close connections over their time limit, and the longest idle ones above the maximum number."""
        self._since = {each: self._since.get(each, (False, now)) for each in server.connections}
        idle = sorted(((since, each) for each, (busy, since) in self._since.items() if not busy), key=lambda pair: pair[0])
        surplus = max(0, len(self._since) - MOST_CONNECTIONS)
        for place, (since, each) in enumerate(idle):  # equal times: the earlier connection first
            if place < surplus or now - since > IDLE_SECONDS:
                each.force_close()
        for each, (busy, since) in self._since.items():
            if busy and now - since > BUSY_SECONDS:
                each.force_close()

    def _note(self, connection: RequestHandler, busy: bool) -> None:
        self._since[connection] = (busy, self._clock.monotonic())


async def protect(_: web.Request, response: web.StreamResponse) -> None:
    """Add the missing default headers to a response."""
    for name, value in PROTECTIVE.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = HEADERS["Server"]  # replaces the header of aiohttp

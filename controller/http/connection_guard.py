"""Who is let in, and for how long: names by which a daemon on the loopback may be called, headers that every answer has, and an
end for connections that only hold on.
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MOST_CONNECTIONS = 512
IDLE_SECONDS = 30.0
"""A connection that has not brought a whole request for so long is closed: dripped headers do not hold it."""

BUSY_SECONDS = 180.0
"""Beyond what any answer takes: whoever does not read his answer is not waited for."""

SWEEP_SECONDS = 1.0
PROTECTIVE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What an answer has unless its handler said otherwise. None allows another origin to read it."""

HEADERS = {**PROTECTIVE, "Server": "stoker"}
"""What every answer has. Without a name of ours the library would name itself, Python, and the version of both."""


def is_loopback(host: str) -> bool:
    """Whether `host`, without a port, is this machine and nobody else can reach it."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def called(host: str) -> str:
    """The name in a Host header."""
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]


class ConnectionGuard:
    """Use as a middleware; `watch` once the server listens. `local`: it listens on the loopback, so no other name is right.

    A page on the internet whose owner points its name at 127.0.0.1 (DNS rebinding) could else read all of it in a user's browser.
    """

    def __init__(self, local: bool) -> None:
        self._local = local
        self._since: dict[RequestHandler, tuple[bool, float]] = {}
        """Of each connection: whether it is being answered, and since when it is or is not."""
        self._next: asyncio.TimerHandle | None = None

    @web.middleware
    async def before(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let `request` in, or refuse it for the name it was called by."""
        self._note(request.protocol, busy=True)
        try:
            if self._local and not is_loopback(called(request.host)):
                raise web.HTTPMisdirectedRequest(reason="this daemon is of this machine only: call it 127.0.0.1 or localhost")
            return await handler(request)
        finally:
            self._note(request.protocol, busy=False)

    def watch(self, server: web.Server) -> None:
        """Close what holds on too long, from now on until `stop`."""
        loop = asyncio.get_running_loop()
        self.sweep(server, loop.time())
        self._next = loop.call_later(SWEEP_SECONDS, self.watch, server)

    def stop(self) -> None:
        """No more sweeping."""
        if self._next is not None:
            self._next.cancel()

    def sweep(self, server: web.Server, now: float) -> None:
        """Close connections that are over their time, and beyond the number allowed those that have idled longest."""
        self._since = {each: self._since.get(each, (False, now)) for each in server.connections}
        idle = sorted(((since, each) for each, (busy, since) in self._since.items() if not busy), key=lambda pair: pair[0])
        surplus = max(0, len(self._since) - MOST_CONNECTIONS)
        for place, (since, each) in enumerate(idle):  # of those first seen by one sweep, the first that came goes first
            if place < surplus or now - since > IDLE_SECONDS:
                each.force_close()
        for each, (busy, since) in self._since.items():
            if busy and now - since > BUSY_SECONDS:
                each.force_close()

    def _note(self, connection: RequestHandler, busy: bool) -> None:
        self._since[connection] = (busy, asyncio.get_running_loop().time())


async def protect(_: web.Request, response: web.StreamResponse) -> None:
    """Give an answer the headers it did not bring."""
    for name, value in PROTECTIVE.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = HEADERS["Server"]  # the library has set its own by now

"""A CONNECT proxy on loopback: the way by which the shipped command line reaches servers that answer as Google."""

import asyncio
import contextlib

from tests.patience import PATIENCE_SECONDS


class ConnectProxy:
    """Takes `CONNECT host:443` to the loopback port that `routes` names; any other host is refused with 502.

    `freeze()`: from now on nothing passes on the connections that are open, and none of them is closed, as when a NAT gateway
    has forgotten them; new connections work.
    """

    def __init__(self) -> None:
        self.routes: dict[str, int] = {}
        self.asked: list[str] = []
        """Host of every CONNECT, in order."""
        self.silent: set[str] = set()
        """Hosts whose CONNECT is never answered."""
        self._tunnels: list[_Tunnel] = []
        self._left = asyncio.Event()
        self._tasks: set[asyncio.Task] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def freeze(self) -> int:
        """The number of connections that are frozen by it."""
        for tunnel in self._tunnels:
            tunnel.passing = False
        return len(self._tunnels)

    async def left(self) -> None:
        """Return when a client has closed a connection that was frozen."""
        await asyncio.wait_for(self._left.wait(), PATIENCE_SECONDS)

    async def __aenter__(self) -> "ConnectProxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._tunnelled(reader, writer)
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _tunnelled(self, reader, writer) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        host = request.split()[1].partition(":")[0]
        self.asked.append(host)
        if host in self.silent:
            await asyncio.get_running_loop().create_future()
        if host not in self.routes:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        there = await asyncio.open_connection("127.0.0.1", self.routes[host])
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        tunnel = _Tunnel()
        self._tunnels.append(tunnel)
        try:
            ways = [asyncio.ensure_future(tunnel.pump(reader, there[1])), asyncio.ensure_future(tunnel.pump(there[0], writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if not tunnel.passing:
                self._left.set()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            there[1].close()
            self._tunnels.remove(tunnel)


class _Tunnel:
    passing = True

    async def pump(self, source, sink) -> None:
        while data := await source.read(65536):
            if self.passing:
                sink.write(data)
                await sink.drain()

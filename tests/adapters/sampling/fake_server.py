"""A server on loopback whose protocol a subclass speaks."""

import asyncio
import contextlib


class FakeServer:
    """Connections on a port that remains the same over stops and starts."""

    def __init__(self) -> None:
        self.port = 0
        self._tasks = set[asyncio.Task]()

    async def start(self) -> None:
        """Listen on the port of the last start."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        await self._end()
        await self._server.wait_closed()

    async def _end(self) -> None:
        """End all connections but the one that asks for it."""
        others = self._tasks - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            await self._session(reader, writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a connection until it ends."""
        raise NotImplementedError

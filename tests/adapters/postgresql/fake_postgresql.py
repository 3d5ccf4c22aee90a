"""A server with PostgreSQL's protocol, whose answers a test gives."""

import asyncio
import re
import struct
from collections.abc import Awaitable, Callable

from tests.adapters.sampling.fake_server import FakeServer

SSL, CANCEL = 80877103, 80877102
CURSOR = re.compile(r"CURSOR FOR (.*)\n; FETCH", re.DOTALL)

Reply = list[tuple[str | None, ...]] | str
"""Rows of texts, or the SQLSTATE of an error."""


class FakePostgresql(FakeServer):
    """`answer` gets the query for which a cursor is declared."""

    def __init__(self, answer: Callable[[str], Awaitable[Reply]]) -> None:
        super().__init__()
        self._answer = answer
        self.connections, self.batches = 0, list[str]()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size, code = struct.unpack("!ii", await reader.readexactly(8))
        await reader.readexactly(size - 8)
        if code == CANCEL:
            return await self._end()
        self.connections += 1
        parameters = (("client_encoding", "UTF8"), ("server_version", "15.0"), ("standard_conforming_strings", "on"))
        writer.write(message("R", struct.pack("!i", 0)))
        for name, value in parameters:
            writer.write(message("S", text(name) + text(value)))
        writer.write(message("K", struct.pack("!ii", 1, 1)) + message("Z", b"I"))
        while (kind := await reader.readexactly(1)) == b"Q":
            (size,) = struct.unpack("!i", await reader.readexactly(4))
            batch = (await reader.readexactly(size - 4))[:-1].decode()
            self.batches.append(batch)
            writer.write(await self._replied(batch))
        assert kind == b"X", kind
        return None

    async def _replied(self, batch: str) -> bytes:
        if batch == "ROLLBACK":
            return message("C", text("ROLLBACK")) + message("Z", b"I")
        reply = await self._answer(CURSOR.search(batch)[1])
        started = b"".join(message("C", text(tag)) for tag in ("BEGIN", "SET", "DECLARE CURSOR"))
        if isinstance(reply, str):
            fields = b"".join(name.encode() + text(value) for name, value in (
                ("S", "ERROR"), ("V", "ERROR"), ("C", reply), ("M", "a message of the server")))
            return started + message("E", fields + b"\0") + message("Z", b"E")
        wide = len(reply[0]) if reply else 1
        columns = b"".join(text(f"c{at}") + struct.pack("!ihihih", 0, 0, 1700, -1, -1, 0) for at in range(wide))
        rows = b"".join(message("D", struct.pack("!h", wide) + b"".join(map(cell, row))) for row in reply)
        return (started + message("T", struct.pack("!h", wide) + columns) + rows + message("C", text(f"FETCH {len(reply)}"))
                + message("C", text("ROLLBACK")) + message("Z", b"I"))


def message(kind: str, body: bytes) -> bytes:
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def text(value: str) -> bytes:
    return value.encode() + b"\0"


def cell(value: str | None) -> bytes:
    return struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value.encode()

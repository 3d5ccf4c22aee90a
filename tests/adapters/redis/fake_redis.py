"""A server with Redis' protocol, whose answers a test gives."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.adapters.sampling.fake_server import FakeServer

Reply = int | str | None | list | Exception
"""Answer to a command. The text of an exception is the server's error."""


class FakeRedis(FakeServer):
    """Commands but AUTH and SELECT are answered by `answer`, which gets the command and its arguments."""

    def __init__(self, answer: Callable[..., Awaitable[Reply]], password: str | None = None) -> None:
        super().__init__()
        self._answer, self._password = answer, password
        self.commands: list[tuple[str, ...]] = []

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while words := await self._command(reader):
            self.commands.append(words)
            writer.write(encoded(await self._replied(*words)))

    async def _command(self, reader: asyncio.StreamReader) -> tuple[str, ...]:
        count = int((await reader.readuntil(b"\r\n"))[1:])
        words = []
        for _ in range(count):
            size = int((await reader.readuntil(b"\r\n"))[1:])
            words.append((await reader.readexactly(size + 2))[:-2].decode())
        return tuple(words)

    async def _replied(self, command: str, *arguments: str) -> Reply:
        if command == "AUTH":
            if arguments[-1] == self._password:
                return "OK"
            return ValueError("WRONGPASS invalid username-password pair or user is disabled.")
        return "OK" if command == "SELECT" else await self._answer(command, *arguments)


def encoded(reply: Reply) -> bytes:
    """Return a reply in the protocol."""
    if isinstance(reply, Exception):
        return f"-{reply}\r\n".encode()
    if isinstance(reply, list):
        return f"*{len(reply)}\r\n".encode() + b"".join(map(encoded, reply))
    if isinstance(reply, int):
        return f":{reply}\r\n".encode()
    if reply is None:
        return b"$-1\r\n"
    return f"${len(reply.encode())}\r\n{reply}\r\n".encode()

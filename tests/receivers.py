"""A sink that behaves, and misbehaves, over real HTTP."""

import asyncio
import contextlib
import json

from aiohttp import web

from tests.patience import PATIENCE_SECONDS
from tests.web_servers import served


class Receiver:
    """Keeps what it takes. `answers`: a status, `hang`, `reset`, or a (status, headers) for each of the next
    messages; then 200.
    """

    def __init__(self):
        self.bodies, self.headers, self.answers, self.tries = [], [], [], 0
        self.hanging = asyncio.Event()
        self.url = ""

    async def take(self, request):
        self.tries += 1
        body = await request.read()
        answer = self.answers.pop(0) if self.answers else 200
        if answer == "hang":
            await self.hanging.wait()
        if answer == "reset":
            request.transport.abort()
            return web.Response()
        status, headers = answer if isinstance(answer, tuple) else (answer if isinstance(answer, int) else 200, {})
        if status < 300:
            self.bodies.append(json.loads(body))
            self.headers.append(dict(request.headers))
        return web.Response(status=status, headers=headers)

    def reasons(self):
        return [body["reason"] for body in self.bodies]

    async def until(self, condition, seconds=PATIENCE_SECONDS):
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def receiving():
    receiver = Receiver()
    async with served(receiver.take) as url:
        receiver.url = f"{url}/services/T0KEN"
        try:
            yield receiver
        finally:
            receiver.hanging.set()

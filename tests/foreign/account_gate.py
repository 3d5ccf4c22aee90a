"""What stands between Stoker and an emulator of AWS: it notes the account of every call, and lets accounts hang."""

import asyncio
import re
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web

KEY = re.compile(r"Credential=([A-Z0-9]+)/")
ISSUED = re.compile(r"<AccessKeyId>([A-Z0-9]+)</AccessKeyId>")
PUT = "PUT"
KEPT = {"content-length", "transfer-encoding", "connection", "content-encoding"}
"""Headers that belong to a connection."""


class Gate:
    """A proxy in front of `upstream`. `own`: access key and number of the account of the daemon's own identity.

    `calls`: account and `METHOD path` of each call, in order. Calls of the accounts in `hanging` wait until they leave it.
    """

    def __init__(self, upstream, own):
        self.upstream, self._account_of = upstream, dict([own])
        self.calls, self.hanging, self._changed = [], set(), asyncio.Condition()
        self._runner = self._session = None
        self.url = ""

    async def __aenter__(self):
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", self._passed)
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()
        await self._session.close()

    async def release(self, account):
        """Let an account answer again, also the calls that wait."""
        async with self._changed:
            self.hanging.discard(account)
            self._changed.notify_all()

    def writes(self):
        """The accounts and paths of all writes, each once, in order."""
        return list(dict.fromkeys((account, what.partition(" ")[2]) for account, what in self.calls if what.startswith(PUT)))

    async def _passed(self, request):
        body = await request.read()
        account = self._account(request, body)
        self.calls.append((account, f"{request.method} {request.path}"))
        async with self._changed:
            await self._changed.wait_for(lambda: account not in self.hanging)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in KEPT}
        async with self._session.request(request.method, f"{self.upstream}{request.raw_path}", data=body, headers=headers,
                                         skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
                                         allow_redirects=False) as answer:
            content = await answer.read()
            for key in ISSUED.findall(content.decode(errors="replace")):
                self._account_of[key] = account
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in KEPT - {"content-encoding"}}
            return web.Response(status=answer.status, body=content, headers=kept)

    def _account(self, request, body):
        """The account that a call is for: of the role that it assumes, or of its keys."""
        form = parse_qs(body.decode(errors="replace")) if b"Action=AssumeRole" in body else {}
        if "RoleArn" in form:
            return form["RoleArn"][0].split(":")[4]
        found = KEY.search(request.headers.get("Authorization", ""))
        return None if found is None else self._account_of.get(found[1])

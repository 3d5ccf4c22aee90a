"""Responses that are slow, endless, compressed to excess, or redirects."""

import asyncio
import contextlib
import gzip

import pytest
from aiohttp import web

from adapters.ports.errors import OutcomeUnknown, Unsupported
from adapters.web.client import MOST_BYTES, Client
from tests.patience import PATIENCE_SECONDS
from tests.web_servers import served


@contextlib.asynccontextmanager
async def page_of(handler):
    client = Client(patience=PATIENCE_SECONDS)
    async with served(handler) as url:
        try:
            yield client, f"{url}/metrics"
        finally:
            await client.close()


async def test_a_chunked_page_is_read_completely():
    async def answer(request):
        page = web.StreamResponse()
        await page.prepare(request)
        for number in range(3):
            await page.write(f"piece_{number} 1\n".encode())
            await asyncio.sleep(0.05)
        return page

    async with page_of(answer) as (client, url):
        told = await client.send("GET", url, "the page", {}, {}, text=True)

    assert told.text == "piece_0 1\npiece_1 1\npiece_2 1\n"


@pytest.mark.parametrize("packed", [False, True])
async def test_an_endless_page_is_refused(packed):
    bomb = gzip.compress(bytes(20 * MOST_BYTES)) if packed else b""

    async def answer(request):
        if packed:
            return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})
        page = web.StreamResponse()
        await page.prepare(request)
        with contextlib.suppress(ConnectionResetError):
            while True:
                await page.write(b"x" * 65_536)
        return page

    async with page_of(answer) as (client, url):
        with pytest.raises(Unsupported, match="more than 4 MB"):
            await client.send("GET", url, "the page", {}, {}, text=True)


async def test_a_truncated_page_is_refused():
    async def answer(request):
        page = web.StreamResponse()
        page.content_length = 100
        await page.prepare(request)
        await page.write(b"requests_in_flight 5\n")
        request.transport.abort()
        return page

    async with page_of(answer) as (client, url):
        with pytest.raises(OutcomeUnknown):
            await client.send("GET", url, "the page", {}, {}, text=True)


async def test_passwords_of_netrc_are_not_sent_and_refuse_no_header(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password hidden\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    asked = []

    async def answer(request):
        asked.append(request.headers.get("Authorization"))
        return web.Response()

    async with page_of(answer) as (client, url):
        for headers in ({}, {"Authorization": "Bearer mine"}):
            await client.send("GET", url, "the page", headers, {})

    assert asked == [None, "Bearer mine"]


async def test_redirects_with_headers_are_not_followed():
    asked = []

    async def answer(request):
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with page_of(answer) as (client, url):
        told = await client.send("GET", url, "the page", {"Authorization": "Bearer x"}, {})

    assert (told.status, asked) == (302, ["/metrics"])

"""Every answer of the server has one form, whatever was sent, and bytes that are not HTTP do not fill the log."""

import asyncio
import contextlib
import io
import json
import logging
from functools import partial

import pytest
from aiohttp import web

from adapters.runtime.clock import ManualClock
from controller.http.connections.connection import Connection
from controller.http.connections.guard import HEADERS
from controller.telemetry import log_setup
from tests.builders import NOON
from tests.patience import PATIENCE_SECONDS
from tests.services import TOKEN, serving

GET = b"GET /status HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /v1/pools/a/overrides HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n"
UNTOLD = b"POST /v1/pools/a/overrides HTTP/1.1\r\nHost: localhost\r\n"

WRONG = {
    "noise": (b"\x00\x01\x02\x03 noise\r\n\r\n\r\n", 400),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "http-2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "version": (b"GET / HTTP/9.9\r\n\r\n", 400),
    "other-protocol": (b"GET / SSH/2.0\r\n\r\n", 400),
    "long-line": (b"GET /" + b"y" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "long-header": (GET + b"X: " + b"y" * 70_000 + b"\r\n\r\n", 400),
    "many-headers": (GET + b"".join(b"X%d: y\r\n" % at for at in range(500)) + b"\r\n", 400),
    "header-without-colon": (GET + b"foo bar\r\n\r\n", 400),
    "nul-in-header": (GET + b"X: a\x00b\r\n\r\n", 400),
    "no-host": (b"GET /status HTTP/1.1\r\n\r\n", 400),
    "two-hosts": (GET + b"Host: other\r\n\r\n", 400),
    "bytes-in-path": (b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "broken-url": (b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "negative-length": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "two-lengths": (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    "broken-chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    "transfer-encoding": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    "content-encoding": (POST + b"Content-Encoding: br\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "not-gzip": (POST + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "parameter": (b"GET /v1/decisions?limit=x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "no-token": (UNTOLD + b"Content-Length: 2\r\n\r\n{}", 401),
    "path": (b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "star": (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "method": (b"POST /status HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    "trace": (b"TRACE /status HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    "large-body": (POST + b"Content-Length: 99999999\r\n\r\n" + b"x" * 70_000, 413),
    "media-type": (POST + b"Content-Type: text/xml\r\nContent-Length: 2\r\n\r\n{}", 415),
    "expect": (POST + b"Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", 417),
    "expect-nowhere": (b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\n\r\n", 417),
    "proxy": (b"CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 421),
}


@pytest.fixture
def stream():
    """What is logged."""
    stream = io.StringIO()
    log_setup.configure(ManualClock(NOON), "json", stream, least=logging.WARNING)
    return stream


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@contextlib.asynccontextmanager
async def bare(handler):
    """The port of a server that is nothing but our connections and `handler`."""
    loop, server = asyncio.get_running_loop(), web.Server(handler)
    async with await loop.create_server(partial(Connection, server, loop=loop), "127.0.0.1") as listening:
        yield listening.sockets[0].getsockname()[1]
        await server.shutdown(1.0)


async def answers(port, *sent):
    """Status, headers and body of the answer to each of these, sent one after the other over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = []
    try:
        for each in sent:
            writer.write(each)
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_SECONDS)).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await asyncio.wait_for(reader.readexactly(int(headers["Content-Length"])), PATIENCE_SECONDS)
            found.append((int(head[0].split()[1]), headers, body))
    finally:
        writer.close()
    return found


@pytest.mark.parametrize("name", WRONG)
async def test_every_refusal_is_json_with_security_headers_and_names_no_library(tmp_path, name):
    sent, status = WRONG[name]
    async with serving(tmp_path) as world:
        (reply, headers, body), = await answers(world.service.port, sent)

        assert reply == status
        assert headers["Content-Type"].startswith("application/json")
        assert {name: headers.get(name) for name in HEADERS} == HEADERS
        assert set(json.loads(body)) == {"error"}
        assert not any(word in f"{headers}{body}".lower() for word in ("aiohttp", "python", "brotli", "traceback"))
        assert (await world.ask("GET", "/healthz"))[0] == 200


async def test_invalid_http_after_a_valid_request_is_refused(tmp_path):
    async with serving(tmp_path) as world:
        good, bad = await answers(world.service.port, GET + b"\r\n", b"\x01\x02 noise\r\n\r\n")

    assert (good[0], bad[0]) == (200, 400)
    assert bad[1]["Server"] == "stoker"
    assert set(json.loads(bad[2])) == {"error"}


async def test_an_error_outside_the_handlers_is_a_500_in_the_same_form(stream):
    async def broken(_):
        raise RuntimeError("the details")
    async with bare(broken) as port:
        (status, headers, body), = await answers(port, GET + b"\r\n")

    assert (status, headers["Server"], set(json.loads(body))) == (500, "stoker", {"error"})
    assert b"the details" not in body
    assert [line["event"] for line in lines(stream)] == ["request-failed"]
    assert "the details" in lines(stream)[0]["exception"]


async def test_500_invalid_requests_log_one_line_without_a_traceback(tmp_path, stream):
    async with serving(tmp_path) as world:
        for _ in range(500):
            assert (await answers(world.service.port, WRONG["noise"][0]))[0][0] == 400

    reply, = lines(stream)
    assert (reply["event"], reply["level"], reply["remote"]) == ("malformed-request", "warning", "127.0.0.1")
    assert len(stream.getvalue()) < 400
    assert "exception" not in reply


async def test_a_client_that_disconnects_during_its_body_logs_no_error(tmp_path, stream):
    async with serving(tmp_path) as world:
        before = asyncio.all_tasks()
        reader, writer = await asyncio.open_connection("127.0.0.1", world.service.port)
        writer.write(POST + b"Expect: 100-continue\r\nContent-Length: 20\r\n\r\n")
        assert b"100 Continue" in await asyncio.wait_for(reader.readline(), PATIENCE_SECONDS)
        writer.write(b"{")
        writer.transport.abort()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not asyncio.all_tasks() <= before:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert (await world.ask("GET", "/healthz"))[0] == 200

    assert lines(stream) == []


async def test_a_body_that_does_not_match_its_encoding_logs_no_error(tmp_path, stream):
    async with serving(tmp_path) as world:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.service.port)
        writer.write(UNTOLD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n")
        assert b"401" in await asyncio.wait_for(reader.readline(), PATIENCE_SECONDS)  # answered before the body arrives
        writer.write(b"abcd")
        await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
        writer.close()

    assert lines(stream) == []

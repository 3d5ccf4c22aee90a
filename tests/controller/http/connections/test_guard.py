"""What holds against those who mean no good: other names, held connections, headers, bodies, paths."""

import asyncio
import contextlib
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from adapters.runtime.clock import SystemClock
from controller.http import responses
from controller.http.connections import guard
from controller.http.connections.guard import ConnectionGuard, host_name, is_loopback
from controller.http.server import CannotListen, listening
from tests.patience import PATIENCE_SECONDS
from tests.services import TOKEN, serving


@contextlib.asynccontextmanager
async def raw(service):
    """A bare connection to a service."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def reply(service, text):
    """The first line of what is answered to these bytes."""
    async with raw(service) as (reader, writer):
        writer.write(text)
        return (await asyncio.wait_for(reader.readline(), PATIENCE_SECONDS)).decode()


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:80", "a.localhost"])
def test_loopback_names_are_accepted(host):
    assert is_loopback(host_name(host))


@pytest.mark.parametrize("host", ["", "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example",
                                  "10.0.0.1", "0.0.0.0", "[::2]:1", "2130706433", "127.0.0.1@evil.example"])
def test_other_names_are_refused(host):
    assert not is_loopback(host_name(host))


@given(st.text())
def test_no_name_raises(host):
    is_loopback(host_name(host))


@pytest.mark.parametrize(("method", "path"), [("GET", "/status"), ("GET", "/"), ("POST", "/v1/pools/a/overrides")])
async def test_dns_rebinding_reads_and_writes_nothing(tmp_path, method, path):
    async with serving(tmp_path) as world:
        headers = {"Host": "evil.example", "Authorization": f"Bearer {TOKEN}"}
        order = {"kind": "pin", "units": 9, "for": "1h", "reason": "x"}
        status, body, _ = await world.ask(method, path, headers=headers, json=order)

        assert status == 421
        assert set(body) == {"error"}
        assert world.components.active_overrides.of("a", world.clock.now()) == ()


async def test_another_origin_may_not_read_or_write(tmp_path):
    async with serving(tmp_path) as world:
        asks = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization"}
        status, _, headers = await world.ask("OPTIONS", "/v1/pools/a/overrides", headers=asks)
        _, _, read = await world.ask("GET", "/status", headers={"Origin": "https://evil.example"})

    assert status == 405
    assert not [name for name in (*headers, *read) if name.lower().startswith("access-control-allow")]
    assert read["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/status", "/nothing", "/healthz", "/v1/pools/nobody", "/v1/decisions?since=x"])
async def test_every_response_has_security_headers_and_no_version(tmp_path, path):
    async with serving(tmp_path) as world:
        _, _, headers = await world.ask("GET", path)

    assert {name: headers[name] for name in guard.PROTECTIVE} == guard.PROTECTIVE
    assert headers["Server"] == "stoker"


async def test_the_page_keeps_its_own_content_security_policy(tmp_path):
    async with serving(tmp_path) as world, world.session.get(world.service.url + "/") as page:
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
        assert "unsafe" not in page.headers["Content-Security-Policy"]
        assert page.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", ["/assets/../app.py", "/assets/..%2fapp.py", "/assets/%2e%2e/%2e%2e/gate.py", "/assets/",
                                  "/assets//etc/passwd", "/assets/..%5cgate.py", "/assets/%00",
                                  "/assets/uPlot.iife.min.js%00.css"])
async def test_no_path_leads_out_of_the_assets(tmp_path, path):
    async with serving(tmp_path) as world:
        line = await reply(world.service, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())

    assert line.split()[1] in ("400", "404")


POST = b"POST /v1/pools/a/overrides HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n"


@pytest.mark.parametrize(("text", "status"), [
    (POST + b"Content-Length: 99999999999\r\n\r\n" + b"x" * 70_000, "413"),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"8000\r\n" + b"x" * 0x8000 + b"\r\n8000\r\n" + b"x" * 0x8000 + b"\r\n10\r\n"
     + b"x" * 16 + b"\r\n0\r\n\r\n", "413"),
    (POST + b"Content-Length: -1\r\n\r\n", "400"),
    (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400"),
    (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
    (b"GET /status HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "400"),
    (b"GET /" + b"y" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"),
    (b"\x16\x03\x01 a greeting of TLS \x00\xff\r\n\r\n", "400"),
], ids=["length", "chunks", "negative", "two-lengths", "smuggled", "header", "line", "tls"])
async def test_requests_that_are_too_large_or_not_http_are_refused(tmp_path, text, status, caplog):
    caplog.set_level(logging.CRITICAL)
    async with serving(tmp_path) as world:
        assert (await reply(world.service, text)).split()[1] == status
        assert (await world.ask("GET", "/healthz"))[0] == 200


async def test_a_missing_body_is_refused_after_a_timeout(tmp_path, monkeypatch):
    monkeypatch.setattr(responses, "BODY_SECONDS", 0.2)
    async with serving(tmp_path) as world:
        assert (await reply(world.service, POST + b"Content-Length: 20\r\n\r\n{")).split()[1] == "408"


async def test_idle_connections_are_closed_silent_or_sending_slowly(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "IDLE_SECONDS", 0.5)
    monkeypatch.setattr(guard, "SWEEP_SECONDS", 0.1)
    async with serving(tmp_path) as world, raw(world.service) as (silent, _), raw(world.service) as (dripping, writer):
        async def drip():
            with contextlib.suppress(OSError):
                for byte in b"GET /status HTTP/1.1\r\nX: " + b"y" * 1000:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(0.05)
        dripper = asyncio.create_task(drip())

        assert await asyncio.wait_for(silent.read(), PATIENCE_SECONDS) == b""
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(dripping.read(), PATIENCE_SECONDS) == b""
        dripper.cancel()
        assert (await world.ask("GET", "/healthz"))[0] == 200


async def test_above_the_maximum_the_longest_idle_connections_are_closed(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "MOST_CONNECTIONS", 20)
    monkeypatch.setattr(guard, "SWEEP_SECONDS", 0.1)
    async with serving(tmp_path) as world, contextlib.AsyncExitStack() as stack:
        held = [await stack.enter_async_context(raw(world.service)) for _ in range(60)]

        assert (await world.ask("GET", "/status"))[0] == 200
        assert await asyncio.wait_for(held[0][0].read(), PATIENCE_SECONDS) == b""


class Connection:
    closed = False

    def force_close(self):
        self.closed = True


class Server:
    def __init__(self, *connections):
        self.connections = connections


def test_a_client_that_does_not_read_its_response_is_disconnected():
    watched, slow, quick = ConnectionGuard(local=True, clock=SystemClock()), Connection(), Connection()
    watched._since = {slow: (True, 0.0), quick: (True, 100.0)}
    watched.sweep(Server(slow, quick), guard.BUSY_SECONDS + 1)

    assert (slow.closed, quick.closed) == (True, False)


def test_of_connections_with_equal_times_the_earlier_ones_are_closed_first(monkeypatch):
    monkeypatch.setattr(guard, "MOST_CONNECTIONS", 20)
    came = [Connection() for _ in range(60)]
    ConnectionGuard(local=True, clock=SystemClock()).sweep(Server(*came), 0.0)

    assert [each.closed for each in came] == [True] * 40 + [False] * 20


def test_closed_connections_are_dropped():
    watched = ConnectionGuard(local=True, clock=SystemClock())
    watched.sweep(Server(Connection()), 0.0)
    watched.sweep(Server(), 1.0)

    assert watched._since == {}


@pytest.mark.parametrize(("host", "token", "words"), [
    ("0.0.0.0", None, "writes are disabled"), ("0.0.0.0", TOKEN, "writes need the token"), ("127.0.0.1", None, None)])
async def test_listening_on_another_address_logs_a_warning(tmp_path, host, token, words):
    async with serving(tmp_path, token=token) as world:
        with structlog.testing.capture_logs() as lines:
            async with listening(world.service.runtime.published, host, 0):
                pass

    exposed = [line for line in lines if line["event"] == "exposed"]
    assert [line["log_level"] for line in exposed] == (["warning"] if words else [])
    assert all(words in line["text"] for line in exposed)


@pytest.mark.parametrize(("host", "port", "words"), [
    ("no.such.host.invalid", 0, "--host cannot be resolved"), ("x" * 70, 0, "--host cannot be resolved"),
    ("192.0.2.1", 0, "does not belong to this machine"), ("127.0.0.1", None, "set another --port")])
async def test_an_unavailable_address_names_the_option_to_correct(tmp_path, host, port, words):
    async with serving(tmp_path) as world:
        with pytest.raises(CannotListen, match=words):
            async with listening(world.service.runtime.published, host, world.service.port if port is None else port):
                pass


async def test_on_a_network_address_any_name_is_accepted(tmp_path):
    named = {"Host": "stoker.internal:8080"}
    async with (serving(tmp_path) as world, listening(world.service.runtime.published, "0.0.0.0", 0) as port,
                world.session.get(f"http://127.0.0.1:{port}/healthz", headers=named) as answer):
        assert answer.status == 200

"""Authentication at a Prometheus server over real connections: secrets that are rotated, TLS in both directions, signatures."""

import asyncio
import contextlib
import json
import ssl
import subprocess
from base64 import b64encode

import pytest
from aiohttp import web

from adapters.ports.errors import AdapterError, Misconfigured, PermissionDenied, Unreachable, Unsupported
from adapters.prometheus.client import PrometheusClient
from adapters.runtime.clock import SystemClock
from forecasting.demand import minute_of
from tests.adapters.prometheus.fake_prometheus import settings_of
from tests.patience import PATIENCE_SECONDS
from tests.web_servers import served

EMPTY = {"status": "success", "data": {"resultType": "matrix", "result": []}}


@contextlib.asynccontextmanager
async def asked_of(url, environment=None, **changes):
    """Yield a function that makes one query."""
    clock = SystemClock()
    client = PrometheusClient(settings_of(url, **changes), clock, environment or {}, PATIENCE_SECONDS)
    minute = minute_of(clock.now())

    async def ask():
        return await client.range_query(await client.access.read(), "peak", "up", minute - 1, minute)

    try:
        yield ask
    finally:
        await client.close()


async def headers_of(*steps, environment=None, **changes):
    """Return the headers of one request after each step."""
    seen = []

    async def answer(request):
        seen.append({**request.headers, "body": await request.text(), "path": request.path})
        return web.json_response(EMPTY)

    async with served(answer) as url, asked_of(f"{url}/prefix/", environment, **changes) as ask:
        for step in (lambda: None, *steps):
            step()
            await ask()
    return seen


async def test_queries_are_posted_as_a_form_below_the_path_prefix():
    (seen,) = await headers_of()

    assert (seen["path"], seen["Content-Type"]) == ("/prefix/api/v1/query_range", "application/x-www-form-urlencoded")
    assert "query=up&start=" in seen["body"]
    assert "step=60" in seen["body"]
    assert "Authorization" not in seen


async def test_headers_and_tokens_come_from_the_environment():
    (seen,) = await headers_of(environment={"TENANT": "blue", "TOKEN": "t0ken"}, bearer_env="TOKEN",
                               headers_from={"X-Scope-OrgID": "TENANT"})

    assert (seen["X-Scope-OrgID"], seen["Authorization"]) == ("blue", "Bearer t0ken")


async def test_a_rotated_file_is_read_again(tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    seen = await headers_of(lambda: file.write_text("second\n"), bearer_file=str(file))

    assert [each["Authorization"] for each in seen] == ["Bearer first", "Bearer second"]


async def test_basic_authentication_takes_the_password_from_a_file(tmp_path):
    (tmp_path / "password").write_text("pass:wörd")
    (seen,) = await headers_of(basic={"username": "stoker", "password_file": str(tmp_path / "password")})

    assert seen["Authorization"] == f"Basic {b64encode('stoker:pass:wörd'.encode()).decode()}"


@pytest.mark.parametrize(("content", "words"), [
    (None, "cannot be read (No such file or directory)"), (b"", "is empty"), (b"hidden\nhidden", "line break"),
    (b"\xff\xfe", "not text"),
])
async def test_a_file_without_a_usable_secret_is_named_and_not_quoted(tmp_path, content, words):
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Misconfigured) as raised:
        await headers_of(bearer_file=str(file))

    assert words in str(raised.value)
    assert f"{file} of bearer_file" in str(raised.value)
    assert "hidden" not in str(raised.value)


async def test_a_refused_secret_names_the_settings_and_is_not_quoted():
    async def answer(request):
        return web.Response(status=401, text="token hidden-value is wrong")

    async with served(answer) as url, asked_of(url, {"TOKEN": "hidden-value"}, bearer_env="TOKEN") as ask:
        with pytest.raises(PermissionDenied, match="check bearer_file, bearer_env") as raised:
            await ask()

    assert "hidden-value" not in str(raised.value)


@pytest.mark.parametrize(("status", "count"), [(200, 0), (400, 0), (401, 1), (403, 1)])
async def test_credentials_of_a_signature_that_is_refused_are_looked_up_again(status, count):
    class Signer:
        refusals = 0

        async def headers(self, method, url, body, headers):
            return {**headers, "Authorization": "AWS4-HMAC-SHA256 …"}

        def refused(self):
            self.refusals += 1

        def close(self):
            pass

    async def answer(request):
        return web.json_response(EMPTY, status=status)

    async with served(answer) as url:
        clock, signer = SystemClock(), Signer()
        client = PrometheusClient(settings_of(url), clock, {}, PATIENCE_SECONDS)
        client.access.signer = signer
        with contextlib.suppress(AdapterError):
            await client.range_query(await client.access.read(), "peak", "up", minute_of(clock.now()) - 1, minute_of(clock.now()))
        await client.close()

    assert signer.refusals == count


async def test_a_proxy_that_cannot_be_used_is_named(monkeypatch):
    monkeypatch.setenv("http_proxy", "not a proxy")
    async with asked_of("http://prometheus.invalid") as ask:
        with pytest.raises(Unreachable, match="http_proxy has no scheme"):
            await ask()


async def test_passwords_of_netrc_are_not_sent(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password hidden\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (plain,), (bearer,) = await headers_of(), await headers_of(environment={"TOKEN": "mine"}, bearer_env="TOKEN")

    assert "Authorization" not in plain
    assert bearer["Authorization"] == "Bearer mine"


@contextlib.asynccontextmanager
async def forwarding():
    """Yield the address of a proxy, and the targets and credentials of the requests to it."""
    seen = []

    async def forward(reader, writer):
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        seen.append((lines[0].split(" ")[1], next((each for each in lines if each.startswith("Proxy-Authorization")), "")))
        body = json.dumps(EMPTY).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        writer.close()

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    async with server:
        yield f"http://user:pass@127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


async def test_a_proxy_of_the_environment_is_used_with_its_password(monkeypatch):
    async with forwarding() as (proxy, seen):
        monkeypatch.setenv("http_proxy", proxy)
        async with asked_of("http://prometheus.invalid/prefix") as ask:
            assert (await ask()).series == []

    expected = f"Proxy-Authorization: Basic {b64encode(b'user:pass').decode()}"
    assert seen == [("http://prometheus.invalid/prefix/api/v1/query_range", expected)]


async def test_a_server_that_quotes_a_secret_in_its_error_is_quoted_without_it(tmp_path):
    (tmp_path / "token").write_text("hidden-value")

    async def answer(request):
        quoted = {"status": "error", "errorType": "bad_data", "error": f"you sent {request.headers['Authorization']}"}
        return web.json_response(quoted, status=400)

    async with served(answer) as url, asked_of(url, bearer_file=str(tmp_path / "token")) as ask:
        with pytest.raises(Unsupported) as raised:
            await ask()

    assert "you sent Bearer [redacted]" in str(raised.value)


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=PATIENCE_SECONDS)


def certificate(folder, name, host):
    """Make a certificate of its own authority."""
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
            f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-keyout", f"{name}.key", "-out", f"{name}.pem")


@contextlib.asynccontextmanager
async def secure_server(folder, *, clients=None):
    """Yield the URL of a server with the certificate `server`, which asks for one that is in the file `clients`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    app = web.Application()

    async def answer(request):
        return web.json_response(EMPTY)

    app.router.add_post("/api/v1/query_range", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_mutual_tls_with_a_name_of_the_certificate_and_certificates_that_change(tmp_path):
    await asyncio.to_thread(certificate, tmp_path, "server", "prometheus.example")
    await asyncio.to_thread(certificate, tmp_path, "client", "stoker")
    await asyncio.to_thread(certificate, tmp_path, "other", "other")
    tls = {"ca_file": str(tmp_path / "server.pem"), "server_name": "prometheus.example",
           "cert_file": str(tmp_path / "mine.pem"), "key_file": str(tmp_path / "mine.key")}

    def use(name):
        for end in ("pem", "key"):
            (tmp_path / f"mine.{end}").write_bytes((tmp_path / f"{name}.{end}").read_bytes())

    use("other")
    async with secure_server(tmp_path, clients=tmp_path / "client.pem") as url, asked_of(url, tls=tls) as ask:
        with pytest.raises(Unreachable):
            await ask()
        use("client")
        assert (await ask()).series == []


async def test_a_certificate_that_is_not_trusted_names_the_remedy(tmp_path):
    await asyncio.to_thread(certificate, tmp_path, "server", "prometheus.example")
    async with secure_server(tmp_path) as url, asked_of(url) as ask:
        with pytest.raises(Unreachable, match=r"certificate is not trusted: set tls\.ca_file, tls\.server_name"):
            await ask()


async def test_a_certificate_file_that_is_none_is_named(tmp_path):
    (tmp_path / "ca.pem").write_text("not a certificate")
    async with asked_of("https://127.0.0.1:1", tls={"ca_file": str(tmp_path / "ca.pem")}) as ask:
        with pytest.raises(Misconfigured, match=r"the files of tls \(ca_file\) are not valid"):
            await ask()
    async with asked_of("https://127.0.0.1:1", tls={"ca_file": str(tmp_path / "missing.pem")}) as ask:
        with pytest.raises(Misconfigured, match=r"missing\.pem of tls\.ca_file cannot be read"):
            await ask()

"""An emulator of AWS behind TLS and proxies: what they need is named when it is missing, and dead connections are left."""

import asyncio
import contextlib
import json
import signal
import ssl

import pytest

from tests.e2e.daemons import daemon, policy_text, stoker
from tests.foreign import servers
from tests.foreign.google.authority import Authority
from tests.foreign.google.proxy import ConnectProxy
from tests.foreign.test_aws_daemons import OFTEN, quoted, requested

HOST = "aws.test"


@pytest.fixture
def authority(tmp_path):
    (tmp_path / "authority").mkdir()
    return Authority(tmp_path / "authority")


@contextlib.asynccontextmanager
async def behind_tls(port, authority):
    """The port of a server that ends TLS, as `aws.test` and `localhost`, and passes on to `port`."""
    key, certificate = authority.issue(HOST, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    tasks = set()

    async def pass_on(reader, writer):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        there = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(pass_on(reader, there[1]), pass_on(there[0], writer))
        writer.close()
        there[1].close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def tls(account, authority):
    async with behind_tls(account.server.port, authority) as port:
        yield port


@pytest.fixture
def policy(account, tmp_path):
    account.function("agent", units=4)
    path = tmp_path / "policy.yaml"
    path.write_text(policy_text("agent", low=1))
    return path


def environment(account, endpoint, proxy, bundle):
    found = account.environment | {"AWS_ENDPOINT_URL": endpoint, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    found |= {} if proxy is None else {"HTTPS_PROXY": proxy}
    return found | ({} if bundle is None else {"AWS_CA_BUNDLE": str(bundle)})


async def test_doctor_and_plan_work_through_a_tls_proxy_with_a_custom_ca(account, authority, tls, policy, tmp_path):
    with servers.tinyproxy(tmp_path / "proxy") as proxy:
        variables = environment(account, f"https://localhost:{tls}", proxy.url, authority.path)
        code, out, err = await stoker("doctor", str(policy), "--state-dir", str(tmp_path / "state"), "--json",
                                      environment=variables)
        planned, _, wrong = await stoker("plan", "--policy", str(policy), "--detailed-exitcode", environment=variables)

        assert code == 0, out + err
        assert {finding["verdict"] for finding in json.loads(out)["findings"]} == {"ok", "unchecked"}
        assert planned == 3, wrong
        assert f"CONNECT localhost:{tls}" in proxy.text()


@pytest.mark.parametrize(("bundle", "named"), [
    (None, ["certificate that is not trusted", "AWS_CA_BUNDLE"]),
    ("/nonexistent/ca.pem", ["/nonexistent/ca.pem", "AWS_CA_BUNDLE"]),
    (__file__, [__file__, "AWS_CA_BUNDLE"]),
])
async def test_a_ca_that_is_missing_or_cannot_be_read_is_named(account, tls, policy, bundle, named):
    code, out, err = await stoker("plan", "--policy", str(policy),
                                  environment=environment(account, f"https://localhost:{tls}", None, bundle))

    assert code == 1
    assert [text for text in named if text not in err] == [], out + err


async def test_tls_to_a_server_without_tls_is_named(account, policy):
    code, out, err = await stoker("plan", "--policy", str(policy),
                                  environment=environment(account, account.server.url.replace("http:", "https:"), None, None))

    assert code == 1
    assert "does not use TLS" in err, out + err
    assert "AWS_ENDPOINT_URL" in err


async def test_a_missing_proxy_is_named(account, tls, policy):
    variables = environment(account, f"https://localhost:{tls}", "http://127.0.0.1:9", None)
    code, out, err = await stoker("plan", "--policy", str(policy), environment=variables)

    assert code == 1
    assert "ProxyConnectionError" in err, out + err


async def test_a_daemon_replaces_connections_that_are_no_longer_forwarded(account, authority, tls, policy, tmp_path):
    async with ConnectProxy() as proxy:
        proxy.routes[HOST] = tls
        variables = environment(account, f"https://{HOST}", proxy.url, authority.path)
        async with daemon(policy, tmp_path / "state", None, *OFTEN, environment=variables) as run:
            await requested(account, 4)
            before = len(proxy.asked)
            assert proxy.freeze() > 0
            account.traffic("agent", "live", 9, 3)
            await requested(account, 9)

            assert len(proxy.asked) > before
            assert await run.end(signal.SIGTERM) == 0
    assert quoted(run) == []

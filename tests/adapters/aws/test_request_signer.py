"""Signatures of requests that no client of the AWS library makes."""

import pytest
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from adapters.aws.request_signer import RequestSigner
from adapters.ports.errors import AdapterError, Misconfigured
from adapters.prometheus.client import PrometheusClient
from adapters.runtime.clock import SystemClock
from forecasting.demand import minute_of
from tests.adapters.prometheus.fake_prometheus import settings_of
from tests.patience import PATIENCE_SECONDS
from tests.web_servers import served

KEYS = {"AWS_ACCESS_KEY_ID": "AKIA" + "R" * 16, "AWS_SECRET_ACCESS_KEY": "its-secret", "AWS_SESSION_TOKEN": "its-token"}


@pytest.fixture
def keys(monkeypatch):
    for name, value in (KEYS | {"AWS_EC2_METADATA_DISABLED": "true"}).items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def test_a_query_to_a_workspace_has_the_signature_that_the_server_calculates(keys):
    seen, clock = [], SystemClock()

    async def answer(request):
        signed = request.headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
        again = AWSRequest("POST", str(request.url), {name: request.headers[name] for name in signed}, await request.read())
        again.context["timestamp"] = request.headers["X-Amz-Date"]
        auth = SigV4Auth(Credentials(*KEYS.values()), "aps", "us-east-1")
        canonical = auth.string_to_sign(again, auth.canonical_request(again))
        seen.append((request.headers["Authorization"].rpartition("Signature=")[2], auth.signature(canonical, again), signed,
                     request.headers["X-Amz-Security-Token"]))
        return web.json_response({"status": "success", "data": {"resultType": "matrix", "result": []}})

    async with served(answer) as url:
        settings = settings_of(f"{url}/workspaces/ws-1", sigv4={"region": "us-east-1"})
        client = PrometheusClient(settings, clock, {}, PATIENCE_SECONDS)
        await client.range_query(await client.access.read(), "peak", 'x{a="ä b"}', minute_of(clock.now()) - 1,
                                 minute_of(clock.now()))
        await client.close()

    ((sent, calculated, signed, token),) = seen
    assert sent == calculated
    assert {"host", "content-type", "x-amz-date", "x-amz-security-token"} <= set(signed)
    assert token == "its-token"


async def test_without_credentials_nothing_is_sent(keys, tmp_path):
    for name in KEYS:
        keys.delenv(name)
    keys.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    keys.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    signer = RequestSigner("us-east-1", "aps")
    try:
        with pytest.raises(AdapterError, match="nothing was sent: no AWS credentials") as raised:
            await signer.headers("POST", "https://a.example", b"", {})
    finally:
        signer.close()

    assert isinstance(raised.value, Misconfigured)

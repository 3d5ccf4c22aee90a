"""Tokens of an Azure application from a token service on loopback: renewed before they end, and used while that fails."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
from aiohttp import web

from adapters.ports.errors import AdapterError, Malformed, Misconfigured, PermissionDenied, Throttled, Unreachable
from adapters.prometheus.azure_tokens import AzureTokens
from adapters.prometheus.client import PrometheusClient
from adapters.runtime.clock import ManualClock, SystemClock
from forecasting.demand import minute_of
from tests.adapters.prometheus.fake_prometheus import settings_of
from tests.builders import NOON
from tests.patience import PATIENCE_SECONDS
from tests.web_servers import served

SECRET = "hidden-secret"
APPLICATION = {"tenant_id": "tenant-1", "client_id": "client-1", "client_secret_env": "SECRET"}


class TokenService:
    """`trouble`: status, body and headers in place of a token; or "hang"."""

    def __init__(self):
        self.forms, self.paths, self.trouble, self.life = [], [], None, 3600
        self.released = asyncio.Event()

    async def respond(self, request):
        self.paths.append(request.path)
        self.forms.append(dict(await request.post()))
        if self.trouble == "hang":
            await self.released.wait()
        elif self.trouble is not None:
            status, body, headers = self.trouble
            return web.json_response(body, status=status, headers=headers)
        return web.json_response({"token_type": "Bearer", "expires_in": self.life, "access_token": f"token-{len(self.forms)}"})


@contextlib.asynccontextmanager
async def application(environment=None, **azure):
    """Yield the token service, the tokens and their clock."""
    service, clock = TokenService(), ManualClock(NOON)
    async with served(service.respond) as url:
        settings = settings_of("https://ws.eastus.prometheus.monitor.azure.com", azure=azure or APPLICATION)
        environment = {"AZURE_AUTHORITY_HOST": f"{url}/", "SECRET": SECRET} | (environment or {})
        tokens = AzureTokens(settings, settings.azure, clock, environment)
        try:
            yield service, tokens, clock
        finally:
            service.released.set()
            await tokens.close()


async def settled(tokens):
    """Wait until the renewal has ended."""
    with contextlib.suppress(AdapterError):
        await tokens._renewing()


async def test_a_client_secret_is_exchanged_for_a_token_of_the_workspace():
    async with application() as (service, tokens, _):
        headers = await tokens.headers()

    assert headers == {"Authorization": "Bearer token-1"}
    assert service.paths == ["/tenant-1/oauth2/v2.0/token"]
    assert service.forms == [{"grant_type": "client_credentials", "client_id": "client-1", "client_secret": SECRET,
                              "scope": "https://prometheus.monitor.azure.com/.default"}]


async def test_a_workload_identity_needs_no_settings(tmp_path):
    (tmp_path / "token").write_text("assertion-1\n")
    environment = {"AZURE_TENANT_ID": "tenant-2", "AZURE_CLIENT_ID": "client-2",
                   "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")}
    service, clock = TokenService(), ManualClock(NOON)
    async with served(service.respond) as url:
        settings = settings_of("https://ws.example", azure={})
        tokens = AzureTokens(settings, settings.azure, clock, environment | {"AZURE_AUTHORITY_HOST": url})
        await tokens.headers()
        (tmp_path / "token").write_text("assertion-2\n")
        await clock.advance(timedelta(seconds=3600))
        await tokens.headers()

    assert service.paths == ["/tenant-2/oauth2/v2.0/token"] * 2
    assert [form["client_assertion"] for form in service.forms] == ["assertion-1", "assertion-2"]
    assert "client_secret" not in service.forms[0]


async def test_concurrent_requests_share_one_token():
    async with application() as (service, tokens, _):
        found = await asyncio.gather(*(tokens.headers() for _ in range(20)))

    assert {each["Authorization"] for each in found} == {"Bearer token-1"}
    assert len(service.forms) == 1


async def test_a_token_is_renewed_before_it_ends_and_the_old_one_is_used_meanwhile():
    async with application() as (service, tokens, clock):
        await tokens.headers()
        await clock.advance(timedelta(seconds=3600 - 301))
        before = await tokens.headers()
        await clock.advance(timedelta(seconds=2))
        service.trouble = "hang"
        during = await tokens.headers()
        service.released.set()
        await settled(tokens)
        after = await tokens.headers()

    assert [each["Authorization"] for each in (before, during, after)] == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
    assert len(service.forms) == 2


async def test_a_valid_token_is_used_after_its_renewal_failed_and_the_next_one_waits():
    async with application() as (service, tokens, clock):
        await tokens.headers()
        await clock.advance(timedelta(seconds=3400))
        service.trouble = (503, {}, {})
        assert (await tokens.headers())["Authorization"] == "Bearer token-1"
        await settled(tokens)
        assert (await tokens.headers())["Authorization"] == "Bearer token-1"
        await clock.advance(timedelta(seconds=180))
        with pytest.raises(Unreachable, match="has an error \\(503\\)"):
            await tokens.headers()
        with pytest.raises(Unreachable):
            await tokens.headers()

    assert len(service.forms) == 3


@pytest.mark.parametrize(("trouble", "kind", "words"), [
    ((401, {"error": "invalid_client", "error_codes": [7000215], "error_description": SECRET}, {}), PermissionDenied,
     "refuses the application (AADSTS7000215): the client secret is wrong"),
    ((400, {"error": "invalid_request"}, {}), PermissionDenied, "(status 400): check tenant_id"),
    ((429, {}, {"Retry-After": "90"}), Throttled, "limits the rate"),
    ((200, {"access_token": "a"}, {}), Malformed, "responded without a token"),
    ((200, ["a login page"], {}), Malformed, "responded without a token"),
    ((302, {}, {"Location": "http://elsewhere.invalid"}), PermissionDenied, "(status 302)"),
])
async def test_failures_name_the_server_and_the_remedy_and_quote_nothing(trouble, kind, words):
    async with application() as (service, tokens, _):
        service.trouble = trouble
        with pytest.raises(kind) as raised:
            await tokens.headers()

    assert words in str(raised.value)
    assert str(raised.value).startswith("https://ws.eastus.prometheus.monitor.azure.com: ")
    assert SECRET not in str(raised.value)


async def test_retry_after_of_the_token_service_is_respected():
    async with application() as (service, tokens, clock):
        service.trouble = (429, {}, {"Retry-After": "90"})
        for seconds in (0, 80, 20):
            await clock.advance(timedelta(seconds=seconds))
            with pytest.raises(Throttled):
                await tokens.headers()

    assert len(service.forms) == 2


@pytest.mark.parametrize(("environment", "azure", "words"), [
    ({}, {"tenant_id": "a", "client_id": "b"}, "azure has no credentials"),
    ({}, {"tenant_id": "a", "client_secret_env": "SECRET"}, r"AZURE_CLIENT_ID is not set: set it, or write azure\.client_id"),
    ({}, APPLICATION | {"client_secret_env": "MISSING"}, "variable MISSING is not set"),
    ({}, {"tenant_id": "a", "client_id": "b", "client_secret_file": "/missing"}, "/missing of azure cannot be read"),
    ({"AZURE_AUTHORITY_HOST": "http://login.example"}, APPLICATION, "no secret is sent"),
])
async def test_missing_credentials_name_the_setting(environment, azure, words):
    async with application(environment, **azure) as (service, tokens, _):
        with pytest.raises(Misconfigured, match=words):
            await tokens.headers()

    assert service.forms == []


@pytest.mark.parametrize(("status", "count"), [(200, 1), (400, 1), (401, 2), (403, 2)])
async def test_a_token_that_the_server_refuses_is_replaced(status, count):
    service, seen = TokenService(), []

    async def workspace(request):
        seen.append(request.headers["Authorization"])
        body = {"status": "success", "data": {"resultType": "matrix", "result": []}, "error": seen[-1]}
        return web.json_response(body, status=status)

    async with served(service.respond) as login, served(workspace) as url:
        clock = SystemClock()
        client = PrometheusClient(settings_of(url, azure=APPLICATION), clock, {"AZURE_AUTHORITY_HOST": login, "SECRET": SECRET},
                                  PATIENCE_SECONDS)
        errors, minute = [], minute_of(clock.now())
        for _ in range(2):
            try:
                await client.range_query(await client.access.read(), "peak", "up", minute - 1, minute)
            except AdapterError as error:
                errors.append(str(error))
        await client.close()

    assert len(service.forms) == count
    assert seen == ["Bearer token-1", f"Bearer token-{count}"]
    assert not any("token-" in error for error in errors)

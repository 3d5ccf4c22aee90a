"""Queries to Google's Prometheus with Application Default Credentials, from a token service on loopback."""

import json

import pytest
from aiohttp import web

from adapters.ports.errors import AdapterError, PermissionDenied
from adapters.prometheus.client import PrometheusClient
from adapters.runtime.clock import SystemClock
from forecasting.demand import minute_of
from tests.adapters.prometheus.fake_prometheus import settings_of
from tests.patience import PATIENCE_SECONDS
from tests.web_servers import served

EMPTY = {"status": "success", "data": {"resultType": "matrix", "result": []}}


def federation(folder, token_url, **more):
    """Write a credentials file whose subject token is exchanged at `token_url`; return its environment variable."""
    (folder / "subject").write_text("subject-token")
    content = {"type": "external_account", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": token_url,
               "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b",
               "credential_source": {"file": str(folder / "subject")}}
    (folder / "credentials.json").write_text(json.dumps(content | more))
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(folder / "credentials.json")}


async def queried(folder, status=200, times=1):
    """Return the forms of token requests, the headers of queries, and their errors."""
    forms, seen, errors = [], [], []

    async def exchange(request):
        forms.append(dict(await request.post()))
        return web.json_response({"access_token": f"token-{len(forms)}", "token_type": "Bearer", "expires_in": 3600,
                                  "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})

    async def workspace(request):
        seen.append(dict(request.headers))
        return web.json_response(EMPTY | {"error": request.headers["Authorization"]}, status=status)

    async with served(exchange) as tokens, served(workspace) as url:
        clock = SystemClock()
        client = PrometheusClient(settings_of(f"{url}/v1/projects/acme/location/global/prometheus", google=True), clock,
                                  federation(folder, f"{tokens}/token", quota_project_id="acme"), PATIENCE_SECONDS)
        minute = minute_of(clock.now())
        for _ in range(times):
            try:
                await client.range_query(await client.access.read(), "peak", "up", minute - 1, minute)
            except AdapterError as error:
                errors.append(str(error))
        await client.close()
    return forms, seen, errors


async def test_queries_have_a_token_that_may_only_read_metrics_and_it_is_shared(tmp_path):
    forms, seen, errors = await queried(tmp_path, times=3)

    assert errors == []
    assert [form["scope"] for form in forms] == ["https://www.googleapis.com/auth/monitoring.read"]
    assert [each["Authorization"] for each in seen] == ["Bearer token-1"] * 3
    assert seen[0]["x-goog-user-project"] == "acme"


async def test_a_token_that_is_refused_is_replaced_and_not_quoted(tmp_path):
    forms, seen, errors = await queried(tmp_path, status=401, times=2)

    assert [each["Authorization"] for each in seen] == ["Bearer token-1", "Bearer token-2"]
    assert len(forms) == 2
    assert "google" in errors[0]
    assert not any("token-" in error for error in errors)


async def test_missing_credentials_name_the_server_and_the_file(tmp_path):
    environment = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "missing.json")}
    client = PrometheusClient(settings_of("https://monitoring.example/prometheus", google=True), SystemClock(), environment)
    with pytest.raises(PermissionDenied) as raised:
        await client.access.read()
    await client.close()

    assert str(raised.value).startswith("https://monitoring.example/prometheus: the credentials file ")
    assert "does not exist" in str(raised.value)

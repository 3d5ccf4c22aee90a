"""Endpoints, proxies and channel options, from environment variables."""

import pytest

from adapters.gcp.network import endpoint, keepalive, proxy
from adapters.ports.errors import Unsupported

HOST = "run.googleapis.com:443"


@pytest.mark.parametrize(("given", "host"), [
    (None, None), ("", None), ("https://run-acme.p.googleapis.com/", "run-acme.p.googleapis.com"),
    ("https://run.europe-west1.rep.googleapis.com", "run.europe-west1.rep.googleapis.com"),
    ("restricted.example:8443", "restricted.example:8443"),
])
def test_an_endpoint_is_a_host(given, host):
    environment = {} if given is None else {"CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN": given}

    assert endpoint("run", environment) == host
    assert endpoint("monitoring", environment) is None


@pytest.mark.parametrize("given", ["http://run.example/", "https://run.example/v2/", "https://", "run example", "ftp://a"])
def test_an_invalid_endpoint_is_rejected_with_its_variable(given):
    with pytest.raises(Unsupported, match=r"CLOUDSDK_API_ENDPOINT_OVERRIDES_MONITORING is .*: it must be"):
        endpoint("monitoring", {"CLOUDSDK_API_ENDPOINT_OVERRIDES_MONITORING": given})


@pytest.mark.parametrize(("environment", "options"), [
    ({}, ()),
    ({"http_proxy": "http://a:1"}, ()),
    ({"https_proxy": "http://a:1"}, (("grpc.http_proxy", "http://a:1"),)),
    ({"HTTPS_PROXY": "http://a:1"}, (("grpc.http_proxy", "http://a:1"),)),
    ({"HTTPS_PROXY": "a:1"}, (("grpc.http_proxy", "http://a:1"),)),
    ({"HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:1"}, (("grpc.http_proxy", "http://b:1"),)),
    ({"https_proxy": "http://b:1", "grpc_proxy": "http://c:1"}, (("grpc.http_proxy", "http://c:1"),)),
    ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": "localhost,.googleapis.com"}, (("grpc.enable_http_proxy", 0),)),
    ({"HTTPS_PROXY": "http://a:1", "no_proxy": "run.googleapis.com"}, (("grpc.enable_http_proxy", 0),)),
    ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": "googleapis.example"}, (("grpc.http_proxy", "http://a:1"),)),
])
def test_a_proxy_is_found_in_either_case(environment, options):
    assert proxy(HOST, environment) == options


def test_a_proxy_that_grpc_would_bypass_is_rejected():
    with pytest.raises(Unsupported, match=r"HTTPS_PROXY has the scheme https, and .* it must be http://HOST:PORT") as raised:
        proxy(HOST, {"HTTPS_PROXY": "https://user:secret@a:1"})

    assert "secret" not in str(raised.value)


def test_the_response_to_a_ping_has_a_timeout_that_grpc_applies():
    options = dict(keepalive(30, 10))

    assert options["grpc.keepalive_time_ms"] == 30_000
    assert options["grpc.keepalive_timeout_ms"] == options["grpc.http2.ping_timeout_ms"] == 10_000

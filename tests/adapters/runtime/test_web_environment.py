"""Every HTTP client names the variable of an unusable proxy or certificate file."""

import pytest

from adapters.ports.errors import Unreachable
from adapters.runtime.web_environment import certificates_fault, proxy_of
from adapters.web.client import Client
from adapters.webhook import Poster
from tests.impostor import impostor
from tests.patience import PATIENCE_SECONDS

VARIABLES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
             "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture
def environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch.setenv


async def get(url):
    client = Client(patience=PATIENCE_SECONDS)
    try:
        await client.send("GET", url, "the page", {}, {})
    finally:
        await client.close()


async def post(url):
    poster = Poster(PATIENCE_SECONDS)
    try:
        await poster.post("ops", url, b"{}", {})
    finally:
        await poster.close()


@pytest.mark.parametrize("call", [get, post])
@pytest.mark.parametrize(("proxy", "words"), [
    ("proxy:3128", "has no scheme"), ("garbage://x", "scheme other than"), ("http://127.0.0.1:99999", "has a port"),
    ("http://", "has no host"), ("http://[::1", "is not a URL"), ("http://127.0.0.1:1", "cannot be reached"),
])
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
async def test_an_unusable_proxy_is_named_by_its_variable(environment, call, variable, proxy, words):
    environment(variable, proxy)
    with pytest.raises(Unreachable) as caught:
        await call("http://agent.example/ping")

    assert variable in str(caught.value)
    assert words in str(caught.value)


def test_hosts_in_no_proxy_avoid_a_broken_proxy(environment):
    environment("HTTP_PROXY", "proxy:3128")
    environment("NO_PROXY", "agent.example")

    assert proxy_of("http://agent.example/ping") is None
    assert proxy_of("http://other.example/ping") == "HTTP_PROXY"


@pytest.mark.parametrize("call", [get, post])
async def test_a_missing_certificate_file_is_named(environment, call, tmp_path):
    async with impostor(tmp_path) as (address, heard):
        environment("SSL_CERT_FILE", "/nowhere/ca.pem")
        with pytest.raises(Unreachable, match=r"SSL_CERT_FILE names /nowhere/ca\.pem, which does not exist"):
            await call(f"https://{address}/x")

    assert not any(heard)


def test_without_variables_there_is_no_fault(environment):
    assert certificates_fault() is None
    assert proxy_of("https://agent.example") is None

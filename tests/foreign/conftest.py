"""The servers that several tests share, each started by the first test that asks for it and stopped after the last one."""

import itertools

import pytest

from tests.foreign import servers
from tests.foreign.aws import Account
from tests.foreign.proxy import Proxy

NUMBERS = itertools.count(100_000_000_001)


@pytest.fixture(scope="session")
def ministack(tmp_path_factory):
    with servers.ministack(tmp_path_factory.mktemp("ministack")) as server:
        yield server


@pytest.fixture(scope="session")
def strict_ministack(tmp_path_factory):
    """A ministack that checks signatures, session tokens, their expiry, and IAM policies."""
    with servers.ministack(tmp_path_factory.mktemp("strict-ministack"), AUTH="true") as server:
        yield server


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    with servers.moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def account(ministack, moto):
    """A new account at the ministack that accepts any credentials."""
    return Account(str(next(NUMBERS)), ministack, moto)


@pytest.fixture
def strict_account(strict_ministack, moto):
    """A new account at the ministack that checks credentials."""
    return Account(str(next(NUMBERS)), strict_ministack, moto)


@pytest.fixture(scope="session")
def proxy(ministack, tmp_path_factory):
    """A microburst in front of the lenient ministack. It reads AWS's models with the first call, which takes seconds."""
    with servers.microburst(tmp_path_factory.mktemp("microburst"), ministack.url) as server:
        made = Proxy(server, ministack)
        through = Account(str(next(NUMBERS)), server, server)
        through.client("lambda").list_functions()
        through.client("cloudwatch").list_metrics()
        through.client("sts").get_caller_identity()
        yield made


@pytest.fixture
def proxied(proxy, moto):
    """A new account behind the proxy, and the proxy, which notes calls from now on and lets all of them pass."""
    proxy.disturb()
    account = Account(str(next(NUMBERS)), proxy.server, moto, direct=proxy.upstream)
    proxy.forget()
    yield account, proxy
    proxy.disturb()

"""Pools at Prometheus servers: which share a source, and what `stoker doctor` finds."""

import contextlib
from datetime import timedelta

import numpy as np
import pytest

from adapters.pinging.demand_without_pings import DemandWithoutPings
from adapters.ports.errors import Unsupported
from adapters.prometheus.demand_source import PrometheusDemand
from adapters.prometheus.provider import Prometheus
from adapters.registry import Registry
from adapters.runtime.clock import ManualClock
from adapters.web.settings import HttpPingSettings
from config.model.demand import NoDemandSettings
from config.model.policy import PoolPolicy
from tests.adapters.prometheus.fake_prometheus import PEAK, START, UP, FakePrometheus, settings_of
from tests.builders import NOON, demands, pool_policy
from tests.web_servers import served

MINE = PEAK.replace("{pool}", "agent")


def pool(name="agent", url="http://127.0.0.1:1", **changes):
    lever = HttpPingSettings.model_validate({"kind": "http-ping", "url": f"https://{name}.example/"})
    return PoolPolicy(name=name, max=9, lever=lever, demand=settings_of(url, **changes))


@pytest.fixture
async def provider():
    made = Prometheus(ManualClock(NOON), np.random.default_rng(0))
    yield made
    await made.close()


async def test_pools_with_the_same_connection_share_a_source(provider):
    pools = [pool("a"), pool("b", "http://127.0.0.1:2"), pool("c", peak="max_over_time(x[1m])"), pool("d", bearer_env="TOKEN")]

    assert [names for _, names in provider.sources(demands(*pools))] == [("a", "c"), ("b",), ("d",)]


async def test_of_a_pool_that_is_pinged_own_pings_are_left_out(provider):
    unpinged = pool().model_copy(update={"lever": pool_policy().lever})

    ((pinged, _),) = provider.sources(demands(pool()))
    ((plain, _),) = provider.sources(demands(unpinged))
    assert isinstance(pinged, DemandWithoutPings)
    assert isinstance(plain, PrometheusDemand)


async def test_the_registry_makes_the_source_and_a_sandbox_refuses_it():
    made = Registry(ManualClock(NOON), np.random.default_rng(0))
    others = pool("other").model_copy(update={"demand": NoDemandSettings(kind="none")})
    found = made.sources([pool(), others])
    await made.close()

    assert [(source.kind, names) for source, names in found] == [("prometheus", ("agent",)), ("none", ("other",))]
    with pytest.raises(Unsupported, match="sandbox, which has no Prometheus"):
        Registry(ManualClock(NOON), np.random.default_rng(0), "http://127.0.0.1:1").sources([pool()])


@contextlib.asynccontextmanager
async def doctored(data=None, skew=0, answer=None, **changes):
    """Yield the findings of all checks of one pool by check."""
    clock = ManualClock(NOON)
    fake = FakePrometheus(ManualClock(NOON + timedelta(seconds=skew)))
    fake.data, fake.answer = data or {}, answer
    made = Prometheus(clock, np.random.default_rng(0))
    async with served(fake.respond) as url:
        checks = made.demand_checks(demands(pool(url=url, **changes)))
        try:
            yield [finding for check in checks for finding in await check.run()]
        finally:
            await made.close()


def hour(value=1.0, minutes=60):
    return dict.fromkeys(range(START - minutes, START), value)


async def texts(**given):
    async with doctored(**given) as findings:
        return [f"{each.verdict} {each.check}: {each.text} -> {each.remedy}" for each in findings]


async def test_a_server_and_queries_that_work_are_ok():
    found = await texts(data={MINE: [hour()]})

    assert [each.split(":")[0] for each in found] == ["ok credentials", "ok clock", "ok metrics"]
    assert "60 of 60 minutes are known, 60 have a point of peak" in found[2]


async def test_a_pool_without_proof_fails():
    (*_, found) = await texts()

    assert found.startswith("fail metrics: peak proves none of the last 60 minutes")
    assert "add a proof query" in found


async def test_a_pool_without_any_demand_is_a_warning_because_the_name_may_be_wrong():
    (*_, found) = await texts(data={UP: [hour()]}, proof=UP)

    assert found.startswith("warn metrics: 60 of 60 minutes are known, 0 have a point of peak, so the pool counts as idle")


async def test_gaps_and_queries_without_points_are_warnings():
    found = await texts(data={MINE: [hour(2, 40)]}, requests="sum(increase(x[1m]))")

    assert "warn metrics: 40 of 60 minutes are known" in found[-2]
    assert "warn metrics: requests had no point while peak was above 0" in found[-1]
    assert "two scrapes, such as [2m]" in found[-1]


async def test_points_that_are_no_numbers_are_a_warning():
    found = await texts(data={MINE: [hour() | dict.fromkeys(range(START - 20, START - 10), "NaN") | {START - 5: -1}]})

    assert "warn metrics: peak is NaN, infinite or negative in 11 of 60 minutes, which are unknown" in found[-1]


async def test_a_series_with_labels_is_a_warning():
    found = await texts(data={MINE: [{}, hour()]})

    assert "warn query: its series has the labels pod: a second series with other values would make it fail" in found[2]


async def test_a_clock_that_is_seconds_off_is_a_warning():
    found = await texts(data={MINE: [hour()]}, skew=-45)

    assert "warn clock: this machine's clock is 45 s ahead" in found[1]


async def test_a_secret_over_http_to_another_machine_is_a_warning(provider):
    (server, _) = provider.demand_checks(demands(pool(url="http://prometheus.invalid", headers_from={"X-Key": "MISSING"})))
    findings = await server.run()

    assert [(each.check, each.verdict.value) for each in findings] == [("credentials", "warn"), ("credentials", "fail")]
    assert "variable MISSING of headers_from is not set" in findings[1].text

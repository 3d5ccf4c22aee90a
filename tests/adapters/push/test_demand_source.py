"""Limits and errors of pushed demand."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.aws.cloudwatch.demand_source import CloudWatchDemand
from adapters.kinds import demand_of, grants, policy_kinds
from adapters.ports.reports import HasReports, Report, TooMany
from adapters.push import demand_source
from adapters.push.demand_source import PushDemand
from adapters.registry import Registry
from adapters.runtime.clock import ManualClock
from config.loading.loader import PolicyError, parse_policy
from tests.builders import NOON, PUSHED

LAMBDA = "{kind: lambda-provisioned-concurrency, region: us-east-1, function: agent, alias: live}"


def parsed(demand):
    text = f"version: 1\npools:\n  - name: agent\n    max: 5\n    lever: {LAMBDA}\n    demand: {demand}\n"
    return parse_policy(text, policy_kinds()).pools


@pytest.fixture
def clock():
    return ManualClock(NOON)


async def told(source, clock):
    return (await source.collect(["a"], {"a": NOON - timedelta(minutes=15)}, clock.now().replace(second=0)))["a"]


async def test_without_a_sender_the_error_names_the_remedy(clock):
    error = (await told(PushDemand({"a": PUSHED}, clock), clock)).error

    assert "POST to /v1/pools/a/in-flight" in str(error)


async def test_a_silent_sender_is_named(clock):
    source = PushDemand({"a": PUSHED}, clock)
    source.accept("a", Report("web-1", 1, in_flight=2))
    await clock.advance(timedelta(minutes=2))
    answer = await told(source, clock)

    assert "web-1 stopped reporting without a final report at 12:00:00 UTC" in str(answer.error)
    assert answer.alive is False


async def test_after_final_reports_there_is_no_error(clock):
    source = PushDemand({"a": PUSHED}, clock)
    source.accept("a", Report("web-1", 1, in_flight=2))
    source.accept("a", Report("web-1", 2, in_flight=0, final=True))
    await clock.advance(timedelta(minutes=3))
    answer = await told(source, clock)

    assert (answer.error, answer.series.peak[-1]) == (None, 0)


async def test_too_many_reports_a_second_are_refused_and_the_minute_is_unknown(clock, monkeypatch):
    monkeypatch.setattr(demand_source, "MOST_A_SECOND", 2)
    source = PushDemand({"a": PUSHED}, clock)
    await clock.advance(timedelta(minutes=2))
    for number in (1, 2):
        source.accept("a", Report("web-1", number, in_flight=2))
    with pytest.raises(TooMany, match="more than 2 reports a second"):
        source.accept("a", Report("web-1", 3, in_flight=2))
    await clock.advance(timedelta(seconds=30))
    source.accept("a", Report("web-1", 4, in_flight=2))
    await clock.advance(timedelta(seconds=30))

    assert np.isnan((await told(source, clock)).series.peak).all()


async def test_senders_of_all_pools_are_limited(clock, monkeypatch):
    monkeypatch.setattr(demand_source, "MOST_ALL_SENDERS", 1)
    source = PushDemand(dict.fromkeys("ab", PUSHED), clock)
    source.accept("a", Report("web-1", 1, in_flight=2))
    with pytest.raises(TooMany, match="all pools have 1 senders"):
        source.accept("b", Report("web-2", 1, in_flight=2))
    assert source.accept("a", Report("web-1", 2, in_flight=2)).applied


def test_metrics_are_the_settings_of_another_source_with_the_keys_of_the_lever():
    (pool,) = parsed("{kind: push, silence: 20s, metrics: {kind: cloudwatch-lambda, function: other}}")

    assert pool.demand.silence == timedelta(seconds=20)
    assert pool.demand.metrics.resource == "region=us-east-1 function=other alias=live"
    assert demand_of(pool).hindsight.kind == "cloudwatch-lambda"


@pytest.mark.parametrize(("metrics", "text"), [
    ("{kind: cloudwach-lambda}", "demand.metrics.kind: unknown kind of metrics 'cloudwach-lambda': did you mean"),
    ("{kind: push}", "demand.metrics.kind: unknown kind of metrics 'push'"),
    ("{kind: http-metrics}", "demand.metrics.url: the key url is missing"),
    ("{kind: cloudwatch-lambda, regoin: us-east-1}", "unknown key 'regoin': did you mean region?"),
])
def test_a_problem_of_the_metrics_has_its_place(metrics, text):
    with pytest.raises(PolicyError) as raised:
        parsed(f"{{kind: push, metrics: {metrics}}}")

    assert text in str(raised.value.problems[0])


@pytest.mark.parametrize(("settings", "text"), [
    ("silence: 1s", "demand.silence: 1s is not from 5s to 5m"), ("silence: 10m", "demand.silence: 10m is not from 5s to 5m"),
    ("match: {}", "demand.match: a mapping is empty: add an item"),
])
def test_a_value_out_of_range_is_refused_with_what_is_allowed(settings, text):
    with pytest.raises(PolicyError) as raised:
        parsed(f"{{kind: push, {settings}}}")

    assert text in str(raised.value.problems[0])


async def test_pools_with_and_without_metrics_have_sources_of_their_own(clock):
    pools = [*parsed("{kind: push}"), parsed("{kind: push, metrics: {kind: cloudwatch-lambda}}")[0].model_copy(
        update={"name": "other"})]
    registry = Registry(clock, np.random.default_rng(0), "http://127.0.0.1:1")
    alone, both = registry.sources(pools)
    await registry.close()

    assert (alone[1], both[1]) == (("agent",), ("other",))
    assert isinstance(both[0]._metrics, CloudWatchDemand) or isinstance(both[0]._metrics.source, CloudWatchDemand)
    assert isinstance(alone[0], HasReports)
    assert isinstance(both[0], HasReports)


@pytest.mark.parametrize(("demand", "reads"), [
    ("{kind: push}", False), ("{kind: push, metrics: {kind: cloudwatch-lambda}}", True)])
def test_the_permissions_are_those_of_the_metrics(demand, reads):
    text = f"version: 1\npools:\n  - name: agent\n    max: 5\n    lever: {LAMBDA}\n    demand: {demand}\n"
    ((granted, (pool,)),) = grants(parse_policy(text, policy_kinds()))

    assert any(call.action == "cloudwatch:GetMetricData" for call in granted.needed(pool)) is reads

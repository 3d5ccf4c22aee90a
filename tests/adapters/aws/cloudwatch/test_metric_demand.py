"""Pools whose demand is in any metrics of CloudWatch: their sources, own pings, and what `stoker doctor` finds."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.aws.cloudwatch.metric_demand import CloudWatchMetricDemand
from adapters.aws.metric_settings import CloudWatchMetricSettings
from adapters.aws.provider import Aws
from adapters.pinging.demand_without_pings import DemandWithoutPings
from adapters.ports.diagnostics import Verdict
from adapters.runtime.clock import ManualClock
from controller.decision.planning.observation import DataFreshness
from tests.adapters.conformance.cloudwatch_metric_source import CloudWatchAlbSource, CloudWatchMetricSource
from tests.adapters.conformance.ping_stage import http_pool, ping_pool
from tests.builders import NOON, pool_policy


@pytest.fixture
async def provider():
    made = Aws(ManualClock(NOON), np.random.default_rng(0), "http://127.0.0.1:1")
    yield made
    await made.close()


@pytest.fixture(params=[CloudWatchMetricSource, CloudWatchAlbSource])
async def stage(request):
    async with request.param() as built:
        yield built


async def test_each_kind_and_region_has_a_source(provider):
    async with CloudWatchMetricSource() as metric, CloudWatchAlbSource() as alb:
        pools = [(pool_policy(name=name), settings) for name, settings in (
            ("a", metric.settings("agent")), ("b", alb.settings("agent")), ("c", metric.settings("idle")),
            ("d", metric.settings("idle", elsewhere=True)))]
    found = [(source.kind, source.region, names) for source, names in provider.sources(pools)]

    assert found == [("cloudwatch", "us-east-1", ("a", "c")), ("cloudwatch-alb", "us-east-1", ("b",)),
                     ("cloudwatch", "eu-west-1", ("d",))]


@pytest.mark.parametrize(("pool", "wrapped"), [(http_pool(), True), (ping_pool(), False)])
async def test_pings_of_a_url_pass_the_load_balancer_and_those_of_a_function_do_not(provider, pool, wrapped):
    async with CloudWatchAlbSource() as alb:
        settings = alb.settings("agent")
    ((source, _),) = provider.sources([(pool, settings)])

    assert isinstance(source, DemandWithoutPings if wrapped else CloudWatchMetricDemand)


@pytest.mark.parametrize(("name", "verdict"), [("agent", Verdict.OK), ("nobody", Verdict.WARN)])
async def test_doctor_names_metrics_without_points(stage, name, verdict):
    provider = stage.impatient()
    checks = provider.demand_checks([(pool_policy(name=name), stage.settings(name))])
    titles = [check.title for check in checks]
    finding = (await checks[-1].run())[-1]
    await provider.close()

    assert (titles[0], titles[-1]) == ("credentials of AWS", f"metrics of {name}")
    assert finding.verdict is verdict
    assert verdict is Verdict.OK or "(requests)" in finding.text


async def test_without_any_point_a_load_balancer_may_be_idle_and_a_missing_heartbeat_is_an_outage(stage):
    await stage.read()
    stage.hide()
    await stage.read(30)
    freshness, _ = stage.collector.freshness("agent", stage.clock.now())

    assert freshness is (DataFreshness.QUIET if stage.kind == "cloudwatch-alb" else DataFreshness.BROKEN)


async def test_a_metric_that_several_expressions_use_is_read_and_billed_once(provider):
    running, waiting = ({"id": name.lower(), "namespace": "Agents", "metric": name, "statistic": "Maximum"}
                        for name in ("Running", "Waiting"))
    settings = CloudWatchMetricSettings.model_validate({
        "kind": "cloudwatch", "region": "us-east-1", "peak": {"expression": "running + waiting", "metrics": [running, waiting]},
        "busy": {"expression": "running / 2", "metrics": [running]}})
    ((source, _),) = provider.sources([(pool_policy(), settings)])
    asked = []

    async def read(queries):
        asked.extend(query.metric.name for query in queries)
        return {query: [] for query in queries}, {}

    source._reader.read = read
    await source.collect(["agent"], {"agent": NOON - timedelta(hours=1)}, NOON)

    assert asked == ["Running", "Waiting"]
    assert source.monthly_cost_usd(1, timedelta(minutes=1)) == pytest.approx(2 * 0.438)

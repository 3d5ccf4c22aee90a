"""Any metrics, and those of a load balancer, at two emulators of other projects: both read what was put there."""

from datetime import timedelta

import numpy as np
import pytest
import yaml

from adapters.aws.metric_settings import CloudWatchAlbSettings, CloudWatchMetricSettings
from adapters.aws.provider import Aws
from adapters.runtime.clock import SystemClock
from forecasting.demand import instant_of, minute_of
from tests.builders import pool_policy
from tests.sources import ROOT

BALANCER, GROUP = "app/agents/50dc6c495c0c9188", "targetgroup/chat/73e2d6bc24d8a067"
MINUTES = 40
HOUR = timedelta(hours=1)


def metric(name, statistic, **more):
    return {"namespace": "Agents", "metric": name, "statistic": statistic, "dimensions": {"Service": "chat"}} | more


def settings_of(**roles):
    return CloudWatchMetricSettings.model_validate({"kind": "cloudwatch", "region": "us-east-1"} | roles)


GAUGE = settings_of(peak=metric("InFlight", "Maximum"), busy=metric("InFlight", "Average"), requests=metric("Requests", "Sum"),
                    proof=metric("Heartbeat", "SampleCount"))
SUM = settings_of(peak={"expression": "CEIL((running + waiting) / 2)", "metrics": [
    metric("Running", "Maximum", id="running"), metric("Waiting", "Maximum", id="waiting")]},
    proof=metric("Heartbeat", "SampleCount"))
LOAD_BALANCER = CloudWatchAlbSettings(kind="cloudwatch-alb", region="us-east-1", load_balancer=BALANCER, target_group=GROUP)


def put(account, server, namespace, dimensions, end, **values):
    """Put values of the last `MINUTES` minutes; None: no point. Each value may be several samples of a minute."""
    client = account.client("cloudwatch", server.url)
    for name, of_minute in values.items():
        points = []
        for minute in range(end - MINUTES, end):
            samples = of_minute(minute)
            if samples is not None:
                points.append({"MetricName": name, "Timestamp": instant_of(minute), "Values": samples,
                               "Counts": [1.0] * len(samples),
                               "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()]})
        client.put_metric_data(Namespace=namespace, MetricData=points)


@pytest.fixture(params=["ministack", "moto"])
def emulator(request, account):
    return account.server if request.param == "ministack" else account.scaling


async def read(account, emulator, settings, monkeypatch):
    for name, value in (account.environment | {"AWS_ENDPOINT_URL": emulator.url}).items():
        monkeypatch.setenv(name, value)
    clock = SystemClock()
    provider = Aws(clock, np.random.default_rng(0))
    try:
        ((source, names),) = provider.sources([(pool_policy(), settings)])
        now = clock.now()
        return (await source.collect(names, dict.fromkeys(names, now - HOUR), now))["agent"]
    finally:
        await provider.close()


def idle(minute):
    return minute % 5 == 0


async def test_any_metrics_are_read_and_their_gaps_are_zero_where_another_proves_it(account, emulator, monkeypatch):
    end = minute_of(SystemClock().now())
    put(account, emulator, "Agents", {"Service": "chat"}, end, InFlight=lambda minute: None if idle(minute) else [2.0, 4.0],
        Requests=lambda minute: None if idle(minute) else [5.0, 1.0], Heartbeat=lambda _: [1.0])
    told = await read(account, emulator, GAUGE, monkeypatch)
    series = told.series
    silent = np.array([idle(minute) for minute in range(series.first_minute, series.end_minute)])

    assert told.error is None
    assert told.alive is True
    assert int(series.known.sum()) >= MINUTES - 5
    assert set(series.peak[series.known & ~silent].tolist()) == {4.0}
    assert set(series.busy[series.known & ~silent].tolist()) == {3.0}
    assert set(series.invocations[series.known & ~silent].tolist()) == {6.0}
    assert set(series.peak[series.known & silent].tolist()) == {0.0}
    assert not series.known[: -MINUTES - 2].any()


async def test_an_expression_is_computed_from_its_metrics(account, emulator, monkeypatch):
    end = minute_of(SystemClock().now())
    put(account, emulator, "Agents", {"Service": "chat"}, end, Running=lambda _: [5.0],
        Waiting=lambda minute: None if idle(minute) else [4.0], Heartbeat=lambda _: [1.0])
    series = (await read(account, emulator, SUM, monkeypatch)).series
    minutes = np.arange(series.first_minute, series.end_minute)
    expected = np.where(minutes % 5 == 0, 3.0, 5.0)

    assert int(series.known.sum()) >= MINUTES - 5
    assert (series.peak == expected)[series.known].all()


async def test_the_depth_of_a_queue_is_read_as_the_page_shows(account, emulator, monkeypatch):
    page = (ROOT / "docs" / "demand" / "cloudwatch.md").read_text().partition("## Depth of an SQS queue")[2]
    (lead,) = yaml.safe_load(page.split("```")[1].removeprefix("yaml"))["leads"]
    end = minute_of(SystemClock().now())
    put(account, emulator, "AWS/SQS", {"QueueName": "jobs"}, end, ApproximateNumberOfMessagesVisible=lambda _: [7.0, 9.0])
    told = await read(account, emulator, CloudWatchMetricSettings.model_validate(lead), monkeypatch)

    assert told.error is None
    assert set(told.series.peak[told.series.known].tolist()) == {9.0}


async def test_demand_of_a_target_group_is_requests_times_response_time(account, emulator, monkeypatch):
    end = minute_of(SystemClock().now())
    put(account, emulator, "AWS/ApplicationELB", {"TargetGroup": GROUP, "LoadBalancer": BALANCER}, end,
        RequestCount=lambda _: [100.0, 20.0], TargetResponseTime=lambda _: [1.0, 3.0], HealthyHostCount=lambda _: [2.0])
    told = await read(account, emulator, LOAD_BALANCER, monkeypatch)
    series = told.series

    assert told.error is None
    assert int(series.known.sum()) >= MINUTES - 2
    assert set(series.busy[series.known].tolist()) == {4.0}
    assert set(series.invocations[series.known].tolist()) == {120.0}
    assert (series.peak[series.known] > 4).all()
    assert told.duration_seconds == 2.0

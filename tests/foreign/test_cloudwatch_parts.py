"""Parts of the metrics of a Lambda alias at two emulators of other projects: the peak alone, and the region's peak that wakes."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.aws.provider import Aws
from adapters.aws.settings import CloudWatchLambdaSettings
from adapters.ports.demand_source import Part
from adapters.ports.read_prices import USD_PER_METRIC
from adapters.runtime.clock import SystemClock
from forecasting.demand import instant_of, minute_of
from tests.builders import pool_policy

MINUTES = 180
"""More than are read to decide whether a silence of the region is sudden."""


@pytest.fixture(params=["ministack", "moto"])
def emulator(request, account):
    return account.server if request.param == "ministack" else account.scaling


def put(client, first, end, alias, **values):
    """Put one value a minute, of an alias or, without one, of the whole region."""
    names = {} if alias is None else {"FunctionName": alias.split(":")[0], "Resource": alias}
    dimensions = [{"Name": name, "Value": value} for name, value in names.items()]
    for name, value in values.items():
        client.put_metric_data(Namespace="AWS/Lambda", MetricData=[
            {"MetricName": name, "Timestamp": instant_of(minute), "Value": value, "Dimensions": dimensions}
            for minute in range(first, end)])


async def test_the_peak_alone_is_one_metric_and_the_region_wakes_a_pool_that_sleeps(account, emulator, monkeypatch):
    for name, value in (account.environment | {"AWS_ENDPOINT_URL": emulator.url}).items():
        monkeypatch.setenv(name, value)
    clock, client = SystemClock(), account.client("cloudwatch", emulator.url)
    now = clock.now()
    end, since = minute_of(now) - 3, {"awake": now - timedelta(minutes=30), "asleep": now - timedelta(minutes=30)}
    put(client, end - MINUTES, end, "awake:live", Invocations=6.0, ConcurrentExecutions=2.0, Duration=5000.0)
    put(client, end - MINUTES, end, None, Invocations=6.0, ConcurrentExecutions=2.0)
    provider = Aws(clock, np.random.default_rng(0))
    pools = [(pool_policy(name=name), CloudWatchLambdaSettings(kind="cloudwatch-lambda", region="us-east-1", function=name,
                                                               alias="live")) for name in since]
    try:
        ((source, _),) = provider.sources(pools)
        whole = await source.collect_parts(dict.fromkeys(since, Part.ALL), since, now)
        before = source.spent_usd
        parts = await source.collect_parts({"awake": Part.PEAK, "asleep": Part.LISTEN}, since, now)
        read = round((source.spent_usd - before) / USD_PER_METRIC)
        put(client, end, end + 1, None, Invocations=9.0, ConcurrentExecutions=5.0)
        put(client, end, end + 1, "asleep:live", Invocations=3.0, ConcurrentExecutions=3.0, Duration=2000.0)
        woken = await source.collect_parts({"awake": Part.PEAK, "asleep": Part.LISTEN}, since, now)
    finally:
        await provider.close()
    mine, theirs = parts["awake"].series, whole["awake"].series

    assert set(parts) == {"awake"}
    assert read == 1 + 2 + 1, "of the pool, two that prove idleness, and the one that wakes"
    assert mine.known.sum() > 20
    assert mine.peak[mine.known].tolist() == theirs.peak[mine.known].tolist()
    assert mine.invocations[mine.known].tolist() == theirs.invocations[mine.known].tolist(), "as they were read before"
    assert np.nanmax(woken["asleep"].series.peak[-4:]) == 3

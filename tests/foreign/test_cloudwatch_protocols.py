"""CloudWatch speaks several protocols, and which one the library prefers differs from version to version: demand is the same.

JSON is what it prefers now; the other is forced by leaving it alone in the library's description of the service. CBOR is left
out: plain boto3 cannot read what ministack answers to GetMetricData in it.
"""

from datetime import timedelta

import numpy as np
import pytest

from adapters.aws.library_sessions import MODELS
from adapters.aws.provider import Aws
from adapters.runtime.clock import SystemClock
from tests.adapters.conformance.lambda_stage import pool
from tests.builders import demands

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("protocol", ["json", "query"])
async def test_demand_and_metrics_are_read_over_each_protocol(account, protocol, monkeypatch):
    account.function("agent", units=4)
    for name, value in account.environment.items():
        monkeypatch.setenv(name, value)
    metadata = MODELS.load_service_model("cloudwatch", "service-2")["metadata"]
    monkeypatch.setitem(metadata, "protocols", [protocol])
    clock = SystemClock()
    provider = Aws(clock, np.random.default_rng(0))
    try:
        ((source, names),) = provider.sources(demands(pool()))
        now = clock.now()
        told = (await source.collect(names, dict.fromkeys(names, now - HOUR), now))["agent"]
        found = (await provider.survey({"region": "us-east-1"})).found
    finally:
        await provider.close()

    assert told.error is None
    assert int(told.series.known.sum()) in range(57, 61)
    assert float(np.nanmin(told.series.peak)) == float(np.nanmax(told.series.peak)) == 4.0
    assert [each.name for each in found] == ["agent"]

"""Any metrics of Cloud Monitoring as demand: what is sent, what absent points mean, and errors of one pool."""

from datetime import timedelta

import numpy as np
import pytest
from google.cloud.monitoring_v3 import TimeSeries

from adapters.gcp.metric_settings import CloudMonitoringMetricSettings
from adapters.gcp.monitoring.metric_demand import CloudMonitoringMetricDemand, rows_of
from adapters.gcp.provider import Gcp
from adapters.ports.errors import Malformed, NotFound, Unsupported
from adapters.runtime.clock import ManualClock
from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.world import PublishedSeries, RunSandbox
from adapters.sandbox.world import Sandbox
from forecasting.demand import minute_of
from tests.builders import NOON, pool_policy

NOW = minute_of(NOON)
HOUR = timedelta(hours=1)
DEPTH = 'metric.type = "pubsub.googleapis.com/subscription/num_undelivered_messages" AND resource.labels.subscription_id = "jobs"'


def settings(**roles):
    peak = {"filter": DEPTH, "aligner": "ALIGN_MAX"}
    common = {"kind": "cloud-monitoring-metric", "project": "acme", "peak": peak}
    return CloudMonitoringMetricSettings.model_validate(common | roles)


class FakeReader:
    """Pages of series, or an error, by filter."""

    project = "acme"

    def __init__(self, **pages):
        self.found, self.sent, self.series_returned = pages, [], 0

    async def pages(self, call, request):
        self.sent.append(request)
        found = self.found["pages"]
        if isinstance(found, Exception):
            raise found
        for page in found:
            yield page


def series(**values):
    """A series with the points `values` (`mN`: N minutes before now)."""
    made = TimeSeries()
    for name, value in values.items():
        end = {"seconds": (NOW - int(name[1:]) + 1) * 60}
        made.points.append({"interval": {"end_time": end}, "value": value})
    return TimeSeries.pb(made)


async def read(reader, **roles):
    source = CloudMonitoringMetricDemand(reader, ManualClock(NOON), {"a": settings(**roles)})
    found = (await source.collect(["a"], {"a": NOON - timedelta(minutes=10)}, NOON))["a"]
    return source, found


async def test_points_of_all_pages_are_the_minutes_before_their_end():
    reader = FakeReader(pages=[[series(m1={"int64_value": 5})], [series(m2={"double_value": 2.5})]])
    source, found = await read(reader)
    (request,) = reader.sent

    assert found.series.peak[-2:].tolist() == [3, 5]
    assert found.series.busy[-2:].tolist() == [2.5, 5]
    assert found.series.known.sum() == 2
    assert (found.alive, found.error) == (True, None)
    assert (request.name, request.filter) == ("projects/acme", DEPTH)
    assert request.aggregation.per_series_aligner.name == "ALIGN_MAX"
    assert request.aggregation.cross_series_reducer.name == "REDUCE_SUM"
    assert not request.aggregation.group_by_fields
    assert source.spent_usd == pytest.approx(0.5e-6)


@pytest.mark.parametrize(("pages", "kind", "what"), [
    ([[series(m1={"distribution_value": {"count": 3}})]], Unsupported, "ALIGN_PERCENTILE_99"),
    (NotFound("no such metric"), NotFound, "correct filter"),
    ([[series(m1={"int64_value": -5})]], Malformed, "negative"),
])
async def test_what_is_no_number_is_an_error_with_a_remedy(pages, kind, what):
    _, found = await read(FakeReader(pages=pages))

    assert type(found.error) is kind
    assert what in str(found.error)
    assert not found.series.known.any()


async def test_without_points_and_proof_nothing_is_known():
    _, found = await read(FakeReader(pages=[]))

    assert (found.alive, found.error) == (None, None)
    assert "no point recently" in found.quiet
    assert not found.series.known.any()


def test_an_absent_point_is_zero_only_where_it_is_proved():
    nan = np.nan
    peak, proof = np.array([2, nan, nan, 4, nan, nan, nan]), np.array([1, 1, nan, 1, 1, 1, 1.0])
    found, absent = rows_of(100, {"peak": peak, "proof": proof}, np.zeros(7, bool))

    assert np.array_equal(found.peak, [2, 0, nan, 4, nan, nan, nan], equal_nan=True)
    assert absent.tolist() == [False, True, True, False, True, True, True]


def test_busy_is_at_most_the_peak_and_a_wrong_minute_is_unknown():
    values = {"peak": np.array([2.0, 3.0, 3.0]), "busy": np.array([2.5, 1.5, np.nan]), "requests": np.array([9.0, 8.0, 7.0])}
    found, _ = rows_of(100, values, np.array([False, True, False]))

    assert np.array_equal(found.busy, [2, np.nan, 3], equal_nan=True)
    assert np.array_equal(found.invocations, [9, np.nan, 7], equal_nan=True)


async def test_the_check_names_metrics_without_points():
    world = RunSandbox(Sandbox(ManualClock(NOON), seed=1))
    heartbeat = {"filter": 'metric.type = "custom.googleapis.com/beat"', "aligner": "ALIGN_COUNT"}
    world.published["projects/acme", DEPTH] = PublishedSeries("jobs", NOW - 60, np.ones(60))
    world.published["projects/acme", heartbeat["filter"]] = PublishedSeries("beat", NOW - 60, np.full(60, np.nan))
    async with GrpcSandboxServer(world) as server:
        gcp = Gcp(world.clock, np.random.default_rng(0), server.target)
        try:
            findings = [each for demand in (settings(), settings(proof=heartbeat))
                        for check in gcp.demand_checks([(pool_policy(), demand)]) for each in await check.run()]
        finally:
            await gcp.close()

    assert [(each.verdict, each.text) for each in findings] == [
        ("ok", "every metric has points within 60 min"), ("warn", "no point within 60 min: proof")]

"""Reads of CloudWatch, called with boto3."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.sandbox.traffic.publishing import Publishing
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.sandbox.conftest import NOON, flat

EXACT = Publishing(delay_seconds=(60.0, 60.0), partial_share=0.0, late_seconds=0.0)


def query(metric: str, stat: str, name: str = "q", period: int = 60, **dimensions: str) -> dict:
    listed = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    of = {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": listed}
    return {"Id": name, "MetricStat": {"Metric": of, "Period": period, "Stat": stat}, "ReturnData": True}


async def read(world, *queries: dict, minutes: float = 15, **more: object) -> list[dict]:
    now = world.clock.now()
    arguments = {"StartTime": now - timedelta(minutes=minutes), "EndTime": now, "ScanBy": "TimestampAscending"} | more
    return (await world.aws("cloudwatch", "get_metric_data", MetricDataQueries=list(queries), **arguments))["MetricDataResults"]


@pytest.fixture
async def exact(make_world):
    return await make_world(control_rps=1000.0, publishing=EXACT)


async def test_history_is_readable_at_the_start_except_the_newest_minute(exact) -> None:
    invocations, peak = await read(
        exact,
        query("Invocations", "Sum", "a", FunctionName="agent"),
        query("ConcurrentExecutions", "Maximum", "b", FunctionName="agent"),
    )
    assert invocations["Values"] == [30.0] * 14
    assert peak["Values"] == [3.0] * 14
    assert invocations["Timestamps"][0] == NOON - timedelta(minutes=15)
    assert invocations["StatusCode"] == "Complete"


async def test_new_points_are_readable_after_the_metric_delay(exact) -> None:
    exact.sandbox.faults.metrics_late(60)
    await exact.pass_time(minutes=5)
    (points,) = await read(exact, query("Invocations", "Sum", FunctionName="agent"), minutes=4)
    assert points["Timestamps"] == [NOON + timedelta(minutes=1), NOON + timedelta(minutes=2)]
    exact.sandbox.faults.metrics_late(0)
    (points,) = await read(exact, query("Invocations", "Sum", FunctionName="agent"), minutes=4)
    assert points["Timestamps"][-1] == NOON + timedelta(minutes=3)


async def test_the_newest_points_may_first_be_partial_and_settle_later(make_world) -> None:
    world = await make_world(publishing=Publishing((60.0, 60.0), partial_share=1.0, late_seconds=300.0))
    await world.pass_time(minutes=10)
    (early,) = await read(world, query("Invocations", "Sum", FunctionName="agent"), minutes=4)
    assert all(value <= 30 for value in early["Values"])
    assert min(early["Values"]) < 30
    at = early["Timestamps"][0]
    await world.pass_time(minutes=10)
    (late,) = await read(
        world, query("Invocations", "Sum", FunctionName="agent"), StartTime=at, EndTime=at + timedelta(minutes=2)
    )
    assert late["Values"] == [30.0, 30.0]


async def test_an_idle_minute_and_a_gap_have_no_point(make_world) -> None:
    peak = np.array([2, 0, np.nan, 4] * 15, np.float32)
    world = await make_world(publishing=EXACT, history=DemandSeries(minute_of(NOON) - 60, peak, peak / 2, peak * 3))
    (points,) = await read(world, query("ConcurrentExecutions", "Maximum", FunctionName="agent"), minutes=8)
    assert points["Values"] == [2.0, 4.0, 2.0]
    assert points["Timestamps"] == [NOON - timedelta(minutes=m) for m in (8, 5, 4)]


async def test_a_minute_without_starting_requests_has_no_invocations(make_world) -> None:
    peak, started = np.full(120, 3, np.float32), np.array([6, 0] * 60, np.float32)
    world = await make_world(publishing=EXACT, history=DemandSeries(minute_of(NOON) - 60, peak, peak / 2, started))
    await world.pass_time(minutes=10)
    invocations, throttles, running = await read(
        world,
        query("Invocations", "Sum", "a", FunctionName="agent"),
        query("Throttles", "Sum", "b", FunctionName="agent"),
        query("ConcurrentExecutions", "Maximum", "c", FunctionName="agent"),
        minutes=20,
    )
    assert invocations["Values"] == [6.0] * 10
    assert running["Values"] == [3.0] * 19
    assert throttles["Values"] == [0.0] * 5  # of the minutes played; a history knows of no throttles


async def test_alias_and_function_have_series_and_unknown_resources_have_none(exact) -> None:
    results = await read(
        exact,
        query("Invocations", "Sum", "alias", FunctionName="agent", Resource="agent:live"),
        query("Invocations", "Sum", "version", FunctionName="agent", Resource="agent:1"),
        query("Invocations", "Sum", "other", FunctionName="agent", Resource="agent:canary"),
        query("Invocations", "Sum", "missing", FunctionName="missing"),
        query("Nonsense", "Sum", "unknown", FunctionName="agent"),
    )
    assert [len(result["Values"]) for result in results] == [14, 14, 0, 0, 0]
    assert {result["StatusCode"] for result in results} == {"Complete"}


async def test_the_region_is_the_sum_of_its_functions(exact) -> None:
    exact.sandbox.add_function("other", flat(5, 60))
    invocations, peak = await read(
        exact, query("Invocations", "Sum", "a"), query("ConcurrentExecutions", "Maximum", "b"), minutes=5
    )
    assert invocations["Values"] == [80.0] * 4
    assert peak["Values"] == [8.0] * 4


async def test_the_claimed_concurrency_of_the_region_includes_provisioned_units(exact) -> None:
    await exact.provision(40)
    await exact.pass_time(minutes=10)
    (claimed,) = await read(exact, query("ClaimedAccountConcurrency", "Maximum"), minutes=5)
    assert claimed["Values"] == [40.0] * 4


async def test_provisioned_concurrency_has_metrics_only_when_configured_and_used(exact) -> None:
    metrics = (
        ("ProvisionedConcurrentExecutions", "Maximum"),
        ("ProvisionedConcurrencyUtilization", "Maximum"),
        ("ProvisionedConcurrencyInvocations", "Sum"),
        ("ProvisionedConcurrencySpilloverInvocations", "Sum"),
        ("Invocations", "Sum"),
    )
    queries = [query(m, s, f"q{i}", FunctionName="agent", Resource="agent:live") for i, (m, s) in enumerate(metrics)]
    assert [len(r["Values"]) for r in (await read(exact, *queries))[:4]] == [0, 0, 0, 0]
    await exact.provision(2)
    await exact.pass_time(minutes=10)
    in_use, share, on_warm, spilled, invocations = (r["Values"][-1] for r in await read(exact, *queries, minutes=4))
    assert (in_use, share) == (2.0, 1.0)
    assert on_warm + spilled == invocations == 30
    assert 0 < spilled < 15


async def test_longer_periods_fold_sums_and_maxima(make_world) -> None:
    peak = np.arange(60, dtype=np.float32)
    world = await make_world(publishing=EXACT, history=DemandSeries(minute_of(NOON) - 60, peak, peak / 2, peak))
    total, most, mean, count = await read(
        world,
        query("Invocations", "Sum", "a", 300, FunctionName="agent"),
        query("ConcurrentExecutions", "Maximum", "b", 300, FunctionName="agent"),
        query("ConcurrentExecutions", "Average", "c", 300, FunctionName="agent"),
        query("ConcurrentExecutions", "SampleCount", "d", 300, FunctionName="agent"),
        StartTime=NOON - timedelta(minutes=60),
        EndTime=NOON - timedelta(minutes=50),
    )
    assert total["Values"] == [1 + 2 + 3 + 4, 5 + 6 + 7 + 8 + 9]
    assert most["Values"] == [4.0, 9.0]
    assert mean["Values"] == [2.5, 7.0]
    assert count["Values"] == [4.0, 5.0]


async def test_percentiles_and_durations_are_served(exact) -> None:
    median, mean, top = await read(
        exact,
        query("ConcurrentExecutions", "p50", "a", 300, FunctionName="agent"),
        query("Duration", "Average", "b", FunctionName="agent"),
        query("Duration", "p99.9", "c", FunctionName="agent"),
    )
    assert set(median["Values"]) == {3.0}
    assert set(mean["Values"]) == {1.5 * 60_000 / 30}
    assert top["Values"] == pytest.approx([3000.0 * 99.9 / 50] * 14)


async def test_pings_count_as_invocations_like_any_other(exact) -> None:
    for _ in range(4):
        await exact.aws("lambda", "invoke", FunctionName="agent", Qualifier="live", Payload=b'{"warmer": true}')
    await exact.pass_time(minutes=3)
    (points,) = await read(exact, query("Invocations", "Sum", FunctionName="agent"), minutes=3)
    assert points["Values"][0] == 34.0


async def test_fourteen_days_come_in_pages_and_no_point_is_lost(make_world) -> None:
    days = 14 * 1440
    world = await make_world(publishing=EXACT, history=flat(3, days))
    for number in range(6):
        world.sandbox.add_function(f"f{number}", flat(number + 1, days))
    queries = [query("Invocations", "Sum", f"f{number}", FunctionName=f"f{number}") for number in range(6)]
    values: dict[str, list[float]] = {}
    more, statuses = {}, []
    while True:
        answer = await world.aws(
            "cloudwatch",
            "get_metric_data",
            MetricDataQueries=queries,
            StartTime=NOON - timedelta(days=14),
            EndTime=NOON,
            **more,
        )
        assert sum(len(result["Values"]) for result in answer["MetricDataResults"]) <= 100_800
        for result in answer["MetricDataResults"]:
            values.setdefault(result["Id"], []).extend(result["Values"])
            statuses.append(result["StatusCode"])
        if "NextToken" not in answer:
            break
        more = {"NextToken": answer["NextToken"]}
    assert "PartialData" in statuses
    assert {name: set(points) for name, points in values.items()} == {f"f{n}": {10.0 * (n + 1)} for n in range(6)}
    assert {len(points) for points in values.values()} == {days - 1}


async def test_points_come_newest_first_unless_asked_otherwise(exact) -> None:
    (points,) = await read(exact, query("Invocations", "Sum", FunctionName="agent"), ScanBy="TimestampDescending")
    assert points["Timestamps"] == sorted(points["Timestamps"], reverse=True)


async def test_malformed_queries_are_refused(exact) -> None:
    good = query("Invocations", "Sum", FunctionName="agent")
    span = {"StartTime": NOON - timedelta(minutes=5), "EndTime": NOON}
    for queries in (
        [good | {"Id": "Upper"}],
        [good, good],
        [good | {"Id": f"q{i}"} for i in range(501)],
        [query("Invocations", "Median", FunctionName="agent")],
        [query("Invocations", "Sum", "q", 90, FunctionName="agent")],
        [{"Id": "q", "Expression": "SUM(METRICS())"}],
    ):
        refusal = await exact.refusal("cloudwatch", "get_metric_data", MetricDataQueries=queries, **span)
        assert (refusal.code, refusal.status) == ("ValidationError", 400)
    refusal = await exact.refusal("cloudwatch", "get_metric_data", MetricDataQueries=[good], NextToken="x", **span)
    assert refusal.code == "InvalidNextToken"


async def test_minutes_of_an_outage_stay_missing(exact) -> None:
    await exact.pass_time(minutes=5)
    exact.sandbox.faults.metrics_outage()
    await exact.pass_time(minutes=5)
    (function, region) = await read(
        exact, query("Invocations", "Sum", "a", FunctionName="agent"), query("Invocations", "Sum", "b"), minutes=4
    )
    assert function["Values"] == region["Values"] == []
    exact.sandbox.faults.metrics_back()
    await exact.pass_time(minutes=5)
    (points,) = await read(exact, query("Invocations", "Sum", FunctionName="agent"))
    missing = {NOON + timedelta(minutes=m) for m in range(14)} - set(points["Timestamps"])
    assert missing == {NOON + timedelta(minutes=m) for m in range(5, 10)}


async def test_metrics_beyond_the_retention_of_their_resolution_are_not_returned(make_world) -> None:
    world = await make_world(publishing=EXACT, history=flat(3, 20 * 1440))
    span = {"StartTime": NOON - timedelta(days=20), "EndTime": NOON - timedelta(days=15)}
    fine, coarse = await read(
        world,
        query("Invocations", "Sum", "a", FunctionName="agent"),
        query("Invocations", "Sum", "b", 300, FunctionName="agent"),
        **span,
    )
    assert fine["Values"] == []
    assert coarse["Values"] == [150.0] * (5 * 288)


async def test_list_metrics_returns_active_series(exact) -> None:
    exact.sandbox.add_function("silent")
    exact.sandbox.add_function("earlier", flat(2, 60, start=NOON - timedelta(hours=6)))
    listed = await exact.aws("cloudwatch", "list_metrics", Namespace="AWS/Lambda", MetricName="Invocations")
    assert listed["Metrics"][0] == {"Namespace": "AWS/Lambda", "MetricName": "Invocations"}, "of the whole region"
    names = {d["Value"] for metric in listed["Metrics"] for d in metric.get("Dimensions", []) if d["Name"] == "FunctionName"}
    assert names == {"agent", "earlier"}
    listed = await exact.aws(
        "cloudwatch", "list_metrics", Namespace="AWS/Lambda", MetricName="Invocations", RecentlyActive="PT3H"
    )
    assert {d["Value"] for metric in listed["Metrics"] for d in metric.get("Dimensions", [])} == {"agent", "agent:live"}


async def test_metric_statistics_give_several_statistics_at_once(exact) -> None:
    answer = await exact.aws(
        "cloudwatch",
        "get_metric_statistics",
        Namespace="AWS/Lambda",
        MetricName="ConcurrentExecutions",
        Dimensions=[{"Name": "FunctionName", "Value": "agent"}],
        StartTime=NOON - timedelta(minutes=10),
        EndTime=NOON,
        Period=300,
        Statistics=["Maximum", "SampleCount"],
    )
    assert sorted((row["Maximum"], row["SampleCount"]) for row in answer["Datapoints"]) == [(3.0, 4.0), (3.0, 5.0)]


async def test_too_many_reads_a_second_are_throttled(make_world) -> None:
    world = await make_world(metric_rps=1.0)
    ask = {
        "MetricDataQueries": [query("Invocations", "Sum", FunctionName="agent")],
        "StartTime": NOON - timedelta(minutes=5),
        "EndTime": NOON,
    }
    for _ in range(2):
        await world.aws("cloudwatch", "get_metric_data", **ask)
    assert (await world.refusal("cloudwatch", "get_metric_data", **ask)).code == "Throttling"

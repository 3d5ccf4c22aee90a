"""What every demand source must do, whatever it reads: the same checks for each kind, over a real connection.

A source is read as a daemon reads it, through the registry and a collector. A new source adds one line to STAGES and one row to
the table in docs/adapters.md.
"""

import asyncio
import math
from datetime import timedelta

import numpy as np
import pytest

from adapters.kinds import SOURCES
from adapters.ports.demand_source import Part, ReadsParts, ReportsCost
from adapters.ports.errors import Retryable
from controller.decision.planning.observation import DataFreshness
from tests.adapters.conformance.cloud_monitoring_metric_source import CloudMonitoringMetricSource
from tests.adapters.conformance.cloud_monitoring_source import CloudMonitoringSource
from tests.adapters.conformance.cloudwatch_lambda_source import CloudWatchLambdaSource
from tests.adapters.conformance.cloudwatch_metric_source import CloudWatchAlbSource, CloudWatchMetricSource
from tests.adapters.conformance.dynamodb_query_source import DynamoQuerySource
from tests.adapters.conformance.history_file_source import HistoryFileSource
from tests.adapters.conformance.http_metrics_source import HttpMetricsSource
from tests.adapters.conformance.no_demand_source import NoDemandSource
from tests.adapters.conformance.postgresql_source import PostgresqlSource
from tests.adapters.conformance.prometheus_source import PrometheusSource
from tests.adapters.conformance.push_otlp_source import PushOtlpMetricsSource, PushOtlpSpansSource
from tests.adapters.conformance.push_source import PushSource
from tests.adapters.conformance.push_statsd_source import PushStatsDSource
from tests.adapters.conformance.redis_source import RedisSource
from tests.adapters.conformance.source_stage import AGENT, IDLE, MINUTE, NEIGHBOUR, POOLS, START, SourceStage
from tests.patience import PATIENCE_SECONDS

STAGES: dict[str, type[SourceStage]] = {
    "cloudwatch-lambda": CloudWatchLambdaSource,
    "cloudwatch": CloudWatchMetricSource,
    "cloudwatch-alb": CloudWatchAlbSource,
    "cloud-monitoring": CloudMonitoringSource,
    "cloud-monitoring-metric": CloudMonitoringMetricSource,
    "http-metrics": HttpMetricsSource,
    "prometheus": PrometheusSource,
    "history-file": HistoryFileSource,
    "redis": RedisSource,
    "postgresql": PostgresqlSource,
    "dynamodb-query": DynamoQuerySource,
    "push": PushSource,
    "push-otlp-metrics": PushOtlpMetricsSource,
    "push-otlp-spans": PushOtlpSpansSource,
    "push-statsd": PushStatsDSource,
    "none": NoDemandSource,
}
MONTH = timedelta(hours=730)


@pytest.fixture(params=STAGES)
async def stage(request) -> SourceStage:
    why = STAGES[request.param].exempt.get(request.function.__name__)
    if why is not None:
        pytest.skip(why)
    async with STAGES[request.param]() as built:
        yield built


def test_every_stage_is_of_a_kind_of_the_registry():
    assert {stage.kind for stage in STAGES.values()} <= set(SOURCES) & set(STAGES)
    assert all(name == stage.kind or name.startswith(f"{stage.kind}-") for name, stage in STAGES.items())


def zeros(rows):
    return int((rows.known & (rows.peak == 0)).sum())


async def test_published_demand_is_read(stage):
    await stage.read()
    await stage.read(12 + stage.fixes)
    rows = await stage.rows(AGENT, START + 1, START + 10)

    assert rows.known.all()
    assert stage.as_played(AGENT, rows)
    assert (rows.peak >= rows.busy).all()
    assert stage.collector.errors == {}


async def test_late_points_are_unknown_and_then_known(stage):
    await stage.read()
    await stage.read(15)
    stage.late(1200)
    await stage.read(12)
    missing = await stage.rows(AGENT, stage.now - 8, stage.now)
    assert zeros(missing) == 0
    stage.late(0)
    await stage.read(stage.fixes)
    rows = await stage.rows(AGENT, missing.first_minute, missing.end_minute - 1)

    assert not missing.known.any()
    assert rows.known.all()
    assert stage.as_played(AGENT, rows)


async def test_missing_points_of_a_pool_are_no_zero(stage):
    await stage.read()
    await stage.read(10)
    stage.hide(AGENT)
    hidden = stage.now
    await stage.read(8)
    during = await stage.rows(AGENT, hidden + 1, stage.now)
    others = await stage.rows(NEIGHBOUR, hidden - 4, hidden + 1)
    stage.show()
    back = stage.now
    await stage.read(6 + stage.fixes)
    after = await stage.rows(AGENT, back + 2, back + 4)

    assert zeros(during) == 0
    assert others.known.any()
    assert zeros(others) == 0
    assert after.known.all()
    assert stage.as_played(AGENT, after)


async def test_points_read_again_count_once(stage):
    await stage.read()
    await stage.read(20 + stage.fixes)
    before = await stage.rows(AGENT, START + 1, START + 15)
    await stage.read()
    await stage.read()
    after = await stage.rows(AGENT, START + 1, START + 15)

    assert np.array_equal(before.invocations, after.invocations, equal_nan=True)
    assert before.peak.tolist() == after.peak.tolist()
    assert stage.as_played(AGENT, after)


@pytest.mark.parametrize("value", [-3.0, math.inf])
async def test_an_impossible_point_is_unknown(stage, value):
    """No row may become negative, or a smaller number; the others of the pool and its neighbours are read later at the latest."""
    await stage.read()
    await stage.read(10)
    await stage.clock.advance(0 * MINUTE if stage.each_minute else 5 * MINUTE)  # the minute has not been read before
    lied = stage.lie(AGENT, value)
    await stage.read(1)
    errors = dict(stage.collector.errors)
    first = stage.now - 9
    rows = await stage.rows(AGENT, first, stage.now)
    neighbours = await stage.rows(NEIGHBOUR, first, stage.now - 4)

    assert (AGENT in errors) is stage.reports_impossible
    assert not rows.known[lied - first]
    assert zeros(rows) == 0
    assert not (rows.peak[rows.known] < 0).any()
    assert np.isfinite(rows.peak[rows.known]).all()
    assert NEIGHBOUR not in errors
    assert neighbours.known.all()


async def test_an_idle_pool_has_known_zeros(stage):
    await stage.read()
    await stage.read(15 + stage.fixes)
    rows = await stage.rows(IDLE, START + 2, START + 12)
    freshness, _ = stage.collector.freshness(IDLE, stage.clock.now())

    assert zeros(rows) == len(rows)
    assert freshness is DataFreshness.FRESH


async def test_missing_metrics_are_no_zero(stage):
    await stage.read()
    await stage.read(12)
    stage.hide()
    hidden = stage.now
    await stage.read(25)

    for pool in (AGENT, IDLE):
        rows = await stage.rows(pool, hidden + 1, stage.now)
        freshness, _ = stage.collector.freshness(pool, stage.clock.now())
        assert not rows.known.any()
        assert freshness in (DataFreshness.BROKEN, DataFreshness.QUIET, DataFreshness.LATE)
        assert stage.collector.alive[stage.collector.row[pool]] is not True


async def test_a_counter_that_restarts_adds_no_demand(stage):
    await stage.read()
    await stage.read(5)
    stage.reset_counters(AGENT)
    reset = stage.now
    await stage.read(5)
    rows = await stage.rows(AGENT, reset - 4, stage.now)

    assert stage.as_played(AGENT, rows)
    assert rows.known.sum() >= 8


@pytest.mark.parametrize("skew", [timedelta(minutes=7), timedelta(minutes=-7)], ids=["ahead", "behind"])
async def test_a_clock_that_is_wrong_makes_no_zero(stage, skew):
    stage.restart(skew=skew)
    await stage.read()
    await stage.read(10)
    own = stage.now + int(skew / MINUTE)
    first = START + max(1, 1 + int(skew / MINUTE))
    rows = await stage.rows(AGENT, min(first, own - 2), own + 1)

    assert zeros(rows) == 0
    assert not rows.known[-1], "the current minute has not ended"


async def test_a_long_history_is_read_whole(stage, monkeypatch):
    """In pages so small that the history takes several, and so few that the rate limit does not wait for the clock."""
    monkeypatch.setattr("adapters.aws.cloudwatch.metric_queries.MOST_POINTS", 500)
    monkeypatch.setattr("adapters.gcp.monitoring.metric_reader.PAGE_POINTS", 300)
    await stage.read(stage.fixes)
    rows = await stage.rows(AGENT, START - 150, START - 1)

    assert rows.known.all()
    assert stage.as_played(AGENT, rows)


async def test_a_source_that_hangs_delays_no_other(stage):
    """The other source is one of the same provider, with its default timeouts."""
    other = stage.collector_of(stage._registries[-1], (NEIGHBOUR,), elsewhere=True)
    stage.hang()
    hanging = asyncio.create_task(stage.collect())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not stage.hung():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await stage.collect(other)
    waits = not hanging.done()
    hanging.cancel()

    assert waits
    assert other.errors == {}


async def test_a_source_that_hangs_is_an_error_with_a_remedy(stage):
    """The timeout of a call is the longest time that the other pools of the source wait."""
    stage.restart(impatient=True)
    stage.hang(always=True)
    async with asyncio.timeout(PATIENCE_SECONDS):
        errors = await stage.read()

    assert isinstance(errors[AGENT], Retryable)
    assert stage.setting in str(errors[AGENT])
    assert stage.secret not in str(errors[AGENT])
    assert ": " in str(errors[AGENT]), "what is wrong, and what to do"
    assert stage.collector.latest(AGENT) is None


async def test_a_source_that_stops_and_returns_is_read_again(stage):
    await stage.read()
    await stage.read(10)
    known = stage.collector.latest(AGENT)
    await stage.die()
    down = stage.now
    await stage.read(5)
    errors = dict(stage.collector.errors)
    rows = await stage.rows(AGENT, down + 1, stage.now)
    held = stage.collector.latest(AGENT)
    await stage.serve()
    async with asyncio.timeout(PATIENCE_SECONDS):  # a client library may wait before it connects again
        while await stage.read():
            await asyncio.sleep(0.01)
            await stage.clock.advance(timedelta(seconds=1))
    back = stage.now
    await stage.read(5 + stage.fixes)
    after = await stage.rows(AGENT, back + 1, back + 4)

    assert stage.place in str(errors[AGENT])
    assert not rows.known.any()
    assert held == known or stage.waits
    assert stage.collector.errors == {}
    assert after.known.all()
    assert stage.as_played(AGENT, after)


async def test_the_failure_of_one_pool_is_its_own(stage):
    await stage.read()
    await stage.read(5)
    stage.fail_for(AGENT)
    failed = stage.now
    await stage.read(6 + stage.fixes)
    errors, rows = stage.collector.errors, await stage.rows(NEIGHBOUR, failed + 1, failed + 4)

    assert set(errors) == {AGENT}
    assert AGENT in str(errors[AGENT])
    assert rows.known.all()
    assert stage.as_played(NEIGHBOUR, rows)


async def test_what_reading_costs_is_counted(stage):
    """What a month is said to cost is not below what reading costs, and at most twice as much: series without points are free."""
    await stage.read()
    source = stage.collector.source
    before = source.spent_usd if isinstance(source, ReportsCost) else 0.0
    for _ in range(20):
        await stage.read(1)
    spent = (source.spent_usd if isinstance(source, ReportsCost) else 0.0) - before
    month = spent * (MONTH / (20 * MINUTE))

    assert month * 0.95 <= source.monthly_cost_usd(3, MINUTE) <= 2 * month


async def test_a_part_of_the_demand_agrees_with_the_whole(stage):
    """Sources that bill their reads: a part has the same peaks, and what it leaves out is unknown or what was read before."""
    source = stage.collector.source
    if not isinstance(source, ReadsParts) or source.prices(AGENT) is None:
        pytest.skip("reads of this source are not planned")
    await stage.read()
    await stage.read(12)
    until = stage.clock.now().replace(second=0, microsecond=0)
    since = dict.fromkeys(POOLS, until - 9 * MINUTE)
    part = await source.collect_parts({AGENT: Part.PEAK, NEIGHBOUR: Part.ALL, IDLE: Part.LISTEN}, since, until)
    whole = await source.collect_parts(dict.fromkeys(POOLS, Part.ALL), since, until)
    mine, theirs = part[AGENT].series, whole[AGENT].series
    counted = ~np.isnan(mine.invocations)

    assert set(part) - {IDLE} == {AGENT, NEIGHBOUR}
    assert mine.known.sum() >= 5
    assert mine.known.tolist() == theirs.known.tolist()
    assert mine.peak[mine.known].tolist() == theirs.peak[mine.known].tolist()
    assert mine.invocations[counted].tolist() == theirs.invocations[counted].tolist()
    assert part[NEIGHBOUR].series.invocations.tolist() == pytest.approx(whole[NEIGHBOUR].series.invocations.tolist(), nan_ok=True)

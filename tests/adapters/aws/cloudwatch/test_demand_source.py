"""Demand from the sandbox's CloudWatch, over HTTP."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.aws.clients import Connections
from adapters.aws.cloudwatch.demand_source import CloudWatchDemand
from adapters.aws.cloudwatch.run_on import LONGEST_REQUEST
from adapters.ports.demand_source import Part
from adapters.ports.errors import PermissionDenied, Throttled, Unreachable
from adapters.ports.read_prices import USD_PER_METRIC
from adapters.runtime.clock import ManualClock
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from forecasting.demand import DemandSeries, instant_of, minute_of
from tests.builders import NOON, SHORT_IDLE

MINUTE = timedelta(minutes=1)
DAY = 1440


def recorded(peak, before, after=0):
    """Return traffic with a different number in every minute, starting `before` minutes ago."""
    peaks = np.asarray(peak, np.float32)
    assert len(peaks) == before + after
    return DemandSeries(minute_of(NOON) - before, peaks, peaks / 2, peaks * 3)


@pytest.fixture
async def cloud():
    """Serve three functions: `busy` always has traffic, `calm` sometimes, `never` none."""
    clock = ManualClock(NOON + timedelta(seconds=30))
    sandbox = Sandbox(clock, seed=5)
    before, after = 2 * DAY, 600
    minutes = np.arange(before + after)
    sandbox.add_function("busy", recorded(2 + minutes % 7, before, after), keep_alive=SHORT_IDLE)
    sandbox.add_function("calm", recorded(np.where(minutes % 50 < 5, 4, 0), before, after), keep_alive=SHORT_IDLE)
    sandbox.add_function("never")
    async with SandboxServer(sandbox) as server:
        connections = Connections("us-east-1", server.url)
        resources = {name: f"{name}:live" for name in ("busy", "calm", "never")}
        yield Cloud(sandbox, clock, CloudWatchDemand(connections, clock, resources))
        await connections.close()


class Cloud:
    def __init__(self, sandbox, clock, source):
        self.sandbox, self.clock, self.source = sandbox, clock, source

    async def collect(self, *names, back=timedelta(minutes=30)):
        until = self.clock.now().replace(second=0, microsecond=0)
        return await self.source.collect(names, dict.fromkeys(names, until - back), until)

    @property
    def calls(self):
        return self.sandbox.calls.reading["GetMetricData"]

    def table(self, name, column, series):
        return self.sandbox.hosted(name).driver.table.window(column, series.first_minute, series.end_minute)


async def test_the_played_traffic_is_read(cloud):
    await cloud.clock.advance(timedelta(minutes=30))
    series = (await cloud.collect("busy"))["busy"].series
    settled = slice(0, 20)  # the newest are published in parts

    for mine, theirs in ((series.peak, "peak"), (series.invocations, "invocations")):
        assert mine[settled].tolist() == cloud.table("busy", theirs, series)[settled].tolist()
    assert series.busy[settled].sum() == pytest.approx(series.peak[settled].sum() / 2, rel=0.05), "but for what runs on"


async def test_fourteen_days_are_read_in_pages(cloud):
    telemetry = await cloud.collect("busy", "calm", back=timedelta(days=14))
    series = telemetry["busy"].series

    assert len(series) == 14 * DAY
    known = series.known
    assert known[-2 * DAY : -10].all()
    assert not known[: 12 * DAY - 20].any(), "nobody knows what was before the record"
    assert series.peak[-DAY:-10] == pytest.approx(cloud.table("busy", "peak", series)[-DAY:-10])


async def test_the_newest_minutes_are_unknown_until_they_are_published(cloud):
    telemetry = (await cloud.collect("busy", "never"))

    assert not telemetry["busy"].series.known[-1]
    assert not telemetry["never"].series.known[-1]
    assert telemetry["busy"].alive is True


async def test_after_an_outage_its_minutes_stay_unknown(cloud):
    cloud.sandbox.faults.metrics_outage()
    await cloud.clock.advance(timedelta(minutes=40))
    cloud.sandbox.faults.metrics_back()
    await cloud.clock.advance(timedelta(minutes=20))
    telemetry = await cloud.collect("never", back=timedelta(minutes=70))
    known = telemetry["never"].series.known

    assert telemetry["never"].alive is True
    assert known[:9].all(), "before"
    assert not known[12:48].any(), "during"
    assert known[55:65].all(), "after"


async def test_each_pool_is_read_from_its_own_beginning(cloud):
    until = NOON
    since = {"busy": until - timedelta(minutes=5), "calm": until - timedelta(hours=3), "never": until}
    telemetry = await cloud.source.collect(("busy", "calm", "never"), since, until)

    assert {name: len(one.series) for name, one in telemetry.items()} == {"busy": 5, "calm": 180, "never": 0}
    assert telemetry["calm"].series.first_minute == minute_of(since["calm"])


async def test_all_pools_share_a_call(cloud):
    await cloud.collect("busy", "calm", "never")

    assert cloud.calls == 2, "one for the region, one for every pool"


async def test_slow_metrics_are_read_every_5_minutes(cloud):
    asked = []
    for _ in range(11):
        before = cloud.source.spent_usd
        await cloud.collect("busy")
        asked.append(round((cloud.source.spent_usd - before) / USD_PER_METRIC))
        await cloud.clock.advance(MINUTE)

    assert asked == [6, 4, 4, 4, 4, 6, 4, 4, 4, 4, 6]


async def test_the_last_duration_is_used_between_two_reads(cloud):
    await cloud.clock.advance(timedelta(minutes=30))
    before = (await cloud.collect("busy"))["busy"].series
    await cloud.clock.advance(MINUTE)
    after = (await cloud.collect("busy"))["busy"].series

    assert after.busy[:19].tolist() == before.busy[1:20].tolist()


async def test_the_monthly_cost_matches_the_requested_metrics(cloud):
    minutes = 20
    for _ in range(minutes):
        await cloud.collect("busy", "calm", "never")
        await cloud.clock.advance(MINUTE)

    month = cloud.source.spent_usd / minutes * 60 * 730
    assert cloud.source.monthly_cost_usd(3, MINUTE) == pytest.approx(month, rel=0.1)


def test_the_monthly_cost_matches_a_calculation_by_hand():
    source = CloudWatchDemand(Connections("us-east-1", "http://127.0.0.1:1"), ManualClock(NOON), {})

    assert source.monthly_cost_usd(1000, timedelta(minutes=5)) == pytest.approx((4000 + 2) * 1e-5 * 730 * 12)
    assert source.monthly_cost_usd(0, MINUTE) < 1


async def test_a_pool_without_data_is_not_read_from_its_start_again(cloud):
    for name in ("busy", "calm"):
        cloud.sandbox._hosted.pop(name)
    cloud.sandbox.faults.metrics_outage()
    await cloud.clock.advance(timedelta(hours=3))
    await cloud.collect("never", back=timedelta(days=14))
    await cloud.clock.advance(MINUTE)
    series = (await cloud.collect("never", back=timedelta(days=14)))["never"].series

    assert len(series) <= 62


async def test_backfills_take_turns_and_new_minutes_do_not_wait(cloud, monkeypatch):
    monkeypatch.setattr("adapters.aws.cloudwatch.demand_source.BACKFILL_POINTS", 14 * DAY * 4)
    until = cloud.clock.now().replace(second=0)
    since = {"calm": until - timedelta(days=14), "never": until - timedelta(days=14), "busy": until - 20 * MINUTE}
    telemetry = await cloud.source.collect(tuple(since), since, until)

    assert [len(telemetry[name].series) for name in since] == [14 * DAY, 0, 20]
    assert telemetry["never"].error is None


async def test_a_throttle_is_raised_when_nothing_could_be_read(cloud):
    cloud.sandbox.faults.throttle("GetMetricData")

    with pytest.raises(Throttled, match="us-east-1"):
        await cloud.collect("busy")


@pytest.mark.parametrize("trouble", ["server_error", "garbage", "reset"])
async def test_what_cannot_be_read_raises_and_passes(cloud, trouble):
    getattr(cloud.sandbox.faults, trouble)("GetMetricData")
    with pytest.raises(Unreachable, match="us-east-1"):
        await cloud.collect("busy")
    cloud.sandbox.faults.clear()
    await cloud.clock.advance(MINUTE)

    assert (await cloud.collect("busy"))["busy"].series.known.any()


async def test_a_missing_permission_is_named(cloud):
    cloud.sandbox.credentials.denied.add("cloudwatch:GetMetricData")

    with pytest.raises(PermissionDenied, match="cloudwatch:GetMetricData"):
        await cloud.collect("busy")


async def test_a_failed_call_is_the_error_of_its_pools(cloud):
    """Windows of 20 min and of 14 days do not fit into one call."""
    until = cloud.clock.now().replace(second=0)
    asking = cloud.source._reader._batch

    async def one_fails(batch):
        if any(query.resource == "busy:live" for query in batch):
            raise Throttled("too many")
        return await asking(batch)

    cloud.source._reader._batch = one_fails
    since = {"busy": until - 20 * MINUTE, "calm": until - timedelta(days=14)}
    telemetry = await cloud.source.collect(tuple(since), since, until)

    assert isinstance(telemetry["busy"].error, Throttled)
    assert len(telemetry["busy"].series) == 0
    assert telemetry["calm"].error is None
    assert telemetry["calm"].series.known.any()


async def test_no_minute_of_a_busy_pool_counts_as_idle(cloud):
    """Points of the alias and of the region are published with different delays."""
    for _ in range(40):
        series = (await cloud.collect("busy"))["busy"].series
        assert not (series.peak[series.known] == 0).any()
        await cloud.clock.advance(MINUTE)


async def test_work_longer_than_a_minute_is_spread_over_the_minutes_it_took():
    clock = ManualClock(NOON)
    sandbox = Sandbox(clock, seed=5)
    sandbox.add_function("slow", recorded(np.where(np.arange(240) % 20 == 0, 1, 0), 240))
    async with SandboxServer(sandbox) as server:
        connections = Connections("us-east-1", server.url)
        source = CloudWatchDemand(connections, clock, {"slow": "slow:live"})
        until = instant_of(minute_of(NOON))
        telemetry = await source.collect(("slow",), {"slow": until - timedelta(hours=1)}, until)
        await connections.close()

    series = telemetry["slow"].series
    assert LONGEST_REQUEST == 15
    assert telemetry["slow"].duration_seconds == pytest.approx(10)
    assert np.nanmax(series.busy) <= np.nanmax(series.peak)


@pytest.mark.parametrize("rest", [[], ["busy"]])
async def test_a_history_is_equally_known_whether_it_was_recorded_before_the_sandbox_began_or_played(rest):
    """Traffic of a sparse pool, alone in its region or not, with two gaps; the newest minutes are incomplete."""
    minutes = 240
    at = np.arange(minutes)
    units = {"calm": np.where(at % 50 < 5, 4.0, 0.0), "busy": 2.0 + at % 7}
    for values in units.values():
        values[60:63] = values[130:150] = np.nan
    told = []
    for played in (False, True):
        clock = ManualClock(NOON + timedelta(seconds=30))
        sandbox = Sandbox(clock, seed=5)
        for name in ("calm", *rest):
            sandbox.add_function(name, recorded(units[name], *((0, minutes) if played else (minutes, 0))))
        first = minute_of(NOON) - (0 if played else minutes)
        await clock.advance((minutes if played else 0) * MINUTE)
        async with SandboxServer(sandbox) as server:
            connections = Connections("us-east-1", server.url)
            source = CloudWatchDemand(connections, clock, {"calm": "calm:live"})
            until = clock.now().replace(second=0)
            told.append((await source.collect(["calm"], {"calm": instant_of(first)}, until))["calm"].series)
            await connections.close()
    before, after = (each.window(each.first_minute, each.first_minute + minutes - 10) for each in told)

    assert before.known.tolist() == after.known.tolist()
    assert before.known.sum() >= minutes - 10 - 23 - 4, "all but the gaps and, of a busy region, the minutes at their edges"


async def parts_of(cloud, back=timedelta(minutes=30), **parts):
    """Collect these parts, and return the answer and the number of metrics that were read."""
    until, before = cloud.clock.now().replace(second=0, microsecond=0), cloud.source.spent_usd
    found = await cloud.source.collect_parts(parts, dict.fromkeys(parts, until - back), until)
    return found, round((cloud.source.spent_usd - before) / USD_PER_METRIC)


async def test_a_read_of_the_peak_is_one_metric_and_invents_no_requests(cloud):
    whole, _ = await parts_of(cloud, busy=Part.ALL)
    await cloud.clock.advance(timedelta(minutes=9))
    peaks, metrics = await parts_of(cloud, timedelta(minutes=20), busy=Part.PEAK)
    series = peaks["busy"].series
    later, _ = await parts_of(cloud, timedelta(minutes=20), busy=Part.ALL)
    known, unread = later["busy"].series.known & series.known, slice(12, None)

    assert metrics == 1 + 2, "of the pool and of the region"
    assert known.sum() > 15
    assert series.peak[known].tolist() == later["busy"].series.peak[known].tolist()
    assert np.isnan(series.invocations[unread][series.known[unread]]).all()
    assert not np.isnan(series.invocations[:9]).any(), "as they were read before"
    assert not np.isnan(later["busy"].series.invocations[known]).any()
    assert series.busy[known].sum() == pytest.approx(later["busy"].series.busy[known].sum(), rel=0.2)
    assert whole["busy"].series.first_minute < series.first_minute


async def test_minutes_whose_requests_came_after_the_last_read_of_everything_are_no_zero(cloud):
    await parts_of(cloud, busy=Part.ALL)
    for _ in range(6):
        await cloud.clock.advance(MINUTE)
        series = (await parts_of(cloud, timedelta(minutes=16), busy=Part.PEAK))[0]["busy"].series

        assert not (series.invocations[series.known] == 0).any()
        assert (series.busy[series.known] > 0.8).all(), "half of 2 or more"


async def test_a_read_of_the_peak_of_an_idle_pool_proves_zeros(cloud):
    await parts_of(cloud, calm=Part.ALL, busy=Part.ALL)
    await cloud.clock.advance(timedelta(minutes=20))
    found, _ = await parts_of(cloud, timedelta(minutes=25), calm=Part.PEAK)
    series = found["calm"].series
    idle = series.known & (series.peak == 0)

    assert idle.sum() > 10
    assert (series.invocations[idle] == 0).all()


async def test_an_alias_that_never_had_a_peak_is_read_with_its_requests(cloud):
    await parts_of(cloud, never=Part.ALL)
    await cloud.clock.advance(timedelta(minutes=9))
    _, metrics = await parts_of(cloud, timedelta(minutes=20), never=Part.PEAK)

    assert metrics == 2 + 2


async def test_a_first_read_of_the_peak_reads_everything(cloud):
    _, metrics = await parts_of(cloud, busy=Part.PEAK)

    assert metrics == 4 + 2


async def test_pools_that_sleep_cost_one_metric_of_the_region_until_it_wakes_them(cloud):
    cloud.sandbox._hosted.pop("busy")
    await parts_of(cloud, calm=Part.ALL, never=Part.ALL)
    counts, read = [], []
    for _ in range(60):
        await cloud.clock.advance(MINUTE)
        found, metrics = await parts_of(cloud, calm=Part.LISTEN, never=Part.LISTEN)
        counts.append(metrics)
        read.append(set(found))
    woken = [at for at, names in enumerate(read) if names]
    peaks = cloud.sandbox.hosted("calm").driver.table.window("peak", minute_of(NOON), minute_of(NOON) + 60)
    starts = np.flatnonzero((peaks[1:] > 0) & (peaks[:-1] == 0)) + 1

    assert counts.count(1) > 50
    assert len(woken) < 8
    assert all(read[at] == {"calm", "never"} for at in woken)
    assert {min(at for at in woken if at >= start - 1) - start for start in starts.tolist()} <= {0, 1, 2, 3}


async def test_a_region_that_cannot_be_read_is_an_error_of_pools_that_sleep(cloud):
    cloud.sandbox.faults.throttle("GetMetricData")

    with pytest.raises(Throttled):
        await parts_of(cloud, calm=Part.LISTEN)

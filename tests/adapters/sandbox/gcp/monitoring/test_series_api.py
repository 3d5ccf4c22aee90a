"""ListTimeSeries, called with Google's client."""

import numpy as np
import pytest
from google.api_core import exceptions as google

from forecasting.demand import DemandSeries
from tests.adapters.sandbox.gcp.ground import NAME, START, Ground, flat


async def test_arrivals_are_summed_over_revisions():
    async with Ground(flat(4, 60)) as ground:
        service = ground.world.find(NAME).service
        service.message.traffic = [{"revision": "agent-00001", "percent": 25}, {"revision": "agent-00002", "percent": 75}]
        ((labels, points),) = await ground.series("request_count", START - 30, START - 10)
        raw = await ground.series("request_count", START - 30, START - 10, "ALIGN_NONE")

        assert labels["service_name"] == "agent"
        assert [value for _, value in points] == [120] * 20
        assert sorted(one[1][0][1] for one in raw) == [30, 90]
        assert {one[0]["revision_name"] for one in raw} == {"agent-00001", "agent-00002"}


async def test_points_come_newest_first_and_the_interval_is_open_at_its_start():
    async with Ground(flat(4, 60)) as ground:
        ((_, points),) = await ground.series("request_count", START - 30, START - 10)

        assert [minute for minute, _ in points] == list(range(START - 11, START - 31, -1))


async def test_a_series_may_continue_on_the_next_page():
    async with Ground(flat(4, 60)) as ground:
        found = await ground.series("request_count", START - 30, START - 10, page_size=7)

        assert [len(points) for _, points in found] == [7, 7, 6]
        assert ground.world.calls.reading["ListTimeSeries"] == 3


async def test_latencies_are_distributions_with_a_mean():
    async with Ground(flat(4, 60)) as ground:
        ((_, points),) = await ground.series("request_latencies", START - 30, START - 10)

        assert points[0][1] == (120, pytest.approx(1000.0))


async def test_metrics_appear_one_to_two_minutes_after_their_minute():
    async with Ground() as ground:
        await ground.passes(minutes=10)
        newest = []
        for _ in range(6):
            ((_, points),) = await ground.series("request_count", START, START + 20)
            newest.append(ground.world.now_ms() / 60_000 - (points[0][0] + 1))
            await ground.passes(seconds=10)

        assert 1 <= min(newest) <= 2
        assert max(newest) <= 3


async def test_an_idle_service_has_no_requests_but_has_instances_until_they_end():
    busy_then_quiet = np.repeat([3.0, 0.0], [20, 40]).astype(np.float32)
    history = DemandSeries(START - 60, busy_then_quiet, busy_then_quiet, busy_then_quiet * 5)
    async with Ground(history) as ground:
        ((_, requests),) = await ground.series("request_count", START - 60, START - 5)
        found = await ground.series("container/instance_count", START - 60, START - 5, "ALIGN_MAX",
                                    group_by=("metric.labels.state",))
        by_state = {labels["state"]: dict(points) for labels, points in found}

        assert max(minute for minute, _ in requests) == START - 41
        assert by_state["idle"][START - 40] == 3
        assert max(by_state["active"]) == START - 26


async def test_align_delta_interpolates_and_align_sum_does_not():
    gappy = np.array([4, 4, 0, 0, 4, 4] + [0] * 10, np.float32)
    async with Ground(DemandSeries(START - 16, gappy, gappy, gappy * 5)) as ground:
        ((_, honest),) = await ground.series("request_count", START - 16, START - 4)
        ((_, invented),) = await ground.series("request_count", START - 16, START - 4, "ALIGN_DELTA")

        assert len(honest) == 4
        assert len(invented) == 6


@pytest.mark.parametrize(("metric", "aligner", "more"), [
    ("request_latencies", "ALIGN_MAX", {}), ("container/instance_count", "ALIGN_DELTA", {}),
    ("request_count", "ALIGN_SUM", {"period": 30}),
])
async def test_an_aligner_that_does_not_fit_the_metric_is_refused(metric, aligner, more):
    async with Ground(flat(4, 60)) as ground:
        with pytest.raises(google.InvalidArgument):
            await ground.series(metric, START - 30, START - 10, aligner, **more)


@pytest.mark.parametrize("text", ['resource.type = "cloud_run_revision"', "", 'metric.type = "x" AND ' + "a" * 2100])
async def test_a_filter_must_name_one_metric(text):
    async with Ground(flat(4, 60)) as ground:
        with pytest.raises(google.InvalidArgument):
            await ground.series("request_count", START - 30, START - 10, filter=text)


async def test_points_of_an_outage_are_never_published():
    async with Ground() as ground:
        await ground.passes(minutes=10)
        ground.world.faults.metrics_outage()
        await ground.passes(minutes=10)
        ground.world.faults.metrics_back()
        await ground.passes(minutes=10)
        ((_, points),) = await ground.series("request_count", START, START + 27)
        minutes = {minute for minute, _ in points}

        assert minutes & set(range(START, START + 10))
        assert not minutes & set(range(START + 10, START + 20))
        assert START + 22 in minutes


async def test_startup_latencies_count_starts_and_their_duration():
    async with Ground(flat(3, 0, 60, each=1), startup_seconds=5.0) as ground:
        await ground.passes(minutes=10)
        ((_, points),) = await ground.series("container/startup_latencies", START, START + 8)

        assert points == [(START, (3, pytest.approx(5000.0)))]


async def test_waiting_requests_are_first_in_the_pending_queue_only():
    async with Ground(flat(3, 0, 60, each=1)) as ground:
        await ground.passes(minutes=10)
        ((_, points),) = await ground.series("pending_queue/pending_requests", START, START + 8, "ALIGN_MAX")

        assert points == [(START, 3)]

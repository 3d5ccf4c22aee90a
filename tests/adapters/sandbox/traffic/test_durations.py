"""Durations of requests, booked in the minute of the start and readable after the end."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.sandbox.traffic.durations import Durations, Ended, recorded
from adapters.sandbox.traffic.recorded import MINUTE_MS
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.sandbox.conftest import NOON
from tests.adapters.sandbox.test_cloudwatch import EXACT, query, read

FIRST = minute_of(NOON)


def series(first, started, busy, peak):
    return DemandSeries(first, *(np.array(each, np.float32) for each in (peak, busy, started)))


async def durations(world, minutes):
    stats = ("Average", "Sum", "SampleCount")
    queries = [query("Duration", stat, stat.lower(), FunctionName="agent", Resource="agent:live") for stat in stats]
    return {each["Id"]: dict(zip(each["Timestamps"], each["Values"], strict=True))
            for each in await read(world, *queries, minutes=minutes)}


async def test_a_request_of_three_minutes_has_its_whole_duration_in_the_minute_of_its_start_once_it_has_ended(make_world):
    """The request starts in the middle of the first minute and ends in the middle of the fourth."""
    one = series(FIRST, [1, 0, 0, 0, 0, 0], [0.5, 1, 1, 0.5, 0, 0], [1, 1, 1, 1, 0, 0])
    world = await make_world(publishing=EXACT, history=one)
    await world.pass_time(minutes=4, seconds=30)
    assert (await durations(world, 10))["average"] == {}

    await world.pass_time(minutes=1)
    seen = await durations(world, 10)
    assert seen["average"] == {NOON: pytest.approx(180_000, abs=2)}
    assert seen["sum"] == seen["average"]
    assert seen["samplecount"] == {NOON: 1}


async def test_average_times_samples_is_the_sum_and_all_of_it_is_the_work_that_was_done(make_world):
    started, busy, peak = [12, 3, 0, 5, 400, 0, 0, 0], [8, 9, 4, 6, 20, 5, 1, 0], [12, 10, 6, 8, 30, 9, 2, 0]
    world = await make_world(publishing=EXACT, history=series(FIRST, started, busy, peak))
    await world.pass_time(minutes=12)
    seen, totals = await durations(world, 12), world.sandbox.hosted("agent").driver.totals

    assert list(seen["samplecount"].values()) == pytest.approx([12, 3, 5, 400])
    assert list(seen["sum"].values()) == pytest.approx(
        [mean * count for mean, count in zip(seen["average"].values(), seen["samplecount"].values(), strict=True)])
    assert sum(seen["sum"].values()) == pytest.approx(totals.on_demand_busy_ms)
    assert sum(seen["sum"].values()) == pytest.approx(sum(busy) * MINUTE_MS, rel=0.01)


async def test_the_mean_duration_of_a_minute_includes_ended_requests_only(make_world):
    started, busy, peak = [20, 0, 0, 0, 0, 0, 0, 0], [10, 15, 10, 5, 2, 1, 0, 0], [20, 20, 12, 8, 4, 2, 0, 0]
    world = await make_world(publishing=EXACT, history=series(FIRST, started, busy, peak))
    await world.pass_time(minutes=5, seconds=30)
    early = await durations(world, 12)
    await world.pass_time(minutes=5)
    late = await durations(world, 12)

    assert early["samplecount"][NOON] < late["samplecount"][NOON] == 20
    assert early["average"][NOON] < late["average"][NOON]


async def test_the_duration_of_a_ping_is_its_hold_time(make_world):
    world = await make_world(publishing=EXACT, history=series(FIRST, [0] * 8, [0] * 8, [0] * 8))
    for _ in range(3):
        await world.aws("lambda", "invoke", FunctionName="agent", Qualifier="live", Payload=b'{"warmer": true}')
    await world.pass_time(minutes=3)
    seen = await durations(world, 5)

    assert seen["samplecount"] == {NOON: 3}
    assert seen["average"] == {NOON: world.sandbox.settings.ping_hold_ms}


def test_an_initialisation_delays_the_publication_and_is_no_part_of_the_duration():
    made = Durations()
    made.note(Ended(0, MINUTE_MS + 1, 1_000))

    assert list(made.close(0, 1.0, 0)) == []
    assert [tuple(each) for each in made.close(1, 1.0, 2)] == [(0, 1, 1, 1_000)]


def test_work_of_older_requests_belongs_to_the_newest_minute_with_starts():
    started, busy, peak = [4, 0, 2, 0, 0], [2, 4, 4, 1, 0], [4, 4, 4, 2, 0]

    lasted = recorded(series(FIRST, started, busy, peak)) / MINUTE_MS
    assert lasted[[0, 2]].tolist() == [2 + 4 + 2, 2 + 1]
    assert np.isnan(lasted[[1, 3, 4]]).all()


async def test_a_history_has_the_whole_duration_in_the_minute_of_the_start_too(make_world):
    two = series(FIRST - 10, [2] + [0] * 9, [1, 2, 2, 1] + [0] * 6, [2] * 4 + [0] * 6)
    world = await make_world(publishing=EXACT, history=two)

    assert (await durations(world, 10))["average"] == {NOON - timedelta(minutes=10): 180_000}

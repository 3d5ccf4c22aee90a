import math
from datetime import timedelta

import numpy as np
import pytest

from adapters.ports.demand_source import Telemetry
from adapters.ports.errors import Throttled, Unreachable
from adapters.runtime.clock import ManualClock
from controller.decision.costs.measurements import ENOUGH_COLLECTIONS
from controller.decision.planning.observation import PATIENCE, DataFreshness, Traffic
from controller.demand.collector import DemandCollector
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON
from tests.fakes import FakeSource, steady, until

MINUTE = timedelta(minutes=1)
DELAY = timedelta(minutes=2)


@pytest.fixture
def source():
    return FakeSource({"a": steady(3), "b": steady(5)})


@pytest.fixture
def intake(source, store):
    return DemandCollector(source, ["a", "b"], store, DELAY)


async def test_collected_demand_is_known_and_fresh(intake):
    await intake.collect(NOON)

    assert intake.freshness("a", NOON) == (DataFreshness.FRESH, timedelta(0))
    assert intake.latest("b") == (5.0, 4.0)
    peak, _, _ = await intake.rows(minute_of(NOON) - 3, minute_of(NOON))
    assert peak.tolist() == [[3, 3, 3], [5, 5, 5]]


async def test_unknown_demand_is_not_zero(intake, source):
    source.silent = {"a": None}
    await intake.collect(NOON)

    assert intake.latest("a") is None
    assert intake.freshness("a", NOON) == (DataFreshness.BROKEN, None)
    peak, _, _ = await intake.rows(minute_of(NOON) - 2, minute_of(NOON))
    assert np.isnan(peak[0]).all()


@pytest.mark.parametrize(("silence", "sight"), [(None, DataFreshness.LATE), (Unreachable("down"), DataFreshness.BROKEN)])
async def test_old_demand_is_late_or_broken_but_not_fresh(intake, source, silence, sight):
    await intake.collect(NOON)
    later = NOON + DELAY + PATIENCE
    assert intake.freshness("a", later)[0] is DataFreshness.FRESH

    source.broken = silence
    if silence is not None:
        await intake.collect(later + MINUTE)
    assert intake.freshness("a", later + MINUTE)[0] is sight


async def test_a_failed_collection_changes_nothing(intake, source):
    await intake.collect(NOON)
    source.broken = Throttled("slow down")
    await intake.collect(NOON + MINUTE)

    assert intake.latest("a") == (3.0, pytest.approx(2.4))
    assert str(intake.errors["b"]) == "slow down"


async def test_only_new_and_recent_minutes_are_read(intake, source):
    asked = []
    collect = source.collect

    async def watch(pools, since, until):
        asked.append(until - since["a"])
        return await collect(pools, since, until)
    source.collect = watch
    await intake.collect(NOON)
    await intake.collect(NOON + MINUTE)

    assert asked == [timedelta(days=14), timedelta(minutes=16)]


async def test_a_late_correction_replaces_a_row_and_a_gap_does_not(intake, source):
    await intake.collect(NOON)
    source.traffic["a"] = until(NOON - MINUTE, float("nan"), 9.0)
    await intake.collect(NOON + MINUTE)

    peak, _, _ = await intake.rows(minute_of(NOON) - 3, minute_of(NOON) + 1)
    assert peak[0].tolist() == [3, 3, 9, 9]


async def test_a_restart_loads_stored_rows(intake, source, store):
    await intake.collect(NOON)
    again = DemandCollector(source, ["a", "b"], store, DELAY)
    await again.load(NOON + MINUTE)

    assert again.freshness("a", NOON + MINUTE)[0] is DataFreshness.FRESH
    assert again.latest("a") == intake.latest("a")
    assert await again.oldest_known(NOON + MINUTE) == minute_of(NOON) - 120


async def test_stored_rows_are_no_fresh_read_until_the_source_answers(intake, source, store):
    await intake.collect(NOON)
    again = DemandCollector(source, ["a", "b"], store, DELAY)
    await again.load(NOON + MINUTE)
    assert not again.has_fresh_read("a")

    source.silent = {"a": None}
    await again.collect(NOON + MINUTE)
    assert (again.has_fresh_read("a"), again.has_fresh_read("b")) == (False, True)


async def test_a_pool_missing_from_an_answer_has_no_fresh_read(intake, source, store):
    await intake.collect(NOON)
    again = DemandCollector(source, ["a", "b"], store, DELAY)
    await again.load(NOON + MINUTE)
    whole = source.collect

    async def partial(pools, since, until):
        return {name: told for name, told in (await whole(pools, since, until)).items() if name != "a"}

    source.collect = partial
    await again.collect(NOON + MINUTE)

    assert (again.has_fresh_read("a"), again.has_fresh_read("b")) == (False, True)


@pytest.mark.parametrize("units", [-3.0, math.inf, -math.inf, 1e12])
async def test_impossible_demand_is_unknown_and_reported(intake, source, store, units):
    source.traffic["a"] = lambda minute: units if minute == minute_of(NOON) - 5 else 7.0
    await intake.collect(NOON)

    peak, _, _ = await intake.rows(minute_of(NOON) - 7, minute_of(NOON) - 3)
    assert np.isnan(peak[0]).tolist() == [False, False, True, False]
    assert "impossible demand in 1 minutes from 2026-03-02 11:55 UTC" in str(intake.errors["a"])
    assert intake.freshness("a", NOON)[0] is DataFreshness.FRESH
    assert np.isnan((await store.load_demand(["a"], minute_of(NOON) - 5, minute_of(NOON) - 4))[0].peak).all()


async def told_by(source, *rows):
    """`source` tells these rows of pool a, the last of the minute before noon: peak, busy, requests."""
    whole = source.collect

    async def collect(pools, since, until):
        columns = (np.array(column, np.float32) for column in zip(*rows, strict=True))
        return await whole(pools, since, until) | {"a": Telemetry(DemandSeries(minute_of(until) - len(rows), *columns), True)}
    source.collect = collect


@pytest.mark.parametrize("row", [(0, 0, 30), (2, 5, 30), (4, 4, 200_080)])
async def test_a_contradictory_minute_is_unknown_and_reported(intake, source, store, row):
    await told_by(source, *[(3, 1.2, 12)] * 4, row, (3, 1.2, 12))
    await intake.collect(NOON)

    peak, _, requests = await intake.rows(minute_of(NOON) - 3, minute_of(NOON))
    assert np.isnan(peak[0]).tolist() == np.isnan(requests[0]).tolist() == [False, True, False]
    assert f"in the first, {row[2]:g} requests, {row[0]} units at most" in str(intake.errors["a"])
    assert intake.freshness("a", NOON)[0] is DataFreshness.FRESH
    assert not (await store.load_demand(["a"], minute_of(NOON) - 2, minute_of(NOON) - 1))[0].known.any()


async def test_the_usual_number_of_requests_survives_a_restart(intake, source, store):
    await told_by(source, *[(3, 1.2, 12)] * 4)
    await intake.collect(NOON)
    again = DemandCollector(source, ["a", "b"], store, DELAY)
    await again.load(NOON + MINUTE)
    await told_by(source, (4, 4, 200_080))

    for one in (intake, again):
        await one.collect(NOON + MINUTE)
        assert "200080 requests" in str(one.errors["a"])


async def test_a_peak_that_becomes_unknown_is_removed_and_its_requests_stay(intake, source, store):
    """Of a pool that is pinged: a minute that was taken for users' turns out to be ambiguous once all its points are there."""
    await told_by(source, (3, 1.2, 12), (8, 2.0, 20))
    await intake.collect(NOON)
    assert intake.latest("a") == (8.0, 2.0)

    await told_by(source, (3, 1.2, 12), (math.nan, 2.5, 24))
    await intake.collect(NOON)
    for one in (intake, DemandCollector(source, ["a", "b"], store, DELAY)):
        await one.load(NOON)
        peak, busy, requests = await one.rows(minute_of(NOON) - 2, minute_of(NOON))
        assert (one.latest("a"), one.unknown_minutes("a", NOON + 2 * MINUTE)) == ((3.0, pytest.approx(1.2)), 2)
        assert np.array_equal(peak[0], [3, math.nan], equal_nan=True)
        assert (busy[0][1], requests[0][1]) == (2.5, 24)


async def test_rows_before_the_window_come_from_the_store(intake, source, store):
    source.history = timedelta(days=3)
    await intake.collect(NOON)
    first = minute_of(NOON) - 2 * 1440

    peak, busy, _ = await intake.rows(first, first + 2)
    assert peak.tolist() == [[3, 3], [5, 5]]
    assert busy.shape == (2, 2)


async def test_the_metric_delay_is_assumed_until_it_is_measured(source, store):
    clock = ManualClock(NOON)
    source.delay = 4
    intake = DemandCollector(source, ["a", "b"], store, DELAY)
    for _ in range(ENOUGH_COLLECTIONS):
        await intake.collect(clock.now())
        await clock.advance(MINUTE)
    assert intake.metric_delay == DELAY

    await intake.collect(clock.now())
    assert intake.metric_delay == timedelta(minutes=4)


async def test_rows_newer_than_the_metric_delay_are_not_used(intake):
    await intake.collect(NOON)

    assert intake.known_end_minute(NOON) == minute_of(NOON) - 1


async def test_demand_read_before_the_clock_was_set_back_is_not_fresh(intake):
    await intake.collect(NOON)

    assert intake.freshness("a", NOON - PATIENCE)[0] is DataFreshness.FRESH
    assert intake.freshness("a", NOON - PATIENCE - MINUTE) == (DataFreshness.LATE, -PATIENCE - MINUTE)


async def stored(store, name, first, end):
    return (await store.load_demand([name], minute_of(first), minute_of(end)))[0].peak.tolist()


async def test_a_false_zero_is_removed_everywhere_when_it_is_read_again(intake, source, store):
    source.traffic["a"] = until(NOON - 3 * MINUTE, 3.0, 0.0)
    await intake.collect(NOON)
    assert await stored(store, "a", NOON - 3 * MINUTE, NOON) == [0, 0, 0]

    source.inferred, source.traffic["a"] = True, until(NOON - 3 * MINUTE, 3.0, math.nan)
    await intake.collect(NOON + MINUTE)

    assert np.isnan(await stored(store, "a", NOON - 3 * MINUTE, NOON)).all()
    assert await stored(store, "a", NOON - 5 * MINUTE, NOON - 3 * MINUTE) == [3, 3]
    assert intake.latest("a") == (3.0, pytest.approx(2.4))


async def test_one_silent_minute_of_a_busy_pool_is_no_zero(intake, source, store):
    source.inferred, source.traffic["a"] = True, until(NOON - 2 * MINUTE, 3.0, 0.0)
    await intake.collect(NOON)

    assert np.isnan(await stored(store, "a", NOON - 2 * MINUTE, NOON)).all()
    for minute in range(1, 16):
        await intake.collect(NOON + minute * MINUTE)
    assert await stored(store, "a", NOON - 3 * MINUTE, NOON) == [3, 0, 0]


async def test_during_sudden_silence_the_pool_is_quiet_and_not_late(intake, source):
    source.inferred, source.traffic["a"] = True, until(NOON - 2 * MINUTE, 3.0, 0.0)
    for minute in range(10):
        await intake.collect(NOON + minute * MINUTE)
    now = NOON + 9 * MINUTE

    assert (intake.freshness("a", now)[0], intake.traffic("a", now)) == (DataFreshness.QUIET, Traffic.QUIET)
    assert "after an hour without a silent minute" in intake.quiet[0]
    assert intake.missing_since("a", now) is None


async def test_points_published_after_an_outage_fill_its_gap(intake, source, store):
    whole, lost = source.traffic["a"], range(minute_of(NOON), minute_of(NOON) + 40)
    source.traffic["a"] = lambda minute: math.nan if minute in lost else whole(minute)
    for minute in range(60):
        await intake.collect(NOON + minute * MINUTE)
    assert np.isnan(await stored(store, "a", NOON, NOON + 40 * MINUTE)).all()

    source.traffic["a"] = whole
    for minute in range(60, 65):
        await intake.collect(NOON + minute * MINUTE)
    assert await stored(store, "a", NOON, NOON + 40 * MINUTE) == [3.0] * 40


async def test_gaps_are_read_again_but_not_minutes_before_the_first_known_one(intake, source):
    asked = []
    collect = source.collect

    async def watch(pools, since, until):
        asked.append((until - since["a"]) // MINUTE)
        return await collect(pools, since, until)
    source.collect = watch
    for minute in range(70):
        await intake.collect(NOON + minute * MINUTE)

    assert set(asked[1:]) == {16}


async def test_newer_minutes_stay_unknown_while_the_source_fails(intake, source):
    await intake.collect(NOON)
    assert intake.unknown_minutes("a", NOON) == 0

    source.broken = Unreachable("down")
    await intake.collect(NOON + 3 * MINUTE)
    assert intake.unknown_minutes("a", NOON + 3 * MINUTE) == 2


class Corrected(FakeSource):
    """Publishes each minute at once, and corrects it by 1 unit 3 min later as another source."""

    async def collect(self, pools, since, until):
        found = await super().collect(pools, since, until)
        for name, told in found.items():
            late = np.arange(told.series.first_minute, told.series.end_minute) < minute_of(until) - 3
            told.series.peak[late] += 1
            found[name] = Telemetry(told.series, alive=told.alive, corrected=late)
        return found


async def test_corrections_by_another_source_are_not_the_delay_of_the_source_but_settle_later(store):
    collector = DemandCollector(Corrected({"a": steady(3)}), ["a"], store, DELAY)
    for minute in range(2 * ENOUGH_COLLECTIONS):
        await collector.collect(last := NOON + minute * MINUTE)

    assert collector.metric_delay == MINUTE
    assert collector.known_end_minute(last) == minute_of(last)
    assert collector.settled_end_minute(last) <= minute_of(last) - 3

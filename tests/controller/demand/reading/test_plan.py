"""Reads of a collector whose source bills them: a slow read is no outage, and what was not read lowers nothing."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.demand_source import Part
from adapters.ports.errors import Unreachable
from adapters.ports.read_prices import LAMBDA
from adapters.runtime.clock import ManualClock
from controller.decision.planning.observation import DataFreshness
from controller.demand.collector import DemandCollector
from controller.demand.reading.plan import Decided
from forecasting.demand import minute_of
from tests.builders import NOON
from tests.examples import examples
from tests.fakes import BilledSource, steady
from tests.worlds import world

MINUTE = timedelta(minutes=1)
DELAY = timedelta(minutes=2)
ZERO, THREE = Decided(idle_day=True), Decided((3.0, 0.0))


class Reader:
    """Collects each minute, and decides the same for each pool that was read."""

    def __init__(self, traffic, store, decided=THREE, **changes):
        self.source = BilledSource(traffic, delay=2, history=timedelta(hours=26), **changes)
        self.collector = DemandCollector(self.source, tuple(traffic), store, DELAY)
        self.now, self.decided = NOON, decided

    async def minutes(self, count, each=lambda: None):
        for _ in range(count):
            await self.collector.collect(self.now)
            self.collector.reading.decide(self._decided, self.collector.delay_minutes)
            each()
            self.now += MINUTE

    def _decided(self, name):
        latest = self.collector.latest(name)
        return self.decided, 0.0 if latest is None else latest[0], int(self.collector.day.newest[self.collector.row[name]])

    def asked(self, name="a"):
        return [each.get(name) for each in self.source.asked]


async def test_a_slow_read_is_fresh_until_the_next_is_overdue(store):
    reader = Reader({"a": steady(2)}, store)
    seen = []
    await reader.minutes(60, lambda: seen.append(reader.collector.freshness("a", reader.now)[0]))

    assert set(seen) == {DataFreshness.FRESH}
    assert len(reader.source.asked) < 40
    assert reader.collector.freshness("a", reader.now + timedelta(minutes=20))[0] is DataFreshness.LATE


async def test_a_pool_that_waits_is_fresh_for_a_quarter_of_an_hour(store):
    reader = Reader({"a": steady(2)}, store, ZERO)
    await reader.minutes(130)
    seen = []
    before = len(reader.source.asked)
    await reader.minutes(60, lambda: seen.append(reader.collector.freshness("a", reader.now)[0]))

    assert set(seen) == {DataFreshness.FRESH}
    assert len(reader.source.asked) - before == 4


async def test_nothing_lowers_between_two_reads(store):
    """Minutes that were not read are missing for a decrease."""
    reader = Reader({"a": steady(2)}, store)
    missing = []
    await reader.minutes(60, lambda: missing.append(reader.collector.unknown_minutes("a", reader.now)))
    read = [bool(part) for part in reader.asked()]

    assert {0, 2} <= set(missing[30:])
    assert len(read) < 60
    newest = reader.collector.day.newest[0]
    assert reader.collector.unknown_minutes("a", reader.now + 5 * MINUTE) == minute_of(reader.now) + 5 - 2 - newest


async def test_unread_requests_are_unknown_and_then_known(store):
    reader = Reader({"a": steady(2)}, store)
    await reader.minutes(47)
    end = minute_of(NOON) + 45
    peak, _, requests = (rows[0] for rows in await reader.collector.rows(end - 60, end - 1))

    assert not np.isnan(peak[:-2]).any()
    assert not np.isnan(requests[:45]).any(), "read whole within a quarter of an hour"
    assert not (requests == 0).any()


async def test_learning_ends_where_everything_was_read(store):
    reader = Reader({"a": steady(2), "b": steady(3)}, store)
    await reader.minutes(210)
    state = reader.collector.reading.states["a"]

    assert reader.collector.settled_end_minute(reader.now) <= state.whole_until
    assert reader.collector.known_end_minute(reader.now) > state.whole_until


async def test_the_metric_delay_is_that_of_the_source(store):
    reader = Reader({"a": steady(2)}, store)
    await reader.minutes(300)

    assert reader.collector.metric_delay == timedelta(minutes=2)


async def test_a_delay_that_grows_is_measured_between_slow_reads(store):
    """Otherwise minutes would count as missing for ever, and capacity would never decrease."""
    reader = Reader({"a": steady(2)}, store)
    await reader.minutes(60)
    reader.source.delay = 4
    await reader.minutes(120)
    missing = []
    await reader.minutes(12, lambda: missing.append(reader.collector.unknown_minutes("a", reader.now)))

    assert reader.collector.metric_delay == timedelta(minutes=4)
    assert reader.collector.settling.minutes >= 4
    assert 0 in missing


async def test_a_failure_is_read_again_in_each_minute(store):
    reader = Reader({"a": steady(0)}, store, ZERO)
    await reader.minutes(200)
    assert reader.collector.reading.states["a"].asleep
    reader.source.silent = {"a": Unreachable("down")}
    await reader.minutes(20)
    before = len(reader.source.asked)
    await reader.minutes(5)

    assert reader.asked()[before:] == [Part.ALL] * 5
    assert "a" in reader.collector.errors
    reader.source.silent = {}
    await reader.minutes(30)
    assert reader.collector.errors == {}
    assert reader.collector.reading.states["a"].asleep


async def test_a_source_that_is_down_is_asked_for_everything_when_it_returns(store):
    reader = Reader({"a": steady(2)}, store)
    await reader.minutes(30)
    reader.source.broken = Unreachable("down")
    await reader.minutes(9)
    failing, freshness = dict(reader.collector.errors), reader.collector.freshness("a", reader.now)[0]
    reader.source.broken = None
    await reader.minutes(3)
    peak = (await reader.collector.rows(minute_of(NOON), minute_of(reader.now) - 4))[0]

    assert set(failing) == {"a"}
    assert freshness is DataFreshness.BROKEN
    assert not np.isnan(peak).any()


async def test_a_gap_is_read_again_by_a_whole_read(store):
    hidden = range(minute_of(NOON) + 30, minute_of(NOON) + 35)
    shown = []
    reader = Reader({"a": lambda minute: np.nan if minute in hidden and not shown else 2.0}, store)
    await reader.minutes(100)
    shown.append(True)
    await reader.minutes(20)

    assert not np.isnan((await reader.collector.rows(hidden.start, hidden.stop))[0]).any()


async def test_a_sleeping_pool_is_woken_and_then_read_whole(store):
    wakes_at = minute_of(NOON) + 200
    reader = Reader({"a": lambda minute: 4.0 if minute >= wakes_at else 0.0}, store, ZERO)
    await reader.minutes(201)
    asleep = len(reader.source.asked)
    await reader.minutes(4)

    assert Part.PEAK in reader.asked()[asleep:]
    assert reader.collector.latest("a")[0] == 4
    await reader.minutes(20)
    assert Part.ALL in reader.asked()[asleep:]


async def test_what_reading_costs_is_known_after_an_hour_and_averaged_over_a_day(store):
    reader = Reader({"a": steady(0), "b": steady(9)}, store, ZERO)
    await reader.minutes(30)
    plan = reader.collector.reading
    assert plan.usd_per_month("a") == pytest.approx(2.4 * LAMBDA.usd * 730 * 60)
    assert plan.costs({"a": 1.0, "b": 1.0}) == {}

    await reader.minutes(1000)
    spent = sum(LAMBDA.peak if part is Part.PEAK else LAMBDA.whole for part in reader.asked() if part is not None)
    assert plan.usd_per_month("a") == pytest.approx(spent / 1030 * LAMBDA.usd * 730 * 60, rel=0.6)
    await reader.minutes(3000)
    assert plan.usd_per_month("a") == pytest.approx(0.029, rel=0.3)
    assert plan.usd_per_month("b") == pytest.approx(0.117, rel=0.3)


async def test_a_slowed_pool_is_read_once_a_quarter_and_costs_what_it_did_when_it_was_slowed(store):
    reader = Reader({"a": steady(9), "b": steady(9)}, store)
    await reader.minutes(70)
    plan = reader.collector.reading
    before = plan.costs({"a": 0.1, "b": 9.0})["a"].usd
    plan.slow({"a": "why"})
    await reader.minutes(15)
    asked = len(reader.source.asked)
    await reader.minutes(60)

    assert [part for part in reader.asked()[asked:] if part is not None] == [Part.ALL] * 4
    assert len([part for part in reader.asked("b")[asked:] if part is not None]) > 20
    assert plan.costs({"a": 0.1, "b": 9.0})["a"] == (before, pytest.approx(0.1168), 0.1, True)
    assert reader.collector.freshness("a", reader.now)[0] is DataFreshness.FRESH
    plan.slow({})
    await reader.minutes(20)
    assert reader.asked()[-1] is Part.PEAK


traffic = st.lists(st.tuples(st.integers(0, 8), st.integers(1, 60)), min_size=1, max_size=8)


def of_levels(levels):
    row = np.repeat(*np.array(levels, int).T)
    return lambda minute: float(row[minute % len(row)])


@pytest.mark.parametrize("wakes", [True, False])
@given(levels=traffic, faults=st.lists(st.sampled_from(["", "", "", "down", "silent"]), min_size=1, max_size=12))
@examples(20)
async def test_no_plan_lowers_below_what_reading_each_minute_would(tmp_path_factory, wakes, levels, faults):
    """A decrease needs a read that is not older than the metric delay, and a proposal that follows from it."""
    source, clock = BilledSource({"agent": of_levels(levels)}, delay=2, history=timedelta(days=2), wakes=wakes), ManualClock(NOON)
    async with world(clock, tmp_path_factory.mktemp("reads"), {"agent": 1}, sources=[source], mode="active", max=50) as play:
        collector, paper = play.fleet.region_of["agent"].collector, play.levers["agent"].paper
        for at in range(90):
            fault = faults[at // 8 % len(faults)]
            source.broken = Unreachable("down") if fault == "down" else None
            source.silent = {"agent": None} if fault == "silent" else {}
            before = paper.requested
            await play.tick()
            if paper.requested < before:
                now = minute_of(clock.now())
                known = collector.day.peak[0, np.arange(now - 12, now - 2) % 1440]
                assert not np.isnan(known[-2:]).all(), "lowered by minutes that were not read"
                assert now - 2 - int(collector.day.newest[0]) < 2
            await clock.advance(MINUTE)


async def test_a_pool_that_is_read_each_minute_costs_what_that_costs(store):
    source = BilledSource({"a": steady(2), "b": steady(2)}, delay=2)
    plan = DemandCollector(source, ("a", "b"), store, DELAY).reading
    plan.read_always({"a", "unknown"})

    assert plan.states.keys() == {"b"}
    assert plan.usd_per_month("a") == plan.usd_per_month("b") == pytest.approx(1.0512)
    assert plan.usd_per_month("unknown") == 0

"""What really starts in the sandbox, against the formula that the controller counts by."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sandbox.driver import Driver
from adapters.sandbox.environments import EnvironmentPool
from adapters.sandbox.functions import Alias, LambdaFunction
from adapters.sandbox.metrics import MinuteTable
from adapters.sandbox.traffic import MINUTE_MS, Minute, Traffic, slots_of

START = 29_500_000


def function(provisioned: int = 0) -> LambdaFunction:
    made = LambdaFunction("agent", "arn:agent", 1024, "x86_64", 8.0, (0, 0), "live")
    made.aliases["live"] = Alias("live", made.publish().number)
    if provisioned:
        made.capacity("live").put(provisioned, (START - 5) * MINUTE_MS, 0, init_fails=False)
    return made


def driver(rows: list[Minute], provisioned: int = 0, keep_alive: int = 6, limit: int = 1000) -> Driver:
    span = keep_alive * MINUTE_MS
    return Driver(function(provisioned), Traffic(then=iter(rows)), MinuteTable(START), START, lambda: span, lambda: limit)


minutes = st.tuples(st.integers(0, 7), st.floats(0, 1)).map(
    lambda pair: Minute(float(pair[0] * 3), pair[0] * pair[1], float(pair[0]))
)


@settings(max_examples=200, deadline=None)
@given(st.lists(minutes, min_size=1, max_size=60), st.integers(0, 6), st.integers(1, 9))
def test_cold_starts_are_those_of_the_formula_minute_by_minute(rows: list[Minute], provisioned: int, keep_alive: int) -> None:
    played = driver(rows, provisioned, keep_alive)
    over = [max(0, math.ceil(row.peak) - provisioned) for row in rows]
    alone = [math.ceil(row.peak) for row in rows]
    for t in range(len(rows)):
        before = played.totals.cold_starts, played.totals.cold_starts_without
        played.advance_to((START + t + 1) * MINUTE_MS - 1)
        recent = slice(max(0, t - keep_alive), t)
        assert played.totals.cold_starts - before[0] == max(0, over[t] - max(over[recent], default=0))
        assert played.totals.cold_starts_without - before[1] == max(0, alone[t] - max(alone[recent], default=0))


@given(st.floats(0, 400), st.floats(0, 1))
def test_slots_peak_and_average_at_what_the_minute_says(peak: float, share: float) -> None:
    slots = slots_of(Minute(10.0, peak * share, peak))
    assert len(slots) == max(0, math.ceil(peak - 1e-6))
    assert all(0 <= slot.start < slot.end <= MINUTE_MS and slot.start <= 30_000 < slot.end for slot in slots)
    work = sum(slot.end - slot.start for slot in slots)
    assert abs(work - round(peak * share * MINUTE_MS)) <= max(2 * len(slots), 1)


def test_a_gap_has_no_slots() -> None:
    assert slots_of(Minute(math.nan, math.nan, math.nan)) == []


def test_how_often_one_looks_changes_nothing() -> None:
    rng = np.random.default_rng(5)
    rows = [Minute(float(p), p / 2, float(p)) for p in rng.poisson(3, 200)]
    coarse, fine = driver(rows, 2), driver(rows, 2)
    coarse.advance_to((START + 200) * MINUTE_MS)
    for at in range(START * MINUTE_MS, (START + 200) * MINUTE_MS + 1, 7_000):
        fine.advance_to(at)
    fine.advance_to((START + 200) * MINUTE_MS)
    assert coarse.totals == fine.totals
    assert np.array_equal(
        coarse.table.window("peak", START, START + 200), fine.table.window("peak", START, START + 200), equal_nan=True
    )


def test_what_exceeds_the_limit_is_throttled_and_not_served() -> None:
    played = driver([Minute(100.0, 5.0, 10.0)], limit=4)
    played.advance_to((START + 1) * MINUTE_MS)
    assert played.totals.throttles > 0
    assert played.totals.invocations + played.totals.throttles == 100
    assert played.table.window("peak", START, START + 1)[0] == 4


def test_pings_warm_the_environments_that_traffic_then_finds() -> None:
    played = driver([Minute(0.0, 0.0, 0.0), Minute(3.0, 1.0, 3.0)])
    at = START * MINUTE_MS + 20_000
    played.advance_to(at)
    assert [played.invoke(at, 75, "1").cold for _ in range(3)] == [True, True, True]
    played.advance_to((START + 2) * MINUTE_MS)
    assert (played.totals.cold_starts, played.totals.cold_starts_without) == (0, 3)
    assert (played.totals.pings, played.totals.ping_cold_starts) == (3, 3)
    assert played.table.window("invocations", START, START + 2).tolist() == [3.0, 3.0]


def test_an_environment_dies_after_its_keep_alive_and_not_before() -> None:
    pool = EnvironmentPool(lambda: 1_000)
    assert pool.acquire(0, 100)
    assert not pool.acquire(1_099, 1_100)
    assert pool.alive(2_099) == 1
    assert pool.acquire(2_100, 2_200)


def test_more_requests_than_ten_a_second_for_each_unit_spill_over() -> None:
    played = driver([Minute(3_000.0, 0.5, 1.0)] * 2, provisioned=1)
    played.advance_to((START + 2) * MINUTE_MS)
    assert played.table.window("pc_invocations", START, START + 2).tolist() == [600.0, 600.0]
    assert played.table.window("pc_spillover", START, START + 2).tolist() == [2_400.0, 2_400.0]

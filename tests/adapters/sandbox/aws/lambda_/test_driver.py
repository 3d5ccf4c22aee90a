"""Cold starts of the sandbox, request by request."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.aws.lambda_.driver import Driver, Limits, Randomness
from adapters.sandbox.aws.lambda_.functions import Alias, LambdaFunction
from adapters.sandbox.traffic.metrics import MinuteTable
from adapters.sandbox.traffic.recorded import MINUTE_MS, Minute, Traffic
from controller.decision.costs.bill import cold_starts_of, judged_demand
from controller.demo.traffic import Span, office_hours
from forecasting.demand import DemandSeries
from tests.examples import examples

START = 29_500_000
FOREVER = (10**12, 10**12)


def function(provisioned: int = 0, init_seconds: float = 8.0) -> LambdaFunction:
    made = LambdaFunction("agent", "arn:agent", 1024, "x86_64", init_seconds, (0, 0), "live")
    made.aliases["live"] = Alias("live", made.publish().number)
    if provisioned:
        made.capacity("live").put(provisioned, (START - 5) * MINUTE_MS, 0, init_fails=False)
    return made


def driver(rows: list[Minute], provisioned: int = 0, keep_alive: int = 6, limit: int = 1000, init_seconds: float = 8.0,
           idle: tuple[int, int] | None = None, age: tuple[int, int] = FOREVER) -> Driver:
    lives = idle or (keep_alive * MINUTE_MS, keep_alive * MINUTE_MS)
    return Driver(function(provisioned, init_seconds), Traffic(then=iter(rows)), MinuteTable(START), START,
                  Randomness((1,), lives, age), Limits(lambda: limit, lambda: limit))


def rows_of(series: DemandSeries) -> list[Minute]:
    return [Minute(*(float(value) for value in row)) for row in zip(series.invocations, series.busy, series.peak, strict=True)]


def played(made: Driver, minutes: int) -> Driver:
    made.advance_to((START + minutes) * MINUTE_MS)
    return made


minutes = st.tuples(st.integers(0, 7), st.floats(0, 1)).map(
    lambda pair: Minute(float(pair[0] * 3), pair[0] * pair[1], float(pair[0]))
)
random_lives = {"idle": (5 * MINUTE_MS, 60 * MINUTE_MS), "age": (20 * MINUTE_MS, 60 * MINUTE_MS)}


@examples(60)
@given(st.lists(minutes, min_size=1, max_size=60), st.integers(0, 6), st.integers(1, 8))
def test_the_twin_under_a_limit_is_a_run_without_warm_capacity_under_it(rows: list[Minute], provisioned: int, limit: int) -> None:
    twin = played(driver(rows, provisioned, limit=limit, **random_lives), len(rows)).totals
    alone = played(driver(rows, 0, limit=limit, **random_lives), len(rows)).totals

    assert twin.cold_starts_without == alone.cold_starts
    assert twin.throttles_without == alone.throttles
    assert twin.invocations_without == alone.invocations
    assert twin.busy_without_ms == alone.on_demand_busy_ms
    assert alone.warm_busy_ms == 0


def test_the_twin_starts_no_more_environments_than_its_limit() -> None:
    totals = played(driver([Minute(10.0, 5.0, 10.0)], provisioned=2, limit=4), 1).totals

    assert totals.cold_starts_without <= 4
    assert totals.throttles_without > 0


def test_on_office_hours_cold_starts_are_about_those_of_the_formula() -> None:
    """Requests start at any second of their minute, so the formula for whole minutes holds approximately."""
    series = office_hours(Span(START, 1440), np.random.default_rng(4))
    load = judged_demand(series)
    for warm in (0, 4):
        totals = played(driver(rows_of(series), warm, init_seconds=0.0), 1440).totals
        counted = cold_starts_of(load, np.full(len(load), warm), 6).sum()
        assert totals.cold_starts == pytest.approx(counted, rel=0.1)


def test_a_cold_start_occupies_its_environment_for_the_initialisation_too() -> None:
    """Four short requests within seconds: during an initialisation of 30 s each needs another environment."""
    rows = [Minute(40.0, 0.5, 1.0)]

    assert played(driver(rows, init_seconds=0.0), 1).totals.cold_starts == 1
    assert played(driver(rows, init_seconds=30.0), 1).totals.cold_starts > 5


def test_the_initialisation_is_in_the_peak_and_not_in_the_work() -> None:
    made = played(driver([Minute(40.0, 0.5, 1.0)], init_seconds=30.0), 1)

    assert made.table.window("peak", START, START + 1)[0] > 5
    assert made.table.window("lasted 0", START, START + 1)[0] == pytest.approx(30_000, abs=600)


def test_environments_in_use_end_at_their_maximum_age() -> None:
    rows = [Minute(6.0, 2.0, 3.0)] * 600

    assert played(driver(rows), 600).totals.cold_starts < 8
    assert played(driver(rows, age=(50 * MINUTE_MS, 70 * MINUTE_MS)), 600).totals.cold_starts >= 3 * 8


def test_idle_environments_end_at_different_times() -> None:
    made = driver([Minute(20.0, 10.0, 20.0)] + [Minute(0.0, 0.0, 0.0)] * 70, idle=(5 * MINUTE_MS, 60 * MINUTE_MS))
    alive = []
    for minute in (2, 20, 40, 65):
        played(made, minute)
        alive.append(made.alive((START + minute) * MINUTE_MS))

    assert alive[0] >= 20 > alive[1] > alive[2] > alive[3] == 0


def test_the_frequency_of_reads_changes_nothing() -> None:
    rng = np.random.default_rng(5)
    rows = [Minute(float(p), p / 2, float(p)) for p in rng.poisson(3, 200)]
    coarse, fine = driver(rows, 2), driver(rows, 2)
    coarse.advance_to((START + 200) * MINUTE_MS)
    for at in range(START * MINUTE_MS, (START + 200) * MINUTE_MS + 1, 7_000):
        fine.advance_to(at)
    fine.advance_to((START + 200) * MINUTE_MS)
    assert asdict(coarse.totals) == asdict(fine.totals)
    assert np.array_equal(
        coarse.table.window("peak", START, START + 200), fine.table.window("peak", START, START + 200), equal_nan=True
    )


def test_requests_above_the_limit_are_throttled() -> None:
    made = played(driver([Minute(100.0, 5.0, 10.0)], limit=4), 1)
    assert made.totals.throttles > 0
    assert made.totals.invocations + made.totals.throttles == 100
    assert made.table.window("peak", START, START + 1)[0] == 4


def test_pings_warm_environments_for_the_traffic() -> None:
    made = driver([Minute(0.0, 0.0, 0.0), Minute(3.0, 1.0, 3.0)])
    at = START * MINUTE_MS + 20_000
    made.advance_to(at)
    assert [made.invoke(at, 75, "1").cold for _ in range(3)] == [True, True, True]
    played(made, 2)
    assert (made.totals.cold_starts, made.totals.cold_starts_without) == (0, 3)
    assert (made.totals.pings, made.totals.ping_cold_starts) == (3, 3)
    assert made.table.window("invocations", START, START + 2).tolist() == [3.0, 3.0]


def test_a_request_that_waits_because_a_ping_holds_a_unit_is_counted_apart() -> None:
    """A single request of the minute starts while pings hold both units: a provisioned one and an environment."""
    made = driver([Minute(0.0, 0.0, 0.0), Minute(1.0, 0.1, 1.0)] * 2, provisioned=1)
    for minute in (0, 2):
        at = (START + minute) * MINUTE_MS + 20_000
        made.advance_to(at)
        first = [made.invoke(at, 10, "1") for _ in range(2)]  # at the first time one of them starts an environment
        made.advance_to(at + 20_000)
        held = [made.invoke(at + 20_000, 100_000 if minute else 10, "1") for _ in range(2)]
        assert [each.provisioned for each in first] == [each.provisioned for each in held] == [True, False]
    played(made, 4)
    assert (made.totals.cold_starts, made.totals.cold_starts_during_pings) == (1, 1)


def test_more_than_ten_requests_per_second_and_unit_spill_over() -> None:
    made = played(driver([Minute(3_000.0, 0.5, 1.0)] * 2, provisioned=1), 2)
    assert made.table.window("pc_invocations", START, START + 2).tolist() == [600.0, 600.0]
    assert made.table.window("pc_spillover", START, START + 2).tolist() == [2_400.0, 2_400.0]

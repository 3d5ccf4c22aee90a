"""Cold starts while a round of pings holds units: the formula, and its figures beside those of the sandbox's requests."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from numpy.random import PCG64, Generator

from adapters.demand.history_file import read_history
from adapters.ports.lever import PingRounds
from adapters.sandbox.aws.lambda_.driver import Driver, Limits, Randomness
from adapters.sandbox.aws.lambda_.functions import Alias, LambdaFunction
from adapters.sandbox.traffic.metrics import MinuteTable
from adapters.sandbox.traffic.recorded import MINUTE_MS, Minute, Traffic
from controller.decision.costs.bill import bill_of, cold_starts_during_pings, judged_demand
from controller.decision.costs.cost_model import CostTerms, Pings
from controller.decision.costs.ping_rounds import Minutes, Rounds, during_rounds, measured, minutes_before
from controller.demo.traffic import Span, office_hours
from forecasting.demand import DemandSeries
from tests.controller.decision.costs.test_baselines import REFEREE

START, LENGTH, KEEP_ALIVE, INIT_MS = 29_500_000, 720, 20, 8000
HOLD_MS = 400
"""Longer than usual, so that 12 h of traffic have enough of these cold starts for a comparison."""

TERMS = CostTerms(0.0, 1e-3, 1e-3, INIT_MS / 1000, 0.05, 2, 1, KEEP_ALIVE, stay_warm=True,
                  pings=Pings(a_minute=0.25, seconds=HOLD_MS / 1000, lasting_minutes=1e9))


def steady(rng: Generator) -> DemandSeries:
    """Independent requests at a constant rate: 20 a minute, of 6 s."""
    peak = np.maximum(1, rng.poisson(2, LENGTH) + 2)
    requests = np.maximum(20.0, peak)
    return DemandSeries(START, peak.astype(np.float32), np.full(LENGTH, 2.0, np.float32), requests.astype(np.float32))


def bursts(rng: Generator) -> DemandSeries:
    """40 short requests a minute, with a burst of 12 at once in one of 30 minutes."""
    peak = np.where(rng.random(LENGTH) < 1 / 30, 12, 3)
    return DemandSeries(START, peak.astype(np.float32), (peak / 6).astype(np.float32), np.full(LENGTH, 40.0, np.float32))


def recorded(name: str) -> DemandSeries:
    """12 h of the second day of a recording, as the sandbox plays it: with up to 120 requests a minute."""
    path = REFEREE.parent.parent / "traces" / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip("the recordings are not on this machine")
    whole = read_history(path)
    peak, busy, requests = (np.nan_to_num(each[1920 : 1920 + LENGTH]) for each in (whole.peak, whole.busy, whole.invocations))
    return DemandSeries(START, np.ceil(peak), busy, np.minimum(requests, np.maximum(120, np.ceil(peak))))


def served(series: DemandSeries, units: int, seed: int) -> Driver:
    """A function of the sandbox with `units` environments that rounds of pings keep warm, as the ping loop runs them."""
    function = LambdaFunction("agent", "arn:agent", 1024, "x86_64", INIT_MS / 1000, (0, 0), "live")
    function.aliases["live"] = Alias("live", function.publish().number)
    rows = (Minute(*map(float, row)) for row in zip(series.invocations, series.busy, series.peak, strict=True))
    driver = Driver(function, Traffic(then=rows), MinuteTable(START), START,
                    Randomness((seed,), (KEEP_ALIVE * MINUTE_MS,) * 2, (10**12, 10**12)), Limits(lambda: 10**6, lambda: 10**6))
    rng, at = Generator(PCG64(seed)), 0.1
    while at < LENGTH - 1:
        minute, now = int(at), round((START + at) * MINUTE_MS)
        if series.peak[max(0, minute - 3) : minute + 1].max() < units:
            driver.advance_to(now)
            driver.invoke(now, 0, driver.serving, INIT_MS)
            busy = int(series.busy[max(0, minute - 4) : minute - 1].min(initial=0)) if minute > 1 else 0
            now += int(rng.uniform(300, 800))
            driver.advance_to(now)
            for _ in range(max(1, units - busy)):
                driver.invoke(now, HOLD_MS, driver.serving, INIT_MS)
        at = int(at + rng.uniform(3, 5)) + rng.uniform(5, 50) / 60
    driver.advance_to((START + LENGTH) * MINUTE_MS - 1)
    return driver


TRACES = {
    "steady": lambda: steady(Generator(PCG64(3))), "bursts": lambda: bursts(Generator(PCG64(4))),
    "office hours": lambda: office_hours(Span(START, LENGTH), Generator(PCG64(5))),
    "agents": lambda: recorded("hw_priv_f4_d0_5"),
}


@pytest.mark.parametrize(("trace", "quantile", "together"), [
    ("steady", 1.0, 1), ("steady", 0.9, 1), ("bursts", 1.0, 2), ("office hours", 1.0, 1), ("agents", 1.0, 2),
])
def test_the_expected_number_is_that_of_the_sandbox(trace, quantile, together):
    """Within 3.5 standard deviations, which 1 of 2,000 correct models exceeds, and 30 % for what the figures of a minute do not
    say: in which second a request starts, and which units it occupies. `together`: requests that usually start at once. A count
    of independent groups of that size has the variance of a count of single requests times the size.
    """
    series, seeds = TRACES[trace](), (1, 2)
    load, units = judged_demand(series), int(np.quantile(series.peak, quantile)) + (quantile == 1)
    expected = float(cold_starts_during_pings(load, np.full(LENGTH, units), TERMS).sum()) * len(seeds)
    counted = sum(served(series, units, seed).totals.cold_starts_during_pings for seed in seeds)

    assert expected > 1
    assert abs(counted - expected) <= 3.5 * (together * expected) ** 0.5 + 0.3 * expected


def of_bursts(arrivals: float, busy: float = 0.0, spare: float = 0.0, rounds: int = 1) -> float:
    """Expected cold starts of the last of equal rounds."""
    each = np.ones(rounds)
    return float(Rounds(busy * each, (busy + arrivals) * each, each, 100).cold_starts(spare * each)[-1])


def test_a_burst_that_holds_every_unit_starts_each_arrival_cold_and_spare_units_serve_them():
    assert of_bursts(0.01) == pytest.approx(0.01)
    assert of_bursts(3.0) == pytest.approx(3.0)
    assert of_bursts(3.0, spare=50.0) == pytest.approx(0.0, abs=1e-6)
    assert of_bursts(3.0, busy=8.0) == pytest.approx(3.0)


def test_units_that_earlier_bursts_made_necessary_serve_the_arrivals_of_later_ones():
    """Of 6 equal bursts the last one starts what exceeds the units of the others: drawn by random numbers."""
    rng = np.random.default_rng(1)
    before, arrivals = rng.poisson(4.0, (6, 200_000)), rng.poisson(0.5, (6, 200_000))
    most = (before + arrivals)[:5].max(axis=0)
    drawn = np.minimum(arrivals[5], np.maximum(before[5] + arrivals[5] - most, 0)).mean()

    assert of_bursts(0.5, busy=4.0, rounds=6) == pytest.approx(drawn, rel=0.03)


@pytest.mark.parametrize("lever", ["pings", "none"])
def test_a_bill_counts_them_as_cold_starts_with_their_cost(lever):
    load, target = judged_demand(steady(Generator(PCG64(3)))), np.full(LENGTH, 30)
    terms = replace(TERMS, pings=TERMS.pings if lever == "pings" else None)
    bill = bill_of(load, target, terms)

    assert (bill.cold_starts_during_pings > 5) == (lever == "pings")
    assert bill.cold_starts >= bill.cold_starts_during_pings
    assert bill.wait_usd == pytest.approx(bill.cold_starts * terms.cold_start_cost_usd)


def test_a_single_unit_needs_no_burst():
    assert cold_starts_during_pings(judged_demand(bursts(Generator(PCG64(4)))), np.ones(LENGTH, np.int64), TERMS).sum() == 0


@pytest.mark.parametrize(("hold_ms", "pause"), [(1, 60), (20, 240), (75, 250), (5000, 3600)])
def test_measured_pauses_and_holds_are_used_to_the_nearest_step(hold_ms, pause):
    seen = PingRounds(timedelta(seconds=pause), timedelta(milliseconds=hold_ms), 9, 99, 0.0, 1.0, 2.0)
    used = measured(TERMS.pings, seen)

    assert used.seconds == pytest.approx(hold_ms / 1000, rel=0.05)
    assert 60 / used.a_minute == pytest.approx(pause, abs=15)
    assert used.lasting_minutes == TERMS.pings.lasting_minutes
    assert len({measured(TERMS.pings, replace(seen, hold=timedelta(milliseconds=hold_ms * (1 + at / 1000)))).seconds
                for at in range(10)}) <= 2, "pools with similar holds are calculated together"


def test_no_round_runs_and_none_is_counted_while_users_have_all_units_in_use():
    load = judged_demand(steady(Generator(PCG64(3))))
    assert cold_starts_during_pings(load, np.ones(LENGTH, np.int64), TERMS).sum() == 0
    assert cold_starts_during_pings(load, np.zeros(LENGTH, np.int64), TERMS).sum() == 0


@pytest.mark.parametrize("length", [1, 4, 30])
def test_a_keep_alive_longer_than_the_recording_counts_as_all_of_it(length):
    short = DemandSeries(START, *(np.full(length, value, np.float32) for value in (4, 2, 40)))
    by_keep_alive = [cold_starts_during_pings(judged_demand(short), np.full(length, 9), replace(TERMS, keep_alive=minutes))
                     for minutes in (length, length + 1, 10 * length)]

    assert all(np.array_equal(each, by_keep_alive[0]) for each in by_keep_alive)
    assert by_keep_alive[0].sum() > 0


@pytest.mark.parametrize(("keep_alive", "delay", "pause"), [(20, 2, 4), (0, 9, 1), (3, 0, 15)])
def test_the_last_minute_depends_on_the_given_number_of_minutes_alone(keep_alive, delay, pause):
    rng, pings = Generator(PCG64(6)), Pings(1 / pause, 2.0, 120.0)
    peak = rng.poisson(3, LENGTH) + 1.0
    ready, warm = (rng.integers(*span, LENGTH).astype(float) for span in ((0, 9), (5, 15)))
    minutes = Minutes(peak, peak / 2, peak * 9, ready, warm)
    whole, reach = during_rounds(minutes, keep_alive, delay, pings), minutes_before(keep_alive, delay, pings)
    parts = [during_rounds(Minutes(*(each[end - reach : end] for each in minutes)), keep_alive, delay, pings)[-1]
             for end in range(reach, LENGTH)]

    assert parts == pytest.approx(whole[reach - 1 : -1], abs=1e-9)
    assert whole.max() > 0.001

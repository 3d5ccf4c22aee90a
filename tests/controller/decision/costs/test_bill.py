"""Bills: calculated by hand, and by an independent program."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.aws.lambda_.provisioned_capacity import Meter
from adapters.sandbox.traffic.recorded import MINUTE_MS
from controller.decision.costs.bill import Bill, JudgedDemand, bill_of, cold_starts_of, judged_demand, ready_of, total
from controller.decision.costs.cost_model import CostTerms, Pings, TopTerms
from controller.decision.costs.work_above import work_above
from forecasting.demand import DemandSeries

TERMS = CostTerms(idle=0.25, warm_busy=0.5, on_demand=1.0, init_seconds=30, cold_start_cost_usd=2.0, metric_delay=2, lead_time=2,
                  keep_alive=3)
REFEREE = Path(__file__).resolve().parents[5] / "shared" / "score" / "score.py"


def referee() -> ModuleType:
    if not REFEREE.exists():
        pytest.skip("the referee is not on this machine")
    spec = importlib.util.spec_from_file_location("referee", REFEREE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["referee"] = module
    spec.loader.exec_module(module)
    return module


def demand(peak: list[float], busy: list[float] | None = None, invocations: list[float] | None = None) -> DemandSeries:
    rows = (peak, peak if busy is None else busy, peak if invocations is None else invocations)
    return DemandSeries(0, *(np.array(row, np.float32) for row in rows))


def units(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_a_raise_serves_after_the_lead_time_and_a_fall_at_once():
    assert ready_of(units(0, 5, 5, 5, 2, 2), 2).tolist() == [0, 0, 0, 5, 2, 2]


def test_a_raise_that_is_reverted_within_the_lead_time_never_serves():
    assert ready_of(units(1, 9, 1, 1, 1), 2).tolist() == [0, 0, 1, 1, 1]


def test_a_unit_that_ran_on_demand_stays_warm_for_the_keep_alive():
    load = judged_demand(demand([2, 0, 0, 2, 0, 0, 0, 2]))
    assert cold_starts_of(load, np.zeros(8, np.int64), 3).tolist() == [2, 0, 0, 0, 0, 0, 0, 2]


def test_removed_units_stay_warm_for_the_keep_alive_if_the_lever_leaves_them():
    load, ready = judged_demand(demand([0, 0, 3, 0, 0, 0, 3])), units(3, 3, 0, 0, 0, 0, 0)
    assert cold_starts_of(load, ready, 3, stay_warm=True).tolist() == [0, 0, 0, 0, 0, 0, 3]
    assert cold_starts_of(load, ready, 3).tolist() == [0, 0, 3, 0, 0, 0, 3]


def test_eight_gaps_of_ten_minutes_start_none_of_thirty_steady_units_cold():
    peak = np.full(600, 30.0)
    for first in range(60, 540, 60):
        peak[first : first + 10] = np.nan
    assert bill_of(judged_demand(demand(peak), start=30), np.zeros(600, np.int64), TERMS).cold_starts == 0


known_or_not = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), min_size=1, max_size=40)


@given(known_or_not, st.integers(0, 5), st.booleans())
def test_unknown_minutes_in_place_of_known_ones_never_raise_cold_starts(rows, keep_alive, stay_warm):
    peak, ready = np.array([float(most) for most, _, _ in rows]), units(*(kept for _, kept, _ in rows))
    gaps = np.where([unknown for _, _, unknown in rows], np.nan, peak)
    whole, some = (cold_starts_of(judged_demand(demand(each)), ready, keep_alive, stay_warm) for each in (peak, gaps))
    assert some.sum() <= whole.sum()


@given(known_or_not, st.integers(0, 5), st.booleans())
def test_unknown_minutes_between_known_ones_never_raise_cold_starts(rows, keep_alive, stay_warm):
    peak, ready = [float(most) for most, _, _ in rows], [kept for _, kept, _ in rows]
    apart = [(value, kept) for most, kept, gap in rows for value, kept in [(float(most), kept), (np.nan, kept)][: 1 + gap]]
    longer, held = judged_demand(demand([value for value, _ in apart])), units(*(kept for _, kept in apart))
    whole = cold_starts_of(judged_demand(demand(peak)), units(*ready), keep_alive, stay_warm)
    some = cold_starts_of(longer, held, keep_alive, stay_warm)
    assert some.sum() <= whole.sum()


def test_without_a_keep_alive_every_unit_on_demand_starts_cold():
    assert cold_starts_of(judged_demand(demand([2, 2])), np.zeros(2, np.int64), 0).tolist() == [2, 2]


def test_a_bill_by_hand():
    bill = bill_of(judged_demand(demand([0, 0, 0, 4], [0, 0, 0, 4], [0, 0, 0, 10])), units(2, 2, 2, 2), TERMS)
    # ready is 0, 0, 2, 2; in the last minute 2 of 4 busy units are warm, and 2 of the 4 start cold
    assert (bill.cold_starts, bill.warm_unit_minutes, bill.idle_unit_minutes) == (2, 4, 2.0)
    assert bill.idle_usd == pytest.approx(2 * 0.25)
    assert bill.warm_work_usd == pytest.approx(2 * 0.75)
    assert bill.on_demand_work_usd == pytest.approx(2.0)
    assert bill.init_usd == pytest.approx(2 * 30 / 60)
    assert bill.wait_usd == pytest.approx(4.0)
    assert bill.extra_usd == pytest.approx(0.5 + 1.5 + 2.0 + 1.0 + 4.0 - 4.0)
    assert bill.warm_hit_rate == pytest.approx(0.8)


def test_requests_are_part_of_every_bill_and_of_no_difference():
    load, target = judged_demand(demand([0, 0, 0, 4], [0, 0, 0, 3], [0, 0, 0, 10])), units(2, 2, 2, 2)
    free, charged = bill_of(load, target, TERMS), bill_of(load, target, replace(TERMS, request_usd=0.1))
    assert charged.provider_usd == pytest.approx(free.provider_usd + 10 * 0.1)
    assert charged.extra_usd == pytest.approx(free.extra_usd)


def test_unknown_minutes_have_no_cost_and_no_work():
    known = bill_of(judged_demand(demand([1, 1, 1, 1])), units(1, 1, 1, 1), TERMS)
    gap = bill_of(judged_demand(demand([1, 1, 1, np.nan])), units(1, 1, 1, 1), TERMS)
    assert (known.minutes, gap.minutes) == (4, 3)
    assert gap.warm_unit_minutes == known.warm_unit_minutes - 1
    assert gap.invocations == 3


def test_minutes_before_the_start_are_not_counted_but_keep_units_warm():
    bill = bill_of(judged_demand(demand([3, 3, 3]), start=1), units(0, 0, 0), TERMS)
    assert (bill.minutes, bill.cold_starts) == (2, 0)


def test_no_invocations_have_no_warm_hit_rate_and_no_relative_cost():
    quiet = bill_of(judged_demand(demand([0, 0])), units(0, 0), TERMS)
    assert quiet.warm_hit_rate is None
    assert quiet.relative_to(quiet) is None


def test_the_relative_cost_of_no_warm_capacity_is_one():
    nothing = bill_of(judged_demand(demand([1, 0, 5])), units(0, 0, 0), TERMS)
    assert nothing.relative_to(nothing) == 1.0


def test_the_total_of_bills_adds_every_field():
    one = Bill(1, 2.0, 3, 4, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0)
    assert total([one, one]) == Bill(2, 4.0, 6, 8, 10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 22.0, 24.0)
    assert total([]) == Bill()


def above_average(load: JudgedDemand, target: np.ndarray, lead_time: int) -> float:
    """Work above the units that exceeds what the averages of the minutes show, in unit-minutes. To the referee these decide."""
    busy, ready = load.busy[load.counted], ready_of(target, lead_time)[load.counted]
    return float((work_above(busy, load.peak[load.counted], ready, stay_warm=False) - np.maximum(busy - ready, 0)).sum())


rows = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 9)), st.floats(0, 1), st.integers(0, 9)), min_size=9, max_size=40)


@given(rows, st.integers(0, 50), st.integers(0, 4), st.integers(1, 8))
def test_an_independent_calculation_gives_the_same_bill(rows, start, lead_time, keep_alive):
    judge = referee()
    peak = np.array([np.nan if p is None else p for p, _, _ in rows], np.float32)
    busy = (peak * np.array([share for _, share, _ in rows])).astype(np.float32)
    target = np.array([wanted for _, _, wanted in rows], np.int64)
    terms = CostTerms(0.25, 0.5, 1.0, 8.0, 0.05, 2, lead_time, keep_alive)
    most, average = np.nan_to_num(peak).astype(int), np.nan_to_num(busy).astype(float)
    theirs = judge.Demand([], most, average, np.nan_to_num(peak), ~np.isnan(peak))
    expected = judge.score(theirs, target, judge.Terms(0.25, 0.5, 1.0, 8.0, 0.05, 2, lead_time, keep_alive), start)
    load = judged_demand(DemandSeries(0, peak, busy, peak), start)
    bill, more = bill_of(load, target, terms), above_average(load, target, lead_time)
    fewer = expected["cold_starts"] - bill.cold_starts  # to the referee an unknown minute is idle and cools
    assert fewer >= 0 if np.isnan(peak).any() else fewer == 0
    dearer = more * (terms.on_demand - terms.warm_busy)
    assert bill.extra_usd == pytest.approx(expected["cost_usd"] - fewer * terms.cold + dearer, abs=1e-9)
    assert bill.warm_unit_minutes == expected["warm_unit_minutes"]
    assert bill.idle_unit_minutes == pytest.approx(expected["idle_unit_minutes"] + more)


@pytest.mark.parametrize("trace", ["crane_05_d0_16", "sg_m_mid_016_d0_14", "az19_4be8e60d_d0_5"])
def test_an_independent_calculation_gives_the_same_bill_for_recorded_traffic(trace):
    judge = referee()
    from adapters.demand.history_file import read_history

    path = REFEREE.parent.parent / "traces" / f"{trace}.csv.gz"
    theirs, terms = judge.read_demand(path), judge.Terms()
    load = judged_demand(read_history(path), 4320)
    steps = np.random.default_rng(7).integers(0, int(load.peak.max()) + 2, len(load) // 9 + 1)
    target = np.repeat(steps, 9)[: len(load)]
    expected, bill = judge.score(theirs, target, terms, 4320), bill_of(load, target, CostTerms(**terms.__dict__))
    fewer = expected["cold_starts"] - bill.cold_starts
    dearer = above_average(load, target, terms.lead_time) * (terms.on_demand - terms.warm_busy)
    assert 0 <= fewer <= 0.01 * expected["cold_starts"]
    assert bill.extra_usd == pytest.approx(expected["cost_usd"] - fewer * terms.cold + dearer, abs=0.005)


IDLE = CostTerms(idle=1.0, warm_busy=0.0, on_demand=0.0, init_seconds=0.0, cold_start_cost_usd=0.0, metric_delay=0, lead_time=2,
                 keep_alive=6, billing_step=5)


def idle(target: np.ndarray) -> float:
    """What keeping `target` costs at one dollar a unit-minute, without demand."""
    nothing = np.zeros(len(target), np.float32)
    return bill_of(judged_demand(DemandSeries(0, nothing, nothing, nothing)), target, IDLE).idle_usd


def test_with_a_billing_step_a_unit_is_billed_from_the_request_to_the_end_of_a_step():
    target = np.zeros(20, np.int64)
    target[4:11] = 3
    assert idle(target) == 3 * 10


def test_a_unit_removed_before_it_was_ready_is_billed_for_a_whole_step():
    target = np.zeros(12, np.int64)
    target[4] = 3
    assert idle(target) == 3 * 5


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 12)), max_size=30))
def test_provisioned_concurrency_costs_the_same_as_in_the_emulator(series):
    meter, at = Meter(), 0
    for minutes, wanted in series:
        meter.configure(wanted, at * MINUTE_MS)
        at += minutes
    meter.configure(0, at * MINUTE_MS)
    target = np.repeat([wanted for _, wanted in series] + [0], [minutes for minutes, _ in series] + [5])

    assert idle(target.astype(np.int64)) == meter.billed_unit_ms(at * MINUTE_MS) / MINUTE_MS


LAYERED = replace(TERMS, top=TopTerms(1e-6, Pings(a_minute=0.25, seconds=0.1, lasting_minutes=120.0)))


def test_units_kept_by_pings_above_the_base_prevent_cold_starts_and_are_billed_apart():
    load = judged_demand(demand([0] * 20 + [5] + [0] * 20, [0] * 41, [0] * 20 + [5] + [0] * 20))
    base, top = np.full(41, 1), np.full(41, 3)
    alone, both = bill_of(load, base, LAYERED), bill_of(load, base, LAYERED, top)

    assert (alone.cold_starts, both.cold_starts) == (4, 1)
    assert both.pinged_unit_minutes == 3 * (41 - LAYERED.lead_time)
    assert both.ping_usd == pytest.approx(both.pinged_unit_minutes * 1e-6)
    assert both.warm_unit_minutes == alone.warm_unit_minutes
    assert both.provider_usd - both.init_usd == pytest.approx(alone.provider_usd - alone.init_usd + both.ping_usd)


def test_units_that_pings_kept_stay_warm_for_the_keep_alive_after_the_pings_end():
    peak = [0] * 20 + [0] * (TERMS.keep_alive - 1) + [3] + [0] * (TERMS.keep_alive - 1) + [3]
    load = judged_demand(demand(peak))
    top = np.where(np.arange(len(peak)) < 20, 3, 0)

    assert bill_of(load, np.zeros_like(top), LAYERED, top).cold_starts == 0


def test_requests_during_a_round_of_a_busy_pool_start_cold():
    load = judged_demand(demand([2] * 600, [0.5] * 600, [3000] * 600))
    top = np.full(600, 4)

    assert bill_of(load, np.zeros_like(top), LAYERED, top).cold_starts_during_pings > 10
    assert bill_of(load, np.zeros_like(top), LAYERED).cold_starts_during_pings == 0


@pytest.mark.parametrize("trace", ["crane_05_d0_16", "sg_m_mid_064_d0_14"])
def test_an_independent_calculation_gives_no_lower_bill_of_layers(trace):
    """The referee lets units stop as soon as pings end, and every request during a round start cold."""
    judge = referee()
    from adapters.demand.history_file import read_history

    path = REFEREE.parent.parent / "traces" / f"{trace}.csv.gz"
    theirs, terms = judge.read_demand(path), judge.Terms()
    load = judged_demand(read_history(path), 4320)
    steps = np.random.default_rng(7).integers(0, int(load.peak.max()) + 2, (2, len(load) // 9 + 1))
    base, top = (np.repeat(row, 9)[: len(load)] for row in steps)
    own = CostTerms(**terms.__dict__, top=TopTerms(terms.pinged_minute, Pings(0.25, 0.1, 120.0)))
    expected, bill = judge.score(theirs, base, terms, 4320, top), bill_of(load, base, own, top)

    assert bill.cold_starts <= expected["cold_starts"]
    assert bill.warm_unit_minutes == expected["warm_unit_minutes"]

"""Accounts of pools with two layers: those of the backtest for the same minutes."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.lever import PingsSent
from controller.accounting.ledger import NAMES, GroupLedger
from controller.decision.costs.bill import bill_of, judged_demand, top_during_pings
from controller.decision.costs.cost_model import CostTerms, Pings, TopTerms
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON

FIRST, MINUTE = minute_of(NOON), timedelta(minutes=1)
TOP = TopTerms(idle=0.125, pings=Pings(0.25, 1.0, 120.0))
TERMS = CostTerms(idle=1.0, warm_busy=2.0, on_demand=10.0, init_seconds=60.0, cold_start_cost_usd=5.0, metric_delay=2,
                  lead_time=0, keep_alive=2, request_usd=0.5, top=TOP)
NOT_HELD = replace(TERMS, top=replace(TOP, pings=Pings(0.25, 0.0, 120.0)))
BOTH = [False, True]


def read_for(ledger, *units):
    """Note the ready units of the base and the pinged ones of each minute."""
    for minute, (base, pinged) in enumerate(units):
        ledger.ready(np.full(len(ledger.pools), base, np.float32), NOON + minute * MINUTE,
                     pinged=np.full(len(ledger.pools), pinged, np.float32))


def sums_of(units, peak, busy, requests, *terms):
    """Sums of a pool for each of `terms`, all with the same units and demand."""
    ledger = GroupLedger([f"pool-{at}" for at in range(len(terms))], {}, {}, NOON)
    read_for(ledger, *units)
    ledger.settle(FIRST, *(np.tile(np.array(each, np.float32), (len(terms), 1)) for each in (peak, busy, requests)), terms)
    return [dict(zip(NAMES, row, strict=True)) for row in ledger.today.tolist()]


def test_the_cost_of_a_minute_follows_the_formula():
    [sums] = sums_of([(2, 4)], [8], [8], [9], NOT_HELD)

    assert sums["ping_usd"] == 4 * 0.125
    assert (sums["warm_usd"], sums["on_demand_usd"]) == (2 * 1 + 2 * 2, 6 * 10), "work of pinged units has the on-demand price"
    assert sums["cold_starts"] == 8 - 2 - 4
    assert sums["bill_usd"] == 6 + 60 + 2 * 10 + 9 * 0.5 + 4 * 0.125
    assert (sums["warm_unit_minutes"], sums["idle_unit_minutes"], sums["warm_hits"]) == (2, 0, 7)


@pytest.mark.parametrize("layered", BOTH)
def test_work_in_minutes_whose_peak_pings_hide_is_billed_by_the_layer_that_serves_it(layered):
    terms = replace(NOT_HELD if layered else replace(NOT_HELD, top=None), stay_warm=True)
    [sums] = sums_of([(2, 4 * layered)], [np.nan], [5], [9], terms)

    assert (sums["warm_usd"], sums["on_demand_usd"], sums["request_usd"]) == (2 * 1 + 2 * 2, 3 * 10, 9 * 0.5)
    assert (sums["minutes"], sums["known_minutes"]) == (1, 0)


@pytest.mark.parametrize("layered", BOTH)
def test_pings_that_were_sent_are_billed_where_they_are_known(layered):
    """Minutes before the start of the process have the price of the model. A minute without a ping costs nothing."""
    terms = NOT_HELD if layered else replace(NOT_HELD, top=None)
    ledger = GroupLedger(["counted", "not counted"], {}, {}, NOON)
    read_for(ledger, *[(2, 4 * layered)] * 4)
    ledger.sent("counted", FIRST + 1, {FIRST + 1: PingsSent(3, 12.0), FIRST + 2: PingsSent(1, 0.0)})
    ledger.sent("counted", FIRST + 1, {FIRST + 2: PingsSent(1, 0.0)})
    ledger.settle(FIRST, *(np.zeros((2, 4), np.float32),) * 3, [terms] * 2)
    counted, priced = (dict(zip(NAMES, row, strict=True)) for row in ledger.today.tolist())

    sent = 4 * 0.5 + 12 / 60 * 10.0
    usual, name = (4 * 0.125, "ping_usd") if layered else (2 * 1.0, "warm_usd")
    assert (counted[name], priced[name]) == pytest.approx((usual + sent, 4 * usual))
    assert counted["bill_usd"] == pytest.approx(usual + sent + 4 * 2 * layered)
    assert counted["idle_usd"] == counted["warm_usd"]
    same = [each for each in NAMES if each not in {"ping_usd", "warm_usd", "idle_usd", "bill_usd"}]
    assert [counted[each] for each in same] == [priced[each] for each in same]


def test_settled_minutes_keep_the_pings_that_were_billed():
    ledger = GroupLedger(["a"], {}, {}, NOON)
    read_for(ledger, (2, 4))
    ledger.settle(FIRST, *(np.zeros((1, 1), np.float32),) * 3, [NOT_HELD])
    before = ledger.today.tolist()
    ledger.sent("a", FIRST, {FIRST: PingsSent(9, 9.0)})

    assert ledger.today.tolist() == before


@pytest.mark.parametrize("stay_warm", BOTH)
def test_pings_change_no_figure_without_stoker_or_of_target_tracking(stay_warm):
    demand = [8, 0, 3, 8, 8], [5, 0, 1, 4, 4], [9, 0, 3, 9, 9]
    terms = replace(TERMS, stay_warm=stay_warm)
    [pinged], [plain] = (sums_of([(2, top)] * 5, *demand, terms) for top in (4, 0))

    for name in NAMES:
        if "without_stoker" in name or "target_tracking" in name or name.startswith("others") or name == "warm_unit_minutes":
            assert pinged[name] == plain[name], name
    assert pinged["cold_starts"] < plain["cold_starts"]
    assert plain["ping_usd"] == 0


minutes = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(0, 6), st.booleans()), min_size=1, max_size=40)


@given(minutes, st.integers(0, 5), st.booleans())
def test_ledger_and_backtest_count_the_same_cold_starts(series, keep_alive, stay_warm):
    terms = replace(NOT_HELD, keep_alive=keep_alive, stay_warm=stay_warm)
    peak = [np.nan if unknown else most for most, _, _, unknown in series]
    [sums] = sums_of([(base, top) for _, base, top, _ in series], peak, peak, peak, terms)
    load = judged_demand(DemandSeries(FIRST, *(np.array(peak, np.float32) for _ in range(3))))

    base, pinged = (np.array([each[at] for each in series], np.int64) for at in (1, 2))
    assert sums["cold_starts"] == bill_of(load, base, terms, pinged).cold_starts


@given(minutes, st.integers(0, 4), st.integers(4, 6), st.integers(6, 9), st.booleans())
def test_each_end_of_the_range_equals_that_keep_alive_alone(series, low, exact, high, stay_warm):
    peak = [np.nan if unknown else most for most, _, _, unknown in series]
    each = [replace(NOT_HELD, keep_alive=span, stay_warm=stay_warm) for span in (exact, low, high)]
    each[0] = replace(each[0], keep_alive_range=(low, high))
    ranged, *ends = sums_of([(base, top) for _, base, top, _ in series], peak, peak, peak, *each)

    for name in ("cold_starts", "cold_starts_without_stoker"):
        shown = [ranged[name] + ranged[f"{name}_delta_{end}"] for end in ("low", "high")]
        assert shown == pytest.approx([end[name] for end in ends])


def traffic(length, seed=3):
    """Requests of a day with a busy and a quiet half, none in the first minutes: `DemandSeries`, and units of both layers."""
    rng = np.random.default_rng(seed)
    level = 3.0 + 2.5 * np.sin(np.arange(length) / 200)
    peak = np.where(np.arange(length) < 5, 0, rng.poisson(level) + 1)
    busy, requests = np.where(peak > 0, peak / 3, 0), peak * 12
    base, pinged = np.repeat(rng.integers(0, 5, length // 15 + 1), 15), np.repeat(rng.integers(0, 9, length // 15 + 1), 15)
    return (DemandSeries(FIRST, *(each.astype(np.float32) for each in (peak, busy, requests))),
            base[:length].astype(np.int64), pinged[:length].astype(np.int64))


@pytest.mark.parametrize("stay_warm", BOTH)
def test_cold_starts_during_pings_are_those_of_the_backtest(stay_warm):
    terms = replace(TERMS, keep_alive=20, stay_warm=stay_warm)
    demand, base, pinged = traffic(128)
    [sums] = sums_of(zip(base, pinged, strict=True), demand.peak, demand.busy, demand.invocations, terms)
    expected = top_during_pings(judged_demand(demand), base, pinged, terms).sum()

    assert expected > 2
    assert sums["cold_starts_during_pings"] == pytest.approx(expected, rel=1e-6)


def test_pools_of_one_lever_with_pings_and_layered_pools_have_their_own_figures():
    demand, base, pinged = traffic(128)
    units = base + 5
    terms = replace(TERMS, keep_alive=20), replace(TERMS, keep_alive=20, top=None, pings=TOP.pings, stay_warm=True)
    columns = demand.peak, demand.busy, demand.invocations
    apart = [sums_of(zip(units, layer, strict=True), *columns, each)[0]
             for each, layer in zip(terms, (pinged, np.zeros_like(pinged)), strict=True)]
    ledger = GroupLedger(["layered", "pinged"], {}, {}, NOON)
    for minute, (kept, above) in enumerate(zip(units, pinged, strict=True)):
        ledger.ready(np.full(2, kept, np.float32), NOON + minute * MINUTE, pinged=np.float32([above, 0]))
    ledger.settle(FIRST, *(np.tile(each, (2, 1)) for each in columns), terms)

    at = NAMES.index("cold_starts_during_pings")
    assert ledger.today[:, at].tolist() == pytest.approx([each["cold_starts_during_pings"] for each in apart])
    assert ledger.today[:, at].min() > 0


def test_units_of_demand_before_the_first_counted_minute_serve_users_during_rounds():
    demand, terms = [np.full((1, 30), value, np.float32) for value in (4, 2, 40)], replace(TERMS, keep_alive=20)
    cold = []
    for before in (0, 9):
        ledger = GroupLedger(["a"], {}, {}, NOON)
        read_for(ledger, *[(2, 3)] * 30)
        ledger.warm_up(*[np.full((1, 20), before, np.float32)] * 3, [terms])
        ledger.settle(FIRST, *demand, [terms])
        cold.append(ledger.today[0, NAMES.index("cold_starts_during_pings")])

    assert 0 < cold[1] < 0.7 * cold[0]


@pytest.mark.parametrize("stay_warm", BOTH)
def test_the_sum_of_a_day_is_the_bill_of_the_same_minutes(stay_warm):
    length, terms = 1440, replace(TERMS, keep_alive=20, stay_warm=stay_warm)
    demand, base, pinged = traffic(length)
    ledger = GroupLedger(["a"], {}, {}, NOON)
    for first in range(0, length, 10):
        for minute in range(first, first + 10):
            ledger.ready(base[minute, None].astype(np.float32), NOON + minute * MINUTE,
                         pinged=pinged[minute, None].astype(np.float32))
        part = slice(first, first + 10)
        ledger.settle(FIRST + first, *(each[None, part] for each in (demand.peak, demand.busy, demand.invocations)), [terms])
    sums = dict(zip(NAMES, ledger.ever[0].tolist(), strict=True))
    bill = bill_of(judged_demand(demand), base, terms, pinged)

    assert (sums["minutes"], sums["known_minutes"]) == (length, bill.minutes)
    assert sums["ping_usd"] == bill.ping_usd == bill.pinged_unit_minutes * TOP.idle > 0
    assert sums["warm_unit_minutes"] == bill.warm_unit_minutes
    assert sums["warm_usd"] == pytest.approx(bill.idle_usd + bill.warm_work_usd)
    assert sums["on_demand_usd"] == pytest.approx(bill.on_demand_work_usd)
    # a bill has whole cold starts, the accounts expected ones
    assert sums["cold_starts_during_pings"] == pytest.approx(bill.cold_starts_during_pings, abs=0.51)
    assert sums["cold_starts"] == pytest.approx(bill.cold_starts, abs=0.51)
    assert sums["bill_usd"] == pytest.approx(bill.provider_usd, abs=0.51 * terms.initialisation)
    assert sums["cold_start_cost_usd"] == pytest.approx(bill.wait_usd, abs=0.51 * terms.cold_start_cost_usd)

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.accounting.ledger import NAMES, GroupLedger, Ledger
from controller.accounting.paid_units import Change
from controller.accounting.tick_accounting import keep_accounts
from controller.decision.costs.bill import bill_of, judged_demand
from controller.decision.costs.cost_model import CostTerms
from controller.decision.costs.estimated_peaks import HiddenPeaks
from controller.decision.costs.target_tracking import TargetTracker
from controller.report.accounts import range_of
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON

FIRST = minute_of(NOON)
TERMS = CostTerms(idle=1.0, warm_busy=2.0, on_demand=10.0, init_seconds=60.0, cold_start_cost_usd=5.0, metric_delay=2,
                  lead_time=2, keep_alive=2)


def rows(*values):
    return np.array([values], np.float32)


def account(now=NOON):
    return GroupLedger(["a"], {}, {}, now)


def amounts(account):
    return dict(zip(NAMES, account.today[0].tolist(), strict=True))


def ready_for(account, minutes, units=2.0, now=NOON):
    for minute in range(minutes):
        account.ready(np.array([units], np.float32), now + minute * timedelta(minutes=1))


def test_the_cost_of_a_minute_follows_the_formula():
    ledger = account()
    ready_for(ledger, 1)
    ledger.settle(FIRST, rows(5.0), rows(5.0), rows(5.0), [TERMS])

    # 2 idle + 2 busy warm at 2 + 3 on demand at 10, and 3 units start cold: a minute of init each at 10, and 5 of cost
    assert amounts(ledger)["warm_usd"] == 2 * 1 + 2 * 2
    assert amounts(ledger)["on_demand_usd"] == 3 * 10
    assert amounts(ledger)["cold_starts"] == 3
    assert amounts(ledger)["bill_usd"] == 6 + 30 + 3 * 10
    assert amounts(ledger)["cold_start_cost_usd"] == 15
    # without Stoker: 5 on demand at 10, and 5 cold starts: 10 of the bill each, and 5 of cost
    assert amounts(ledger)["bill_without_stoker_usd"] == 50 + 5 * 10
    assert amounts(ledger)["cold_start_cost_without_stoker_usd"] == 25


def test_request_charges_are_in_every_bill():
    free, charged = account(), account()
    for each, usd in ((free, 0.0), (charged, 0.5)):
        ready_for(each, 1)
        each.settle(FIRST, rows(5.0), rows(3.0), rows(4.0), [replace(TERMS, request_usd=usd)])

    for name in ("bill_usd", "bill_without_stoker_usd", "bill_target_tracking_usd"):
        assert amounts(charged)[name] == amounts(free)[name] + 4 * 0.5
    for name in ("cold_start_cost_usd", "warm_usd", "on_demand_usd", "warm_hits"):
        assert amounts(charged)[name] == amounts(free)[name]
    assert amounts(charged)["request_usd"] == 4 * 0.5


def test_a_minute_of_unknown_ready_capacity_is_not_counted():
    ledger = account()
    ready_for(ledger, 1, np.nan)
    ledger.ready(np.array([2.0], np.float32), NOON + timedelta(minutes=1))
    ledger.settle(FIRST, rows(5.0), rows(3.0), rows(9.0), [TERMS])
    assert set(amounts(ledger).values()) == {0.0}

    ledger.settle(FIRST + 1, rows(5.0), rows(3.0), rows(9.0), [TERMS])
    assert (amounts(ledger)["minutes"], amounts(ledger)["warm_unit_minutes"]) == (1, 2)


def test_units_stay_warm_for_the_keep_alive():
    ledger = account()
    ready_for(ledger, 5)
    ledger.settle(FIRST, rows(4, 2, 4, 2, 2), rows(0, 0, 0, 0, 0), rows(0, 0, 0, 0, 0), [TERMS])
    assert amounts(ledger)["cold_starts"] == 2

    ledger = account()
    ready_for(ledger, 5)
    ledger.settle(FIRST, rows(4, 2, 2, 4, 2), rows(0, 0, 0, 0, 0), rows(0, 0, 0, 0, 0), [TERMS])
    assert amounts(ledger)["cold_starts"] == 4


def test_each_pool_has_its_own_keep_alive():
    ledger = GroupLedger(["a", "b", "c"], {}, {}, NOON)
    for minute in range(6):
        ledger.ready(np.zeros(3, np.float32), NOON + minute * timedelta(minutes=1))
    peak = np.repeat(rows(4, 0, 0, 4, 0, 4), 3, axis=0)
    ledger.settle(FIRST, peak, peak, peak, [replace(TERMS, keep_alive=minutes) for minutes in (2, 3, 0)])

    assert ledger.today[:, NAMES.index("cold_starts")].tolist() == [8, 4, 12]


def test_a_longer_keep_alive_applies_from_its_detection():
    ledger = account()
    ready_for(ledger, 6, units=0.0)
    ledger.settle(FIRST, rows(4, 0, 0), rows(4, 0, 0), rows(4, 0, 0), [replace(TERMS, keep_alive=3)])
    ledger.settle(FIRST + 3, rows(4, 0, 0), rows(4, 0, 0), rows(4, 0, 0), [replace(TERMS, keep_alive=9)])

    assert amounts(ledger)["cold_starts"] == 4


@pytest.mark.parametrize(("stay_warm", "cold"), [(True, 0), (False, 5)])
def test_released_units_stay_warm_for_the_keep_alive_if_the_lever_keeps_them(stay_warm, cold):
    ledger = account()
    for minute, units in enumerate((5, 5, 0, 0)):
        ledger.ready(np.array([units], np.float32), NOON + minute * timedelta(minutes=1))
    ledger.settle(FIRST, rows(0, 0, 0, 5), rows(0, 0, 0, 5), rows(0, 0, 0, 5), [replace(TERMS, stay_warm=stay_warm)])

    assert amounts(ledger)["cold_starts"] == cold


minutes = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), min_size=1, max_size=30)


@given(minutes, st.integers(0, 5), st.booleans())
def test_unknown_minutes_never_raise_cold_starts(series, keep_alive, stay_warm):
    peak = np.array([most for most, _, _ in series], np.float32)
    gaps = np.where([unknown for _, _, unknown in series], np.float32(np.nan), peak)
    both = GroupLedger(["whole", "gaps"], {}, {}, NOON)
    for minute, (_, units, _) in enumerate(series):
        both.ready(np.full(2, units, np.float32), NOON + minute * timedelta(minutes=1))
    demand = np.stack((peak, gaps))
    both.settle(FIRST, demand, demand, demand, [replace(TERMS, keep_alive=keep_alive, stay_warm=stay_warm)] * 2)

    for name in ("cold_starts", "cold_starts_without_stoker"):
        whole, some = both.today[:, NAMES.index(name)]
        assert some <= whole


@given(minutes, st.integers(0, 5), st.booleans())
def test_ledger_and_backtest_count_the_same_cold_starts(series, keep_alive, stay_warm):
    terms = replace(TERMS, keep_alive=keep_alive, stay_warm=stay_warm, lead_time=0)
    peak = np.array([np.nan if unknown else most for most, _, unknown in series], np.float32)
    ledger = account()
    for minute, (_, units, _) in enumerate(series):
        ledger.ready(np.array([units], np.float32), NOON + minute * timedelta(minutes=1))
    ledger.settle(FIRST, rows(*peak), rows(*peak), rows(*peak), [terms])
    load = judged_demand(DemandSeries(FIRST, peak, peak, peak))

    target, nothing = np.array([units for _, units, _ in series], np.int64), np.zeros(len(series), np.int64)
    assert amounts(ledger)["cold_starts"] == bill_of(load, target, terms).cold_starts
    assert amounts(ledger)["cold_starts_without_stoker"] == bill_of(load, nothing, terms).cold_starts


@given(minutes, st.integers(0, 4), st.integers(4, 6), st.integers(6, 9), st.booleans())
def test_each_end_of_the_range_equals_that_keep_alive_alone(series, low, exact, high, stay_warm):
    ranged = replace(TERMS, keep_alive=exact, keep_alive_range=(low, high), stay_warm=stay_warm)
    peak = rows(*(np.nan if unknown else most for most, _, unknown in series))
    results = []
    for terms in (ranged, *(replace(TERMS, keep_alive=each, stay_warm=stay_warm) for each in (low, high))):
        ledger = account()
        for minute, (_, units, _) in enumerate(series):
            ledger.ready(np.array([units], np.float32), NOON + minute * timedelta(minutes=1))
        ledger.settle(FIRST, peak, peak, peak, [terms])
        results.append(amounts(ledger))

    for name in ("cold_starts", "cold_starts_without_stoker"):
        ends = [results[0][name] + results[0][f"{name}_delta_{end}"] for end in ("low", "high")]
        assert ends == pytest.approx([results[1][name], results[2][name]])
        assert {results[at][f"{name}_delta_{end}"] for at in (1, 2) for end in ("low", "high")} == {0}, "no range"


def test_a_figure_has_a_range_only_if_the_keep_alive_changes_it():
    ledger, terms = account(), replace(TERMS, keep_alive=2, keep_alive_range=(1, 5))
    ready_for(ledger, 4, units=0.0)
    ledger.settle(FIRST, rows(3, 0, 0, 3), rows(0, 0, 0, 0), rows(3, 0, 0, 3), [terms])
    today = ledger.today[0].tolist()

    assert range_of(today, "cold_starts_without_stoker") == range_of(today, "cold_starts") == (3, 6)


def test_sums_without_stored_deltas_have_no_range():
    ledger = GroupLedger(["a"], {"a": {"cold_starts": 4.0}}, {}, NOON)

    assert range_of(ledger.today[0].tolist(), "cold_starts") is None


def test_units_with_a_billing_step_cost_from_request_to_end_of_step():
    ledger, step = account(), timedelta(minutes=5)
    for minute, (ready, requested) in enumerate([(0, 0), (0, 3), (0, 3), (3, 3), (0, 0), (0, 0), (0, 0)]):
        now = NOON + minute * timedelta(minutes=1)
        ledger.ready(rows(ready)[0], now, requested=rows(requested)[0], changed=lambda _, now=now: Change((now,), step))
    none = rows(*[0] * 7)
    ledger.settle(FIRST, none, none, none, [replace(TERMS, billing_step=5)])

    assert (amounts(ledger)["warm_unit_minutes"], amounts(ledger)["idle_unit_minutes"]) == (3 * 5, 3 * 5)
    assert amounts(ledger)["warm_usd"] == amounts(ledger)["idle_usd"] == amounts(ledger)["bill_usd"] == 3 * 5


def test_target_tracking_is_billed_from_the_request_in_steps():
    peak = rows(*[0] * 5, *[20] * 20)
    ledger, ready, requested = account(), 0.0, 0.0
    tracked = TargetTracker(1)
    ready_for(ledger, peak.shape[1], units=0.0)
    ledger.settle(FIRST, peak, peak * 0, peak * 0, [replace(TERMS, billing_step=5, init_seconds=0.0)])
    for column in peak.T:
        ready += tracked.advance(column, np.array([2]), np.array([2]))[0]
        requested += tracked.requested[0]

    assert amounts(ledger)["bill_target_tracking_usd"] == requested > ready


def test_cold_starts_do_not_depend_on_batch_size():
    peaks = [4, 2, 2, 4, 9, 0, 0, 0, 3, 5]
    whole, cut = account(), account()
    for each in (whole, cut):
        ready_for(each, 10)
    whole.settle(FIRST, rows(*peaks), rows(*peaks), rows(*peaks), [TERMS])
    for at, peak in enumerate(peaks):
        cut.settle(FIRST + at, rows(peak), rows(peak), rows(peak), [TERMS])

    assert amounts(whole) == pytest.approx(amounts(cut))


def test_unknown_demand_costs_the_ready_capacity_only():
    ledger = account()
    ready_for(ledger, 1)
    ledger.settle(FIRST, rows(np.nan), rows(np.nan), rows(np.nan), [TERMS])

    assert (amounts(ledger)["bill_usd"], amounts(ledger)["cold_starts"], amounts(ledger)["known_minutes"]) == (2, 0, 0)


def test_where_own_pings_hide_the_peak_its_estimate_counts():
    """The estimate has no part in `known_minutes`."""
    hidden, shown = account(), account()
    estimate = HiddenPeaks(1).advance(rows(np.nan), rows(3.0), rows(9.0))[0].item()
    for each, peak in ((hidden, np.nan), (shown, estimate)):
        ready_for(each, 1)
        each.settle(FIRST, rows(peak), rows(3.0), rows(9.0), [TERMS])

    assert estimate > 3
    ranged = {name: 0 for name in NAMES if "_delta_" in name}
    assert amounts(hidden) | ranged == amounts(shown) | {"known_minutes": 0}
    assert amounts(hidden)["cold_starts"] == estimate - 2


def test_pings_every_few_minutes_do_not_extend_the_keep_alive():
    """A unit that was used in minute 0 has stopped in minute 9, also if own pings hide the peaks between."""
    ledger = account()
    ready_for(ledger, 10, units=0.0)
    peak = rows(9, *[1, np.nan] * 4, 9)
    busy = requests = rows(9, *[1] * 8, 9)
    ledger.settle(FIRST, peak, busy, requests, [replace(TERMS, keep_alive=3)])

    assert amounts(ledger)["cold_starts_without_stoker"] == 9 + 8


def test_an_estimated_peak_has_a_range_of_cold_starts_without_a_range_of_the_keep_alive():
    ledger = account()
    ready_for(ledger, 2, units=0.0)
    ledger.settle(FIRST, rows(4, np.nan), rows(2.0, 4.0), rows(9, 20), [replace(TERMS, keep_alive=0)])
    low, high = range_of(ledger.today[0].tolist(), "cold_starts_without_stoker")

    assert 4 + 4 <= low < amounts(ledger)["cold_starts_without_stoker"] < high


def test_ready_capacity_counts_for_its_own_minutes():
    ledger = account()
    ledger.ready(np.float32([2]), NOON)
    ledger.ready(np.float32([6]), NOON + timedelta(minutes=3))
    ledger.settle(FIRST, rows(0, 0, 0, 0), rows(0, 0, 0, 0), rows(0, 0, 0, 0), [TERMS])

    assert amounts(ledger)["warm_unit_minutes"] == 2 + 6 + 6 + 6


def test_provider_counts_correct_unsettled_minutes_only():
    ledger = account()
    ready_for(ledger, 4, 0.0)
    ledger.settle(FIRST, rows(0), rows(0), rows(0), [TERMS])
    ledger.counted("a", {FIRST: 9, FIRST + 1: 5, FIRST + 2: 6, FIRST + 9: 9})
    ledger.settle(FIRST + 1, rows(0, 0, 0), rows(0, 0, 0), rows(0, 0, 0), [TERMS])

    assert amounts(ledger)["warm_unit_minutes"] == 5 + 6


@pytest.mark.parametrize(("bounds", "cold"), [((0, 0), 0), ((0, 1), 1), ((2, 9), 3), ((4, 4), 4)])
def test_provider_counts_bound_only_the_cold_starts_with_stoker(bounds, cold):
    ledger = account()
    ready_for(ledger, 2)
    ledger.bound("a", {FIRST: bounds, FIRST + 9: (7, 7)})
    ledger.settle(FIRST, rows(5.0, 5.0), rows(5.0, 5.0), rows(5.0, 5.0), [replace(TERMS, keep_alive_range=(0, 9))])

    assert (amounts(ledger)["cold_starts"], amounts(ledger)["cold_starts_without_stoker"]) == (cold, 5)
    assert amounts(ledger)["bill_usd"] == 2 * (2 + 2 * 2 + 3 * 10) + cold * 10


def test_day_and_month_sums_start_at_zero():
    now = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)
    ledger = account(now)
    ready_for(ledger, 3, now=now)
    ledger.settle(minute_of(now), rows(0, 0, 0), rows(0, 0, 0), rows(0, 0, 0), [TERMS])

    assert amounts(ledger)["warm_unit_minutes"] == 4
    assert ledger.month[0][NAMES.index("warm_unit_minutes")] == 4


async def test_each_day_is_stored_under_its_own_date_and_only_once(tmp_path):
    now = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)
    ledger, store = account(now), AsyncStore(Store(tmp_path / "stoker.db"))
    ready_for(ledger, 3, now=now)
    ledger.settle(minute_of(now), rows(0, 0, 0), rows(0, 0, 0), rows(0, 0, 0), [TERMS])
    await keep_accounts(Ledger([ledger], {"a": "active"}), store)
    await keep_accounts(Ledger([ledger], {"a": "active"}), store)

    days = [now.date() + each * timedelta(days=1) for each in range(3)]
    first, second = (store.store.accounts(*days[at:at + 2])["active"]["a"]["warm_unit_minutes"] for at in (0, 1))
    await store.close()
    assert (first, second) == (2, 4)


def test_target_tracking_is_billed_for_its_warm_units():
    ledger = account()
    ready_for(ledger, 1, units=0.0)
    ledger.settle(FIRST, rows(5.0), rows(5.0), rows(5.0), [TERMS])

    # it stands at one unit: 1 idle + 1 busy warm at 2 + 4 on demand at 10, and 4 units start cold
    assert amounts(ledger)["cold_starts_target_tracking"] == 4
    assert amounts(ledger)["bill_target_tracking_usd"] == 1 + 2 + 4 * 10 + 4 * 10
    assert amounts(ledger)["bill_without_stoker_usd"] == 50 + 5 * 10
    assert amounts(ledger)["bill_usd"] == amounts(ledger)["bill_without_stoker_usd"]
    assert amounts(ledger)["cold_start_cost_target_tracking_usd"] == 4 * 5


def test_units_of_earlier_demand_are_warm_in_the_first_minute():
    ledger = account()
    ready_for(ledger, 1, units=3.0)
    ledger.warm_up(*[rows(*[5.0] * 10)] * 3, [TERMS])
    ledger.settle(FIRST, rows(6.0), rows(6.0), rows(6.0), [TERMS])

    assert amounts(ledger)["cold_starts"] == 1
    assert amounts(ledger)["cold_starts_without_stoker"] == 1


def test_target_tracking_has_capacity_in_the_first_minute_after_warm_up():
    cold, rehearsed = account(), account()
    rehearsed.warm_up(*[rows(*[20.0] * 60)] * 3, [TERMS])
    for each in (cold, rehearsed):
        ready_for(each, 1)
        each.settle(FIRST, rows(20.0), rows(20.0), rows(20.0), [TERMS])

    assert amounts(cold)["cold_starts_target_tracking"] == 19
    assert amounts(rehearsed)["cold_starts_target_tracking"] == 0


def test_capacity_of_others_is_in_every_bill():
    ledger, alone = account(), account()
    ledger.ready(np.array([2.0], np.float32), NOON, np.array([3.0], np.float32))
    alone.ready(np.array([0.0], np.float32), NOON, np.array([3.0], np.float32))
    for each in (ledger, alone):
        each.settle(FIRST, rows(5.0), rows(5.0), rows(9.0), [TERMS])

    # 5 warm and busy at 2, no cold start; without Stoker 3 warm and busy, 2 on demand at 10, and 2 cold starts of 10 for init
    of_ledger = amounts(ledger)
    assert (of_ledger["warm_unit_minutes"], of_ledger["others_unit_minutes"], of_ledger["others_bill_usd"]) == (5, 3, 3)
    assert (amounts(ledger)["bill_usd"], amounts(ledger)["cold_starts"]) == (5 + 5 * 2, 0)
    assert (amounts(ledger)["bill_without_stoker_usd"], amounts(ledger)["cold_starts_without_stoker"]) == (3 + 3 * 2 + 40, 2)
    assert amounts(alone)["bill_usd"] == amounts(alone)["bill_without_stoker_usd"] == 49


def test_capacity_of_others_serves_from_the_first_minute():
    ledger = account()
    ledger.ready(np.array([0.0], np.float32), NOON, np.array([3.0], np.float32))
    ledger.warm_up(*[rows(3.0, 3.0)] * 3, [TERMS])
    ledger.settle(FIRST, rows(4.0), rows(4.0), rows(4.0), [TERMS])

    assert (amounts(ledger)["cold_starts"], amounts(ledger)["cold_starts_without_stoker"]) == (1, 1)

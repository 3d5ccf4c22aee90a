"""Figures of a report against a store that was filled by hand."""

from datetime import timedelta

import numpy as np
import pytest

from config.model.policy import Objective
from controller.decision.planning.plan import Action
from controller.decision.planning.reason_codes import ReasonCode
from controller.report.period import Period
from tests.builders import NOON, pool_policy
from tests.controller.report.stores import DAY, GOOD, MINUTE, PERIOD, filled, minute_at, plan, reason, reported

BAD = {**GOOD, "bill_usd": 9.0}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stoker.db"


def checks(report):
    return {check.key: check for check in report.pools[0].gate.checks}


def test_accounts_are_the_sums_of_the_days_and_money_is_apart(path):
    accounts = reported(filled(path)).pools[0].accounts

    assert (accounts.stoker.bill_usd, accounts.without.bill_usd) == pytest.approx((4.0, 3.04))
    assert (accounts.stoker.cold_starts, accounts.without.cold_starts) == (20, 280)
    assert accounts.stoker.cold_start_cost_usd == 1.0
    assert accounts.stoker.cold_starts_range == (16, 32)        # 5 - 1 to 5 + 3 a day
    assert accounts.without.cold_starts_range is None
    assert accounts.stoker.bill_per_month_usd == pytest.approx(365 / 12)        # 1 USD a day
    assert accounts.better_by_usd == pytest.approx(3.04 + 14 - 4 - 1)
    assert accounts.warm_share == 0.995


def test_a_bill_per_month_needs_a_day_of_counted_minutes(path):
    accounts = reported(filled(path, accounts={**GOOD, "minutes": 300.0})).pools[0].accounts
    assert accounts.stoker.bill_per_month_usd is None


def test_a_pool_that_changed_its_mode_appears_once_for_each_and_nothing_is_added_up(path):
    filled(path, plans=[plan(NOON - 3 * DAY), plan(NOON - DAY, target=9, mode="active")])
    from controller.store.state_store import Store

    with Store(path) as store:
        store.add_accounts(PERIOD.days[1], {"agent": {**GOOD, "bill_usd": 7.0}}, {"agent": "active"})
    shadow, active = reported(path, pool_policy(mode="active")).pools

    assert (shadow.mode, active.mode) == ("shadow", "active")
    assert (shadow.accounts.stoker.bill_usd, active.accounts.stoker.bill_usd) == pytest.approx((4.0, 7.0))
    assert (shadow.changes.highest, active.changes.highest) == (5, 9)
    assert shadow.gate is active.gate is None
    switch = minute_at(NOON - DAY)
    assert np.isnan(shadow.requested[switch:]).all()
    assert np.isnan(active.requested[:switch]).all()
    assert set(active.requested[switch:]) == {9}


def test_changes_count_writes_that_change_and_include_what_was_requested_at_the_start(path):
    filled(path, plans=[plan(PERIOD.start - DAY, target=40), plan(NOON - 3 * DAY, target=4, requested=40),
                        plan(NOON - 2 * DAY, target=4, requested=4), plan(NOON - DAY, Action.HOLD, target=4, requested=4)])
    changes = reported(path).pools[0].changes
    assert (changes.count, changes.lowest, changes.highest) == (1, 4, 40)


def test_gaps_and_known_minutes_are_named(path):
    peaks = np.full(len(PERIOD.minutes), 3, np.float32)
    start = minute_at(NOON - DAY)
    peaks[start : start + 150] = np.nan
    peaks[start + 300 : start + 305] = np.nan
    known = reported(filled(path, peaks=peaks)).pools[0].known

    assert (known.minutes, known.known) == (len(PERIOD.minutes), len(PERIOD.minutes) - 155)
    assert [(gap.start, gap.minutes) for gap in known.gaps] == [(NOON - DAY, 150)]


def test_capacity_ends_with_the_newest_known_demand(path):
    peaks = np.full(len(PERIOD.minutes), 3, np.float32)
    peaks[-600:] = np.nan
    requested = reported(filled(path, peaks=peaks, plans=[plan()])).pools[0].requested
    assert set(requested[minute_at(NOON - DAY) : -600]) == {5}
    assert np.isnan(requested[-600:]).all()


def test_a_pool_with_enough_good_data_is_ready(path):
    report = reported(filled(path, plans=[plan()]))
    assert report.ready
    assert report.pools[0].gate.text == "Ready for active: yes, because all 7 criteria are met"


@pytest.mark.parametrize(("key", "changed"), [
    ("history", {"accounts": {**GOOD, "known_minutes": 1300.0}}),
    ("cost", {"accounts": {**BAD, "cold_starts": 6.0}}),
    ("errors", {"plans": [plan(action=Action.HOLD, reasons=[reason(ReasonCode.CAPACITY_UNKNOWN)])]}),
    ("errors", {"plans": [plan(action=Action.HOLD, reasons=[reason(ReasonCode.METRICS_MISSING_LONG)])]}),
    ("errors", {"plans": [plan(action=Action.HOLD, reasons=[reason(ReasonCode.BLOCKED)])]}),
    ("other-autoscaler", {"plans": [plan(NOON - DAY, Action.HOLD, reasons=[reason(ReasonCode.FOREIGN_OWNER)]), plan()]}),
    ("quota", {"plans": [plan(reasons=[reason(ReasonCode.QUOTA, before=9, after=5)])]}),
])
def test_each_criterion_alone_makes_a_pool_not_ready(path, key, changed):
    report = reported(filled(path, **changed))
    assert not report.ready
    assert [check.key for check in report.pools[0].gate.checks if not check.met] == [key]
    assert checks(report)[key].numbers in report.pools[0].gate.text


def test_an_error_that_is_over_does_not_count(path):
    failed = plan(NOON - DAY, Action.HOLD, reasons=[reason(ReasonCode.CAPACITY_UNKNOWN)])
    assert reported(filled(path, plans=[failed, plan(NOON - DAY / 2, Action.KEEP)])).ready


def test_stale_demand_and_missing_scores_are_not_ready(path):
    late = Period.before(NOON + 2 * DAY, timedelta(days=2))
    gate = reported(filled(path), period=late).pools[0].gate
    failed = {check.key: check.numbers for check in gate.checks if not check.met}
    assert failed["metrics"] == "2881 min (at most 60 min)"
    assert failed["forecast"] == "unknown (at most 5.0 points)"
    assert failed["history"] == "0 (at least 3)"


def test_a_warm_hit_objective_is_judged_by_its_rate(path):
    filled(path, accounts={**BAD, "warm_hits": 495.0})
    pools = {rate: pool_policy(mode="shadow", objective=Objective(warm_hit_rate=rate)) for rate in (0.99, 0.991)}
    by_rate = {rate: reported(path, pool) for rate, pool in pools.items()}

    assert by_rate[0.99].ready
    assert not by_rate[0.991].ready
    assert checks(by_rate[0.991])["warm-hit-rate"].numbers == "99 % (at least 99.1 %)"
    assert "cost" not in checks(by_rate[0.99])


def test_a_pool_without_any_data_is_reported_and_not_ready(path):
    filled(path)
    report = reported(path, pool_policy(name="new", mode="shadow"))
    assert (report.pools[0].accounts.counted, report.pools[0].known.known) == (0, 0)
    assert not report.ready


def test_the_period_starts_at_midnight():
    period = Period.before(NOON, timedelta(days=7))
    assert (period.start, period.end) == (NOON - timedelta(days=7, hours=12), NOON)
    assert len(period.days) == 8
    assert len(Period.before(period.start + DAY, period.start).days) == 1
    assert len(period.minutes) == (period.end - period.start) / MINUTE

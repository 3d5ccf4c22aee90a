"""Replay: decides like the daemon, uses no future data, and skips only minutes that cannot differ."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.read_prices import LAMBDA
from config.model.lever import LeverSettings
from config.model.policy import Assume, Objective, Schedule
from controller.backtest.lead_replay import LeadHistory
from controller.backtest.proposals import Proposals
from controller.backtest.replay import carry_out, carry_out_layers, depends_on_time, propose, replay, whole_unit_rows
from controller.decision.costs.cost_model import CostTerms, Pings, TopTerms
from controller.decision.planning.plan import whole_units
from controller.decision.planning.reason_codes import ReasonCode
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON, pool_policy
from tests.examples import examples

TERMS = CostTerms(4.1667e-6 * 60, 9.7222e-6 * 60, 1.66667e-5 * 60, 8.0, 0.05, 2, 2, 6)


def policy(**changes: object):
    plain = {"schedules": (), "scale_down_delay": timedelta(0), "max_step_up": None, "max_step_down": None,
             "budget_usd_per_month": None, "on_missing_metrics": "hold", "on_foreign_write": "yield", "memory_mb": 1024,
             "architecture": None, "init_seconds": 8.0, "prices": None, "objective": Objective(cold_start_cost_usd=0.05)}
    return pool_policy(**(plain | changes))


def series(peak: list[float]) -> DemandSeries:
    row = np.array(peak, np.float32)
    return DemandSeries(minute_of(NOON), row, row / 2, row)


def wanting(wanted: list[float]) -> Proposals:
    minutes = len(wanted)
    return Proposals(np.array(wanted, float), np.ones(minutes, bool), np.zeros(minutes, np.int16), np.zeros(minutes, np.int8),
                     np.zeros(minutes))


def carried(wanted: list[float], peak: list[float] | None = None, every_minute: bool = False, step: int = 0,
            explained: bool = True, **changes: object):
    demand = series([1.0] * len(wanted) if peak is None else peak)
    return carry_out(policy(**changes), demand, wanting(wanted), replace(TERMS, billing_step=step), Assume(), every_minute,
                     explained)


def test_a_proposal_is_requested_after_the_metric_delay():
    assert carried([5, 5, 7, 0, 0, 0]).target.tolist() == [0, 0, 5, 5, 7, 0]


def test_nothing_is_requested_before_demand_is_known():
    replayed = carried([9, 9, 9], [np.nan, np.nan, np.nan])
    assert replayed.target.tolist() == [0, 0, 0]
    assert replayed.held.tolist() == [True, True, True]


def test_a_long_gap_holds_capacity():
    wanted, peak = [5.0] * 4 + [0.0] * 12, [1.0] * 4 + [np.nan] * 12
    replayed = carried(wanted, peak)
    assert replayed.target.tolist() == [0, 0] + [5] * 14
    assert replayed.held.tolist() == [True, True] + [False] * 10 + [True] * 4  # known until 12:04, then 2 + 5 minutes of patience


def test_after_a_gap_scale_out_is_immediate_and_scale_in_needs_5_known_minutes():
    peak = [1.0] * 3 + [np.nan] * 10 + [1.0] * 9
    replayed = carried([5.0] * 13 + [2.0] * 9, peak)
    assert replayed.target.tolist()[12:] == [5] * 7 + [2] * 3  # the fifth, 12:17, is visible two minutes later
    assert carried([5.0] * 13 + [9.0] * 9, peak).target.tolist()[14:17] == [5, 9, 9]


def test_nothing_is_lowered_while_the_newest_minutes_are_missing():
    replayed = carried([5.0, 5.0, 2.0] + [2.0] * 9, [1.0] * 2 + [1.0] + [np.nan] * 9)
    assert replayed.target.tolist() == [0, 0, 5, 5] + [2] * 8, "what was known in time may lower"

    late = carried([5.0] * 4 + [2.0] * 20, [1.0] * 4 + [np.nan] * 3 + [1.0] * 17)
    assert late.target.tolist() == [0, 0] + [5] * 11 + [2] * 11
    codes = [reason.code for _, reasons in late.reasons for reason in reasons]
    assert ReasonCode.UNKNOWN_MINUTES in codes


def test_guardrails_apply():
    replayed = carried([50] * 8, max=12, max_step_up=5)
    assert replayed.target.tolist() == [0, 0, 5, 10, 12, 12, 12, 12]
    codes = {reason.code for _, reasons in replayed.reasons for reason in reasons}
    assert {ReasonCode.STEP_LIMIT, ReasonCode.CEILING} <= codes


def test_a_scheduled_floor_starts_and_ends_on_time():
    at_five_past = Schedule(cron="5 12 * * *", timezone="UTC", duration=timedelta(minutes=3), min=4)
    replayed = carried([0] * 12, schedules=(at_five_past,))
    assert replayed.target.tolist() == [0] * 5 + [4, 4, 4] + [0] * 4


def test_a_budget_limits_capacity():
    unlimited, limited = (carried([100] * 60, budget_usd_per_month=budget).target for budget in (None, 100.0))
    assert unlimited.max() == 100
    assert 0 < limited.max() < 20


rare = st.sampled_from([0, 0, 0, 3, 3, 2.5, 8, float("nan"), float("inf"), -2])
guarded = st.fixed_dictionaries({}, optional={
    "min": st.integers(0, 3), "max": st.integers(3, 9), "max_step_up": st.integers(1, 3), "max_step_down": st.integers(1, 3),
    "scale_down_delay": st.sampled_from([timedelta(minutes=3), timedelta(minutes=9)]),
    "budget_usd_per_month": st.sampled_from([1.0, 80.0]),
    "on_missing_metrics": st.sampled_from(["hold", "floor", "forecast"]),
    "schedules": st.just((Schedule(cron="7 12 * * *", timezone="UTC", duration=timedelta(minutes=5), min=2, max=3),)),
})


@examples(200)
@given(st.lists(st.tuples(rare, st.sampled_from([1.0, 1.0, 1.0, np.nan])), min_size=1, max_size=50), guarded,
       st.sampled_from([0, 5]))
def test_skipped_minutes_change_no_decision(rows, changes, step):
    wanted, peak = [w for w, _ in rows], [p for _, p in rows]
    quick, rounded, whole = (carried(wanted, peak, every, step, explained, **changes)
                             for every, explained in ((False, True), (False, False), (True, True)))
    assert quick.target.tolist() == rounded.target.tolist() == whole.target.tolist()
    assert quick.held.tolist() == rounded.held.tolist() == whole.held.tolist()


def test_units_are_held_to_the_end_of_the_first_billing_step_of_a_raise():
    assert carried([5, 0, 0, 0, 0, 0, 0, 0], step=5).target.tolist() == [0, 0, 5, 5, 5, 5, 5, 0]


def test_minutes_with_unchanged_inputs_are_skipped():
    five_to_eight_past = Schedule(cron="5 12 * * *", timezone="UTC", duration=timedelta(minutes=3), min=4)
    assert len(carried([5] * 500).reasons) < 10
    assert len(carried([5] * 500, schedules=(five_to_eight_past,)).reasons) < 10
    assert len(carried([5] * 500, every_minute=True).reasons) == 500


def test_without_explanation_minutes_with_the_same_units_are_skipped():
    wanted = [4.5 + at / 2000 for at in range(500)]
    assert len(carried(wanted).reasons) > 490
    assert len(carried(wanted, explained=False).reasons) < 10


@pytest.mark.parametrize("changes", [
    {"scale_down_delay": timedelta(minutes=1)}, {"budget_usd_per_month": 5.0},
])
def test_policies_whose_plans_depend_on_time(changes):
    assert depends_on_time(policy(**changes))
    assert not depends_on_time(policy())


def test_no_decision_uses_the_future():
    peak = np.random.default_rng(5).poisson(4, 4000).astype(float)
    later = peak.copy()
    later[3000:] = 40
    one, other = (replay(policy(), series(values.tolist()), TERMS, Assume()).target for values in (peak, later))
    assert one[:3002].tolist() == other[:3002].tolist()
    assert one.tolist() != other.tolist()


def bursts(minutes: int, ahead: int = 9) -> tuple[DemandSeries, DemandSeries]:
    """Demand of 4 units for 3 min at random times, and a signal that has it `ahead` minutes earlier."""
    peak = np.zeros(minutes + ahead)
    for at in np.random.default_rng(6).integers(0, minutes, minutes // 80):
        peak[at : at + 3] = 4
    return series(peak[:minutes].tolist()), series(peak[ahead:].tolist())


def test_a_leading_signal_changes_decisions_and_uses_no_future():
    demand, signal = bursts(4000)
    later, lying = (replace(each, peak=np.where(np.arange(4000) >= 3000, 9, each.peak).astype(np.float32))
                    for each in (demand, signal))
    without = replay(policy(), demand, TERMS, Assume()).target
    for delay, known in ((2, 3002), (1, 3001)):
        one, other = (replay(policy(), *rows, TERMS, Assume(), leads=[LeadHistory(lead, delay)]).target
                      for rows, lead in (((demand,), signal), ((later,), lying)))
        assert one[:known].tolist() == other[:known].tolist()
        assert one.tolist() != other.tolist()
        assert one.tolist() != without.tolist()


def test_a_pool_with_a_leading_signal_is_read_each_minute():
    demand, signal = bursts(3000)
    billed = replace(TERMS, reads=LAMBDA)
    rare, each = (replay(policy(), demand, billed, Assume(), leads=leads) for leads in ([], [LeadHistory(signal, 1)]))

    assert each.target.tolist() == replay(policy(), demand, TERMS, Assume(), leads=[LeadHistory(signal, 1)]).target.tolist()
    assert each.read_usd.sum() == pytest.approx(3000 * LAMBDA.each_minute * LAMBDA.usd)
    assert rare.read_usd.sum() < each.read_usd.sum()


def test_a_leading_signal_without_rows_changes_nothing():
    demand, _ = bursts(2000)
    elsewhere = DemandSeries.empty(demand.end_minute + 500, 10)
    one, other = (replay(policy(), demand, TERMS, Assume(), leads=leads) for leads in ([], [LeadHistory(elsewhere, 1)]))

    assert one.target.tolist() == other.target.tolist()
    assert one.reasons == other.reasons


def test_a_longer_metric_delay_only_delays_the_proposals():
    demand, proposals = series([1.0] * 30), wanting(list(range(30)))
    slow = CostTerms(4.1667e-6 * 60, 9.7222e-6 * 60, 1.66667e-5 * 60, 8.0, 0.05, 7, 2, 6)
    soon, late = (carry_out(policy(), demand, proposals, terms, Assume()).target for terms in (TERMS, slow))
    assert late[7:].tolist() == soon[2:-5].tolist()


def test_progress_counts_every_minute_once():
    done: list[int] = []
    propose(series([1.0] * 3000), TERMS, done.append)
    assert sum(done) == 3000


def test_the_same_history_gives_the_same_decisions():
    demand = series(np.random.default_rng(5).poisson(4, 3000).astype(float).tolist())
    one, other = (replay(policy(), demand, TERMS, Assume()) for _ in range(2))
    assert one.target.tobytes() == other.target.tobytes()


def layered(**changes: object):
    return policy(top=LeverSettings(kind="lambda-ping"), **changes)


def test_the_top_keeps_what_the_base_lacks_to_the_level_and_a_share_for_units_that_stopped_unseen():
    terms = replace(TERMS, top=TopTerms(1e-6, Pings(0.25, 0.1, 120.0)))
    proposals = wanting([2] * 10 + [5] * 10)._replace(level=np.full(20, 8.0))
    done = carry_out_layers(layered(), series([1] * 20), proposals, terms, Assume())

    assert done.target[-1] == 5
    assert done.pinged is not None
    assert (done.pinged[terms.metric_delay + 1 : 10] == 7).all()  # 8 - 2, and 1 more
    assert done.pinged[-1] == 4


def test_the_ceiling_holds_for_both_layers_together():
    terms = replace(TERMS, top=TopTerms(1e-6, Pings(0.25, 0.1, 120.0)))
    proposals = wanting([4] * 20)._replace(level=np.full(20, 50.0))
    done = carry_out_layers(layered(max=6), series([1] * 20), proposals, terms, Assume())

    assert done.pinged is not None
    assert (done.target[5:] + done.pinged[5:] == 6).all()


def test_pings_for_a_lower_base_start_before_the_base_is_lowered():
    terms = replace(TERMS, billing_step=5, top=TopTerms(1e-6, Pings(0.25, 0.1, 120.0)))
    proposals = wanting([9] * 2 + [0] * 18)._replace(level=np.full(20, 9.0))
    done = carry_out_layers(layered(max=100), series([1] * 20), proposals, terms, Assume())

    assert done.pinged is not None
    falls = int(np.flatnonzero(np.diff(done.target) < 0)[0]) + 1
    assert done.pinged[falls - 1] > 9


def test_a_pool_with_one_lever_has_no_pinged_units():
    assert carry_out_layers(policy(), series([1] * 5), wanting([1] * 5), TERMS, Assume()).pinged is None


def test_proposals_are_rounded_to_units_as_in_a_plan():
    proposed = np.array([2.0000000001, 2.1, 2.0, 0.0, -1.0, 1e9, np.inf])

    assert whole_unit_rows(proposed).tolist() == [whole_units(value) for value in proposed.tolist()]
    assert np.isnan(whole_unit_rows(np.array([np.nan]))).all()

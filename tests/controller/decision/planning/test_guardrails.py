from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.ports.errors import Conflict, Limit
from adapters.ports.lever import Phase
from config.model.schedule import Schedule
from controller.decision.planning.guardrails import FOREIGN_WRITE_QUIET, GUARDRAILS, LEAVING, RETRY_FAILED
from controller.decision.planning.observation import Bound, DataFreshness
from controller.decision.planning.plan import Action
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.foreign_writes import READ_AFTER_WRITE
from controller.decision.planning.pool_state.state import PoolState, accepted
from controller.decision.planning.reason_codes import ReasonCode
from controller.decision.planning.scale_in_guardrails import RECOMMENDATION_GAP
from tests.builders import NOON, capacity, observation, pool_policy

MINUTE = timedelta(minutes=1)


def decide(policy=None, state=None, **seen):
    return make_plan(policy or pool_policy(), state or PoolState(), observation(**seen), GUARDRAILS)


def bites(plan, code):
    return code in [reason.code for reason in plan.reasons]


def test_floor_and_ceiling_bite_with_before_and_after():
    low = decide(pool_policy(min=3), proposed=1.0)
    high = decide(pool_policy(max=5), proposed=9.0)

    assert (low.reasons[-1].code, low.reasons[-1].before, low.reasons[-1].after) == (ReasonCode.FLOOR, 1, 3)
    assert (high.reasons[-1].code, high.reasons[-1].before, high.reasons[-1].after) == (ReasonCode.CEILING, 9, 5)


def test_nothing_is_lowered_until_demand_is_read_after_a_restart():
    plan = decide(requested=8, proposed=1.0, settled=False)

    assert (plan.action, plan.target) == (Action.KEEP, 8)
    assert bites(plan, ReasonCode.RESTARTED)
    assert decide(requested=8, proposed=9.0, settled=False).target == 9


def run_minutes(policy, proposals, requested=10, state=None):
    """Plan minute after minute, each write carried out at once; the targets."""
    state, targets = state or PoolState(), []
    for minute, proposed in enumerate(proposals):
        plan = decide(policy, state, requested=requested, proposed=proposed, now=NOON + minute * MINUTE)
        state, requested = plan.state, plan.target
        targets.append(plan.target)
    return targets


def test_the_delay_lowers_to_the_highest_recommendation_of_the_window():
    policy = pool_policy(scale_down_delay=timedelta(minutes=3))

    assert run_minutes(policy, [10, 10, 10, 10, 6, 4, 2, 2, 2, 2, 2]) == [10, 10, 10, 10, 10, 10, 6, 4, 2, 2, 2]


def test_the_delay_ends_when_all_its_recommendations_are_lower():
    policy, state, targets = pool_policy(scale_down_delay=10 * MINUTE), accepted(PoolState(), 9, NOON), []
    for minute in range(30):
        now = NOON + minute * MINUTE
        plan = decide(policy, state, requested=state.written, proposed=9.0 if minute < 15 else 2.0, now=now)
        state = accepted(plan.state, plan.target, now) if plan.action is Action.WRITE else plan.state
        targets.append(plan.target)

    assert targets == [9] * 24 + [2] * 6


def test_the_delay_does_not_hold_back_a_raise():
    assert run_minutes(pool_policy(scale_down_delay=timedelta(minutes=30)), [3, 12], requested=3) == [3, 12]


def test_recommendations_lost_by_a_restart_keep_capacity_for_the_whole_delay():
    policy = pool_policy(scale_down_delay=timedelta(minutes=3))
    times = (NOON - RECOMMENDATION_GAP - minute * MINUTE for minute in (3, 2, 1))
    before = PoolState(written=10, recommendations=tuple((at, 1) for at in times))

    assert run_minutes(policy, [1, 1, 1, 1], state=before) == [10, 10, 10, 1]


def test_nothing_is_lowered_within_a_billing_step():
    raised = PoolState(written=8, raised_at=NOON - 3 * MINUTE)
    step = timedelta(minutes=5)

    assert decide(state=raised, requested=8, proposed=2.0, billing_step=step).target == 8
    later = PoolState(written=8, raised_at=NOON - 5 * MINUTE)
    assert decide(state=later, requested=8, proposed=2.0, billing_step=step).target == 2


@pytest.mark.parametrize(("requested", "proposed", "target"), [(10, 50.0, 15), (10, 1.0, 7), (10, 12.0, 12), (10, 8.0, 8)])
def test_no_further_than_the_step_limit(requested, proposed, target):
    assert decide(pool_policy(max_step_up=5, max_step_down=3), requested=requested, proposed=proposed).target == target


def test_the_floor_is_stronger_than_the_step_limit():
    assert decide(pool_policy(min=20, max_step_up=5), requested=0, proposed=0.0).target == 20


def test_the_budget_allows_what_can_be_held_to_the_end_of_the_month():
    minutes_left = 29.5 * 24 * 60
    policy = pool_policy(budget_usd_per_month=10 + 4.5 * minutes_left * 0.001)
    state = PoolState(month="2026-03", spent_usd=10.0, metered_at=NOON)

    plan = decide(policy, state, requested=0, proposed=50.0, usd_per_unit_minute=0.001)

    assert (plan.target, plan.reasons[-1].code) == (4, ReasonCode.BUDGET)


def test_the_floor_is_stronger_than_the_budget():
    policy = pool_policy(min=2, budget_usd_per_month=0.01)

    assert decide(policy, proposed=50.0, usd_per_unit_minute=1.0).target == 2


@pytest.mark.parametrize(("requested", "allowed", "target"), [(0, 4, 4), (6, 4, 6), (0, -2, 0)])
def test_a_quota_limits_raises_and_takes_nothing_away(requested, allowed, target):
    plan = decide(pool_policy(min=5), requested=requested, proposed=9.0, allowed=allowed)

    assert plan.target == target
    assert bites(plan, ReasonCode.QUOTA)


def test_a_quota_reason_has_the_limit_and_the_remedy():
    limit = Limit("reserved-concurrency", "agent has 5 units of reserved concurrency", "raise it, or lower the pool's max")
    named, unnamed = (decide(proposed=9.0, allowed=5, limit=each) for each in (limit, None))

    assert named.reasons[-1].text == ("agent has 5 units of reserved concurrency, so at most 5 units: raise it, or lower the "
                                      "pool's max: 9 -> 5")
    assert unnamed.reasons[-1].text == "the provider allows at most 5 units: 9 -> 5"


def test_another_autoscaler_on_the_resource_prevents_writes():
    plan = decide(proposed=9.0, reading=capacity(2, foreign_owner="target tracking policy web"))

    assert (plan.action, plan.target) == (Action.HOLD, 2)
    assert "target tracking policy web" in plan.text


def test_a_foreign_write_stays_for_an_hour():
    state = PoolState(written=5, written_at=NOON - timedelta(hours=2))
    first = decide(state=state, requested=9, proposed=5.0)
    still = decide(state=first.state, requested=9, proposed=5.0, now=NOON + FOREIGN_WRITE_QUIET - MINUTE)
    after = decide(state=first.state, requested=9, proposed=5.0, now=NOON + FOREIGN_WRITE_QUIET)

    assert [plan.action for plan in (first, still, after)] == [Action.HOLD, Action.HOLD, Action.WRITE]
    assert bites(first, ReasonCode.FOREIGN_WRITE)


def test_a_foreign_write_is_overwritten_where_the_policy_says_reassert():
    state = PoolState(written=5, written_at=NOON - timedelta(hours=2))

    assert decide(pool_policy(on_foreign_write="reassert"), state, requested=9, proposed=5.0).action is Action.WRITE


def test_a_reading_that_lags_behind_a_write_is_no_foreign_write():
    state = PoolState(written=5, written_at=NOON - READ_AFTER_WRITE / 2)

    assert decide(state=state, requested=2, proposed=5.0).state.foreign_since is None


def test_a_foreign_write_right_after_each_own_write_is_not_overwritten():
    state, writes = accepted(PoolState(), 5, NOON), 0
    for minute in range(1, 50):
        plan = decide(state=state, requested=2, proposed=5.0, now=NOON + minute * MINUTE)
        writes += plan.action is Action.WRITE
        state = plan.state

    assert writes == 0
    assert bites(plan, ReasonCode.FOREIGN_WRITE)


def test_what_a_lagging_reading_shows_holds_back_only_until_it_shows_our_write():
    state = accepted(PoolState(), 5, NOON)
    lagging = decide(state=state, requested=2, proposed=9.0, now=NOON + MINUTE)
    shown = decide(state=lagging.state, requested=5, proposed=9.0, now=NOON + 2 * MINUTE)

    assert [plan.action for plan in (lagging, shown)] == [Action.HOLD, Action.WRITE]


@pytest.mark.parametrize("ago", [timedelta(seconds=30), timedelta(hours=2)])
@pytest.mark.parametrize(("proposed", "target"), [(0.0, 3), (7.0, 7)])
def test_a_setting_that_is_gone_is_set_again_at_once_where_a_floor_is_asked_for(proposed, target, ago):
    plan = decide(pool_policy(min=3), PoolState(written=5, written_at=NOON - ago), requested=0, proposed=proposed)

    assert (plan.action, plan.target) == (Action.WRITE, target)
    assert "the 5 units that Stoker had set are gone" in plan.text
    assert bites(plan, ReasonCode.SETTING_GONE)


def test_the_floor_of_a_schedule_counts_for_a_setting_that_is_gone():
    schedule = {"name": "day", "cron": "0 8 * * *", "timezone": "UTC", "duration": "12h", "min": 4}
    policy = pool_policy(schedules=(Schedule.model_validate(schedule),))

    assert decide(policy, PoolState(written=5), requested=0, proposed=1.0).target == 4


def test_a_setting_that_is_gone_is_set_without_metrics_and_within_the_quiet_hour():
    state = PoolState(written=5, written_at=NOON - timedelta(hours=2), foreign_since=NOON - MINUTE, foreign_requested=2)
    plan = decide(pool_policy(min=3), state, requested=0, freshness=DataFreshness.BROKEN)

    assert (plan.action, plan.target) == (Action.WRITE, 3)


def test_without_a_floor_a_setting_that_is_gone_is_a_foreign_write():
    plan = decide(state=PoolState(written=5, written_at=NOON - timedelta(hours=2)), requested=0, proposed=7.0)

    assert (plan.action, bites(plan, ReasonCode.FOREIGN_WRITE)) == (Action.HOLD, True)


def test_a_foreign_value_below_the_floor_stays():
    state = PoolState(written=5, written_at=NOON - timedelta(hours=2))

    assert decide(pool_policy(min=3), state, requested=1, proposed=7.0).action is Action.HOLD


@pytest.mark.parametrize("forbids", [{"foreign_owner": "target tracking"}, {"blocked": Conflict("a deployment is under way")}])
def test_a_setting_that_is_gone_is_not_set_again_where_a_write_is_forbidden(forbids):
    state = PoolState(written=5, written_at=NOON - timedelta(hours=2))

    assert decide(pool_policy(min=3), state, proposed=7.0, reading=capacity(0, **forbids)).action is Action.HOLD


KEEPS = pool_policy(keep_setting=True)


@pytest.mark.parametrize(("requested", "proposed", "target", "action"), [
    (5, 0.0, 1, Action.WRITE), (1, 0.0, 1, Action.KEEP), (0, 0.0, 0, Action.KEEP), (5, 3.0, 3, Action.WRITE),
])
def test_a_setting_that_is_kept_is_lowered_to_one_and_not_made(requested, proposed, target, action):
    plan = decide(KEEPS, requested=requested, proposed=proposed)

    assert (plan.target, plan.action) == (target, action)
    assert bites(plan, ReasonCode.SETTING_KEPT) is (requested > 0 and not proposed)


def test_neither_a_ceiling_of_zero_nor_the_end_of_the_daemon_deletes_a_setting_that_is_kept():
    nothing = {"name": "night", "cron": "0 8 * * *", "timezone": "UTC", "duration": "12h", "max": 0}
    closed = pool_policy(keep_setting=True, schedules=(Schedule.model_validate(nothing),))
    seen = observation(requested=5, leaving="release")

    assert decide(closed, requested=5, proposed=7.0).target == 1
    assert make_plan(KEEPS, PoolState(written=5, original_requested=0), seen, LEAVING).target == 1


@pytest.mark.parametrize(("state", "said"), [
    (PoolState(), True), (PoolState(written=5, original_requested=5), True), (PoolState(written=5, original_requested=0), False),
    (PoolState(written=3, original_requested=0, foreign_since=NOON - timedelta(hours=2), foreign_requested=5), True),
])
def test_a_target_of_zero_that_deletes_a_setting_of_others_says_so_first(state, said):
    plan = decide(state=state, proposed=0.0, reading=capacity(5, deletes_at_zero=True))

    assert (plan.action, plan.target) == (Action.WRITE, 0)
    assert (plan.reasons[0].code is ReasonCode.DELETES_SETTING) is said
    assert not bites(decide(state=state, proposed=0.0, reading=capacity(5)), ReasonCode.DELETES_SETTING)
    assert not bites(decide(state=state, proposed=2.0, reading=capacity(5, deletes_at_zero=True)), ReasonCode.DELETES_SETTING)


def test_a_second_foreign_write_restarts_the_hour():
    two_hours_ago = NOON - timedelta(hours=2)
    state = PoolState(written=5, written_at=two_hours_ago, foreign_since=two_hours_ago, foreign_requested=9)

    assert decide(state=state, requested=11, proposed=5.0).action is Action.HOLD


def test_a_failed_allocation_is_requested_again_after_a_delay():
    state = PoolState(written=4)
    failed = capacity(4, ready=0, phase=Phase.FAILED, changed_at=NOON - RETRY_FAILED / 2, detail="FUNCTION_ERROR_INIT_FAILURE")
    waits = decide(state=state, proposed=6.0, reading=failed)

    assert waits.action is Action.HOLD
    assert "FUNCTION_ERROR_INIT_FAILURE" in waits.text
    assert decide(state=state, proposed=0.0, reading=failed).action is Action.WRITE


def test_a_blocked_resource_is_not_written_to():
    blocked = capacity(2, blocked=Conflict("a deployment is under way"))

    assert decide(proposed=6.0, reading=blocked).action is Action.HOLD
    assert decide(proposed=2.0, reading=blocked).action is Action.KEEP


def test_a_failed_allocation_is_not_requested_again_during_a_deployment():
    since = NOON - RETRY_FAILED
    failed = capacity(4, ready=0, phase=Phase.FAILED, changed_at=since, blocked=Conflict("a deployment is under way"))

    assert decide(state=PoolState(written=4), proposed=4.0, reading=failed).reasons[-1].code is ReasonCode.BLOCKED
    assert decide(state=PoolState(written=4), proposed=4.0, reading=replace(failed, blocked=None)).action is Action.WRITE


def test_a_failed_allocation_of_another_party_is_not_requested_again():
    failed = capacity(4, ready=0, phase=Phase.FAILED, changed_at=NOON - RETRY_FAILED)
    state = accepted(PoolState(), 6, NOON)

    assert decide(state=state, proposed=4.0, reading=failed).reasons[-1].code is ReasonCode.FOREIGN_WRITE


def test_a_raise_in_progress_does_not_delay_the_next():
    assert decide(proposed=9.0, reading=capacity(4, ready=1)).target == 9


LATER = NOON + timedelta(hours=2)
"""Two hours that the clock is put back by."""


def test_a_foreign_write_is_left_alone_for_an_hour_though_the_clock_is_put_back():
    state = decide(state=accepted(PoolState(), 3, NOON), requested=9, proposed=4.0, now=LATER).state

    back = decide(state=state, requested=9, proposed=4.0, now=NOON)
    later = decide(state=back.state, requested=9, proposed=4.0, now=NOON + FOREIGN_WRITE_QUIET)

    assert bites(back, ReasonCode.FOREIGN_WRITE)
    assert (later.action, later.target) == (Action.WRITE, 4)


def test_a_billing_step_is_no_longer_though_the_clock_is_put_back():
    state, step = accepted(PoolState(), 6, LATER), 5 * MINUTE
    first = decide(state=state, requested=6, proposed=2.0, billing_step=step, now=NOON)

    assert bites(first, ReasonCode.BILLING_STEP)
    assert decide(state=first.state, requested=6, proposed=2.0, billing_step=step, now=NOON + step).target == 2


def test_the_delay_is_no_longer_though_the_clock_is_put_back():
    policy, state = pool_policy(scale_down_delay=10 * MINUTE), PoolState()
    for minute in range(20):
        state = decide(policy, state, requested=8, proposed=8.0, now=LATER + minute * MINUTE).state

    assert run_minutes(policy, [2] * 13, requested=8, state=state) == [8] * 10 + [2] * 3


def test_the_delay_still_holds_what_was_wanted_before_the_clock_was_put_back_a_little():
    policy, state = pool_policy(scale_down_delay=10 * MINUTE), PoolState()
    for minute in range(20):
        state = decide(policy, state, requested=8, proposed=8.0 if minute == 19 else 5.0, now=NOON + minute * MINUTE).state

    back = decide(policy, state, requested=8, proposed=2.0, now=NOON + 17 * MINUTE)

    assert (back.target, back.reasons[-1].code) == (8, ReasonCode.SCALE_DOWN_DELAY)


def test_what_failed_is_given_back_whole_or_in_parts_only_once_it_may_be_asked_for_again():
    part = (Bound(ReasonCode.FLEET_CHANGES, "only 7 of 10 units", 3, 10),)

    def given_back(failed_at, bounds):
        failed = capacity(10, ready=0, phase=Phase.FAILED, changed_at=failed_at)
        return decide(reading=failed, proposed=0.0, bounds=bounds)

    early = given_back(NOON - RETRY_FAILED / 2, part)
    assert (early.action, early.target, early.reasons[-1].code) == (Action.HOLD, 10, ReasonCode.ALLOCATION_FAILED)
    assert (given_back(NOON - RETRY_FAILED / 2, ()).action, given_back(NOON - RETRY_FAILED / 2, ()).target) == (Action.WRITE, 0)
    assert (given_back(NOON - RETRY_FAILED, part).action, given_back(NOON - RETRY_FAILED, part).target) == (Action.WRITE, 3)


def test_a_failure_dated_in_the_future_waits_by_our_own_clock():
    failed = {"reading": capacity(4, ready=0, phase=Phase.FAILED, changed_at=LATER), "proposed": 4.0}
    state = accepted(PoolState(), 4, NOON)

    assert bites(decide(state=state, **failed), ReasonCode.ALLOCATION_FAILED)
    assert decide(state=state, **failed, now=NOON + RETRY_FAILED).action is Action.WRITE


def test_a_standby_reports_no_foreign_write_for_the_leaders_writes():
    plan = decide(state=accepted(PoolState(), 3, NOON), requested=9, proposed=4.0, now=LATER, standby="another leads")

    assert (plan.action, plan.reasons[-1].code, plan.state.foreign_since) == (Action.HOLD, ReasonCode.STANDBY, None)

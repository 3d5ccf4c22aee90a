import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.errors import Conflict, Throttled
from adapters.ports.lever import Capacity, Phase
from adapters.sandbox.aws.lambda_.provisioned_capacity import ProvisionedCapacity, Status
from controller.decision.planning.guardrails import GUARDRAILS
from controller.decision.planning.observation import DataFreshness, Proposal
from controller.decision.planning.plan import Action, whole_units
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.metered_spend import meter_spend
from controller.decision.planning.pool_state.state import INSTANTS, PoolState, accepted
from controller.decision.planning.reason_codes import ReasonCode
from tests.builders import NOON, capacity, observation, observed, pool_policy

MINUTE = timedelta(minutes=1)


def codes(plan):
    return [reason.code for reason in plan.reasons]


def decide(policy=None, state=None, seen=None):
    return make_plan(policy or pool_policy(), state or PoolState(), seen or observation(), GUARDRAILS)


def test_a_fresh_proposal_becomes_a_write_with_its_reason():
    plan = decide(seen=observation(requested=2, proposed=7.2))

    assert (plan.action, plan.target, codes(plan)) == (Action.WRITE, 8, [ReasonCode.PROPOSED])


def test_an_unchanged_target_asks_for_nothing():
    assert decide(seen=observation(requested=7, proposed=7.0)).action is Action.KEEP


@pytest.mark.parametrize(("proposed", "target"), [(math.inf, 100), (-math.inf, 0), (-3.0, 0), (1e300, 100), (0.2, 1), (5.0, 5)])
def test_any_number_ends_within_floor_and_ceiling(proposed, target):
    assert decide(seen=observation(requested=50, proposed=proposed)).target == target


@pytest.mark.parametrize(("requested", "target"), [(0, 2), (5, 5), (500, 100)])
def test_a_nan_proposal_keeps_the_requested_units_within_floor_and_ceiling(requested, target):
    plan = decide(pool_policy(min=2), seen=observation(requested=requested, proposed=math.nan))

    assert plan.target == target
    assert ReasonCode.INVALID_PROPOSAL in codes(plan)


def test_whole_units_rounds_up_but_not_for_float_dust():
    assert [whole_units(value) for value in (2.0000000001, 2.1, 0.0, -1.0)] == [2, 3, 0, 0]


@pytest.mark.parametrize("sight", [DataFreshness.LATE, DataFreshness.BROKEN, DataFreshness.NONE])
@pytest.mark.parametrize(("rule", "requested", "target"), [
    ("hold", 6, 6), ("hold", 0, 3), ("floor", 6, 6), ("floor", 1, 3), ("forecast", 6, 6), ("forecast", 1, 4),
])
def test_missing_metrics_never_lower(sight, rule, requested, target):
    plan = decide(pool_policy(min=3, on_missing_metrics=rule), seen=observation(requested=requested, proposed=4.0,
                                                                                freshness=sight))

    assert plan.target == target
    assert ReasonCode.METRICS_MISSING in codes(plan)


@pytest.mark.parametrize(("proposed", "target"), [(0.0, 6), (5.0, 6), (9.0, 9)])
def test_missing_minutes_hold_what_is_there_and_let_it_be_raised(proposed, target):
    plan = decide(seen=observation(requested=6, proposed=proposed, unknown_minutes=3))

    assert plan.target == target
    assert (ReasonCode.UNKNOWN_MINUTES in codes(plan)) == (proposed < 6)


def test_a_ceiling_and_a_pin_bind_although_minutes_are_missing():
    assert decide(pool_policy(max=4), seen=observation(requested=6, proposed=0.0, unknown_minutes=3)).target == 4


def test_a_quiet_region_holds_with_its_own_reason():
    seen = observation(requested=6, proposed=0.0, freshness=DataFreshness.QUIET,
                       quiet="nothing has run in us-east-1 (see on_quiet_region)")
    plan = decide(seen=seen)

    assert (plan.action, plan.target, codes(plan)) == (Action.HOLD, 6, [ReasonCode.QUIET_REGION])
    assert plan.text == "nothing has run in us-east-1 (see on_quiet_region), on_missing_metrics hold: held at 6"


def test_a_forecast_that_is_not_made_yet_is_not_called_missing_metrics():
    plan = decide(seen=observation(requested=6, proposed=None))

    assert (plan.action, plan.target) == (Action.HOLD, 6)
    assert "no forecast yet" in plan.text


def test_what_is_found_is_remembered_though_something_was_doubted_long_ago():
    plan = decide(state=PoolState(unconfirmed_writes=((NOON - timedelta(hours=8), 1),)), seen=observation(requested=2,
                                                                                                          proposed=6.0))

    assert (plan.target, plan.state.original_requested, plan.state.unconfirmed_writes) == (6, 2, ())


def test_no_traffic_differs_from_no_telemetry():
    proved_idle = decide(seen=observation(requested=6, proposed=0.0))
    dark = decide(seen=observation(requested=6, proposed=0.0, freshness=DataFreshness.BROKEN))

    assert (proved_idle.action, proved_idle.target) == (Action.WRITE, 0)
    assert (dark.action, dark.target) == (Action.HOLD, 6)


def test_capacity_that_cannot_be_read_is_held_with_the_error_in_the_trail():
    seen = observation(reading=None, error=Throttled("too many calls"))

    plan = decide(state=PoolState(written=4), seen=seen)

    assert (plan.action, plan.target, codes(plan)) == (Action.HOLD, 4, [ReasonCode.CAPACITY_UNKNOWN])
    assert "too many calls" in plan.text


def test_capacity_not_read_yet_is_another_reason_than_a_failed_reading():
    assert codes(decide(seen=observation(reading=None))) == [ReasonCode.NOT_READ]


def test_an_intent_that_the_provider_shows_counts_as_written():
    state = PoolState(written=2, intent=9)

    plan = decide(state=state, seen=observation(requested=9, proposed=9.0))

    assert (plan.action, plan.state.written, plan.state.intent) == (Action.KEEP, 9, None)
    assert plan.state.foreign_since is None


def test_an_intent_that_had_no_effect_is_dropped():
    state = PoolState(written=2, written_at=NOON - timedelta(hours=1), intent=9)

    plan = decide(state=state, seen=observation(requested=2, proposed=9.0))

    assert (plan.action, plan.target, plan.state.intent, plan.state.written) == (Action.WRITE, 9, None, 2)


def test_a_late_intent_is_no_foreign_write():
    state = PoolState(written=2, written_at=NOON - timedelta(hours=1), intent=9)
    missing = decide(state=state, seen=observation(requested=2, proposed=2.0))
    late = decide(state=missing.state, seen=observation(requested=9, proposed=9.0))

    assert (late.action, late.state.written, late.state.unconfirmed_writes, late.state.foreign_since) == (Action.KEEP, 9, (),
                                                                                                          None)


def test_what_was_wished_right_before_a_kill_is_known_by_the_raise_that_it_led_to():
    wishes = tuple((NOON - timedelta(minutes=minutes), 3) for minutes in range(16, 3, -1))
    killed = PoolState(written=3, written_at=NOON - timedelta(minutes=4), intent=4, recommendations=wishes)
    patient = pool_policy(scale_down_delay=timedelta(minutes=10))
    first = decide(policy=patient, state=killed, seen=observation(requested=4, proposed=2.0))

    targets = {minutes: decide(policy=patient, state=first.state, seen=observation(
        requested=4, proposed=2.0, now=NOON + timedelta(minutes=minutes))).target for minutes in (0, 4)}
    assert targets == {0: 4, 4: 4}


@pytest.mark.parametrize(("minutes", "ours"), [(1, True), (14, True), (16, False)])
def test_an_intent_that_arrives_after_a_later_write_was_taken_is_nobody_elses_for_minutes(minutes, ours):
    killed = PoolState(written=0, written_at=NOON - timedelta(hours=1), intent=2)
    missing = decide(state=killed, seen=observation(requested=0, proposed=5.0))
    assert missing.state.unconfirmed_writes == ((NOON, 2),)
    wrote = accepted(missing.state, 5, NOON)

    seen = observation(requested=2, proposed=5.0, now=NOON + timedelta(minutes=minutes))
    plan = decide(state=wrote, seen=seen)
    assert (plan.action is Action.WRITE, plan.state.foreign_since is None) == (ours, ours)


def test_each_of_several_intents_that_had_no_answer_may_arrive_and_in_any_order():
    state, now = PoolState(written=40, written_at=NOON - timedelta(hours=1)), NOON
    for units in (16, 22, 28):  # readings lag
        state = decide(state=replace(state, intent=units), seen=observation(requested=40, proposed=28.0, now=now)).state
        now += timedelta(minutes=1)
    assert [units for _, units in state.unconfirmed_writes] == [16, 22, 28]

    for units in (16, 28, 22):
        state = decide(state=state, seen=observation(requested=units, proposed=float(units), now=now)).state
        now += timedelta(minutes=1)
        assert (state.written, state.foreign_since) == (units, None)


def test_a_failed_allocation_of_the_same_number_is_asked_for_again():
    failed = capacity(4, ready=1, phase=Phase.FAILED, changed_at=NOON - timedelta(hours=1))

    assert decide(state=PoolState(written=4), seen=observation(proposed=4.0, reading=failed)).action is Action.WRITE


def test_spending_is_metered_while_a_price_is_known_and_restarts_each_month():
    seen = observation(requested=10, proposed=10.0, usd_per_unit_minute=0.5)
    state = PoolState(month="2026-03", spent_usd=3.0, metered_at=NOON - 2 * MINUTE)

    assert decide(state=state, seen=seen).state.spent_usd == 3.0 + 2 * 10 * 0.5
    february = PoolState(month="2026-02", spent_usd=3.0, metered_at=NOON - 2 * MINUTE)
    assert decide(state=february, seen=seen).state.spent_usd == 2 * 10 * 0.5


writes = st.lists(st.tuples(st.integers(1, 9 * 60_000), st.integers(0, 12), st.integers(0, 4 * 60_000), st.booleans()),
                  max_size=20)


@given(writes)
def test_the_budget_counts_provisioned_concurrency_as_the_emulator_bills_it(series):
    real, state, at = ProvisionedCapacity(), PoolState(metered_at=NOON, month="2026-03"), 0

    def read(state):
        real.settle(at)
        seen = Capacity(real.requested, real.available, Phase.FAILED if real.status is Status.FAILED else Phase.READY, NOON,
                        changed_at=NOON + timedelta(milliseconds=real.modified))
        now = NOON + timedelta(milliseconds=at)
        return meter_spend(state, observation(now=now, reading=seen, billing_step=timedelta(minutes=5), usd_per_unit_minute=1.0))

    for pause, units, preparation, init_fails in [*series, (1, 0, 0, False)]:
        at += pause
        state = read(state)
        if units:
            real.put(units, at, preparation, init_fails=init_fails)
        else:
            real.delete(at)
        at += 1
        state = read(state)

    assert state.spent_usd == pytest.approx(real.meter.billed_unit_ms(at) / 60_000)
    assert sum(units for _, units in state.paid) == 0


def test_a_schedule_raises_the_floor_and_cannot_pass_the_ceiling():
    from config.model.policy import Schedule
    schedule = Schedule(cron="0 8 * * *", duration=timedelta(hours=10), min=30, name="office")

    assert decide(pool_policy(schedules=(schedule,)), seen=observation(proposed=1.0)).target == 30
    assert decide(pool_policy(schedules=(schedule,), max=12), seen=observation(proposed=1.0)).target == 12


def test_an_accepted_raise_ends_a_foreign_write():
    state = accepted(PoolState(written=2, foreign_since=NOON, foreign_requested=5, intent=6), 6, NOON)

    assert (state.written, state.raised_at, state.intent, state.foreign_since) == (6, NOON, None, None)


floats = st.floats(allow_nan=True, allow_infinity=True)
numbers = st.integers(-10, 2_000_000)
capacities = st.builds(
    Capacity, requested=numbers, ready=numbers, phase=st.sampled_from(Phase), observed_at=st.just(NOON),
    in_use=st.none() | floats, changed_at=st.none() | st.just(NOON), foreign_owner=st.none() | st.just("somebody"),
    blocked=st.none() | st.just(Conflict("busy")))
observations = st.builds(
    observed, now=st.just(NOON), reading=st.none() | capacities,
    error=st.none() | st.just(Throttled("slow")),
    proposal=st.none() | st.builds(Proposal, floats, st.just("rule"), st.booleans()),
    freshness=st.sampled_from(DataFreshness),
    data_age=st.none() | st.timedeltas(), settled=st.booleans(), allowed=st.none() | numbers,
    billing_step=st.timedeltas(timedelta(0), timedelta(hours=1)),
    usd_per_unit_minute=st.floats(0, 1e6) | st.just(1e-300))
instants = st.datetimes(NOON.replace(tzinfo=None) - timedelta(days=3), NOON.replace(tzinfo=None) + timedelta(days=1)).map(
    lambda at: at.replace(tzinfo=NOON.tzinfo))
states = st.builds(
    PoolState, written=st.none() | numbers, written_at=st.none() | instants, intent=st.none() | numbers,
    raised_at=st.none() | instants, foreign_since=st.none() | instants, foreign_requested=st.none() | numbers,
    recommendations=st.lists(st.tuples(instants, numbers), max_size=5).map(lambda wishes: tuple(sorted(wishes))),
    month=st.sampled_from(["", "2026-03", "2026-02"]), spent_usd=st.floats(0, 1e9), metered_at=st.none() | instants)


@st.composite
def policies(draw):
    low = draw(st.integers(0, 50))
    return pool_policy(
        min=low, max=draw(st.integers(low, 200)), on_missing_metrics=draw(st.sampled_from(["hold", "floor", "forecast"])),
        scale_down_delay=draw(st.sampled_from([timedelta(0), timedelta(minutes=10)])),
        max_step_up=draw(st.none() | st.integers(1, 50)), max_step_down=draw(st.none() | st.integers(1, 50)),
        budget_usd_per_month=draw(st.none() | st.floats(0.01, 1e6)),
        on_foreign_write=draw(st.sampled_from(["yield", "reassert"])))


@given(policies(), states, observations)
def test_any_observation_gives_a_lawful_plan(policy, state, seen):
    plan = make_plan(policy, state, seen, GUARDRAILS)

    if plan.action is Action.HOLD:
        if seen.capacity.reading is not None:
            assert plan.target == seen.capacity.reading.requested
        return
    assert plan.target is not None
    assert plan.target <= policy.max
    cut_by_quota = ReasonCode.QUOTA in codes(plan)
    assert plan.target >= (0 if cut_by_quota else policy.min)
    assert plan.reasons


@given(policies(), states, observations)
def test_without_metrics_only_ceiling_budget_and_quota_lower_capacity(policy, state, seen):
    blind = replace(seen, demand=replace(seen.demand, freshness=DataFreshness.BROKEN))

    plan = make_plan(policy, state, blind, GUARDRAILS)

    if seen.capacity.reading is not None and not {ReasonCode.CEILING, ReasonCode.BUDGET, ReasonCode.QUOTA} & set(codes(plan)):
        assert plan.target >= seen.capacity.reading.requested


@given(policies(), states, observations)
def test_the_same_observation_gives_the_same_plan(policy, state, seen):
    first, second = (make_plan(policy, state, seen, GUARDRAILS) for _ in range(2))

    assert (first.action, first.target, first.text) == (second.action, second.target, second.text)


@given(policies(), states, observations)
def test_a_state_from_before_the_clock_was_put_back_tells_of_no_instant_to_come(policy, state, seen):
    after = make_plan(policy, state, seen, GUARDRAILS).state

    assert all(getattr(after, name) is None or getattr(after, name) <= NOON for name in INSTANTS)
    assert all(at <= NOON for at, _ in (*after.recommendations, *after.unconfirmed_writes))


def test_metrics_from_before_the_clock_was_put_back_are_told_as_what_they_are():
    plan = decide(seen=observation(requested=5, freshness=DataFreshness.LATE, data_age=timedelta(minutes=-88)))

    assert plan.action is Action.HOLD
    assert "88 min ahead of our clock" in plan.text


def test_a_step_limit_does_not_make_the_delay_begin_anew_at_each_step():
    policy = pool_policy(scale_down_delay=10 * MINUTE, max_step_down=2)
    state, requested, falls = PoolState(), 20, []
    for minute in range(25):
        now = NOON + minute * MINUTE
        plan = decide(policy, state, observation(now=now, reading=capacity(requested, now=now), proposed=0.0))
        state = plan.state
        if plan.action is Action.WRITE:
            state, requested = accepted(state, plan.target, now), plan.target
            falls.append((minute, requested))

    assert falls == [(10 + step, 18 - 2 * step) for step in range(10)]


@pytest.mark.parametrize("written", [None, 4])
@pytest.mark.parametrize("age", [MINUTE, timedelta(hours=3)])
def test_a_standby_states_its_target_and_reports_no_foreign_write(written, age):
    state = PoolState(written=written, written_at=NOON - age)
    plan = decide(state=state, seen=observation(requested=7, proposed=9.0, standby="ada leads"))

    assert (plan.action, plan.target, codes(plan)) == (Action.HOLD, 7, [ReasonCode.PROPOSED, ReasonCode.STANDBY])
    assert "standby, because ada leads: 9 -> held at 7" in plan.text
    assert plan.state.foreign_since is None


def test_a_standby_has_no_standby_reason_where_its_target_is_requested():
    assert decide(seen=observation(requested=9, proposed=9.0, standby="ada leads")).action is Action.KEEP


def test_a_standby_does_not_request_a_failed_allocation_again():
    failed = capacity(9, 0, phase=Phase.FAILED)

    assert decide(seen=observation(proposed=9.0, reading=failed, standby="ada leads")).action is Action.HOLD

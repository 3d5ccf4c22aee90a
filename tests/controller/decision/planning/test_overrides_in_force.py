"""Effect of overrides on a plan, and which overrides are accepted."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.model.policy import MOST_UNITS
from controller.decision.planning.guardrails import GUARDRAILS
from controller.decision.planning.observation import DataFreshness, Proposal
from controller.decision.planning.overrides_in_force import Kind, Override, entry, shown_override
from controller.decision.planning.plan import Action
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import ReasonCode
from controller.overrides.parsing import LONGEST, WrongOverride, parse_override
from tests.builders import NOON, capacity, observation, pool_policy

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def pause(until=NOON + HOUR):
    return Override(Kind.PAUSE, until, "ana", "load test")


def pin(units, until=NOON + HOUR):
    return Override(Kind.PIN, until, "ana", "launch", units)


def boost(units=None, factor=None, until=NOON + HOUR):
    return Override(Kind.BOOST, until, "ana", "sale", units, factor)


def decide(*overrides, policy=None, state=None, **seen):
    return make_plan(policy or pool_policy(), state or PoolState(), observation(overrides=overrides, **seen), GUARDRAILS)


def trail(plan):
    return [(reason.code, reason.before, reason.after) for reason in plan.reasons]


def test_a_pause_holds_capacity_and_states_the_target():
    plan = decide(pause(), requested=4, proposed=9.0)

    assert (plan.action, plan.target) == (Action.HOLD, 4)
    assert trail(plan)[-1] == (ReasonCode.PAUSED, 9, 4)
    assert plan.reasons[-1].text == "pause until 2026-03-02 13:00 UTC by ana (load test): 9 -> held at 4"


@pytest.mark.parametrize("requested", [0, 4, 50])
def test_a_pause_is_stronger_than_floor_ceiling_and_a_failed_allocation(requested):
    plan = decide(pause(), policy=pool_policy(min=2, max=10), requested=requested, proposed=5.0)

    assert (plan.action, plan.target) == (Action.HOLD, requested)


def test_a_pin_applies_at_once_despite_delays():
    slow = pool_policy(max_step_up=1, max_step_down=1, scale_down_delay=HOUR)
    raised = PoolState(written=8, raised_at=NOON)

    down = decide(pin(2), policy=slow, state=raised, requested=8, proposed=8.0, billing_step=HOUR, settled=False)
    up = decide(pin(40), policy=slow, requested=8, proposed=8.0)

    assert (down.action, down.target, trail(down)[-1]) == (Action.WRITE, 2, (ReasonCode.PINNED, 8, 2))
    assert (up.action, up.target, trail(up)[-1]) == (Action.WRITE, 40, (ReasonCode.PINNED, 8, 40))


def test_a_pin_is_a_reason_also_where_it_changes_nothing():
    plan = decide(pin(9), requested=9, proposed=9.0)

    assert (plan.action, trail(plan)[-1]) == (Action.KEEP, (ReasonCode.PINNED, 9, 9))


def test_floor_ceiling_budget_and_quota_bind_a_pin():
    assert trail(decide(pin(1), policy=pool_policy(min=3)))[-1] == (ReasonCode.FLOOR, 1, 3)
    assert trail(decide(pin(90), policy=pool_policy(max=50)))[-1] == (ReasonCode.CEILING, 90, 50)
    assert trail(decide(pin(90), allowed=20))[-1] == (ReasonCode.QUOTA, 90, 20)
    poor = pool_policy(budget_usd_per_month=4.5 * 29.5 * 24 * 60 * 0.001)
    assert trail(decide(pin(90), policy=poor, usd_per_unit_minute=0.001))[-1] == (ReasonCode.BUDGET, 90, 4)


@pytest.mark.parametrize("sight", [DataFreshness.LATE, DataFreshness.BROKEN, DataFreshness.NONE])
def test_a_pin_counts_while_metrics_are_missing_and_a_boost_adds_nothing(sight):
    pinned = decide(pin(6), requested=4, proposed=None, freshness=sight)
    boosted = decide(boost(5), requested=4, proposed=9.0, freshness=sight)

    assert (pinned.action, pinned.target) == (Action.WRITE, 6)
    assert [code for code, _, _ in trail(pinned)] == [ReasonCode.METRICS_MISSING, ReasonCode.PINNED]
    assert (boosted.action, boosted.target) == (Action.HOLD, 4)


def test_a_pause_is_a_reason_while_metrics_are_missing():
    plan = decide(pause(), policy=pool_policy(min=6), requested=4, proposed=None, freshness=DataFreshness.BROKEN)

    assert (plan.action, plan.target, trail(plan)[-1]) == (Action.HOLD, 4, (ReasonCode.PAUSED, 6, 4))


@pytest.mark.parametrize(("order", "target"), [(boost(5), 14), (boost(factor=1.5), 14), (boost(factor=2.0), 18)])
def test_a_boost_raises_what_is_proposed(order, target):
    plan = decide(order, requested=3, proposed=9.0)

    assert (plan.target, trail(plan)[1]) == (target, (ReasonCode.BOOSTED, 9, target))


def test_a_boost_does_not_grow_from_tick_to_tick():
    requested, state, targets = 3, PoolState(), []
    for minute in range(6):
        plan = decide(boost(5), state=state, requested=requested, proposed=3.0, settled=minute > 2, now=NOON + minute * MINUTE)
        requested, state = plan.target, plan.state
        targets.append(plan.target)

    assert targets == [8] * 6


def test_a_boost_does_not_apply_to_a_nan_proposal():
    assert decide(boost(5), requested=3, proposed=float("nan")).target == 3


def test_a_boost_stays_within_the_ceiling_and_the_step_limit():
    assert decide(boost(500), requested=3, proposed=9.0).target == 100
    assert decide(boost(50), policy=pool_policy(max_step_up=2), requested=3, proposed=3.0).target == 5


def test_a_pause_outranks_a_pin_and_a_pin_outranks_a_boost():
    assert decide(boost(5), pin(20), requested=3, proposed=9.0).target == 20
    assert decide(boost(5), pause(), pin(20), requested=3, proposed=9.0).target == 3


@pytest.mark.parametrize("order", [pause(NOON), pin(50, NOON), boost(50, until=NOON)])
def test_an_expired_override_has_no_effect(order):
    assert decide(order, requested=3, proposed=9.0) == decide(requested=3, proposed=9.0)


def test_pinned_units_are_no_recommendation():
    policy, state, requested, targets = pool_policy(scale_down_delay=3 * MINUTE), PoolState(), 4, []
    order = pin(30, NOON + 6 * MINUTE)
    for minute in range(8):
        plan = decide(order, policy=policy, state=state, requested=requested, proposed=4.0, now=NOON + minute * MINUTE)
        state, requested = plan.state, plan.target
        targets.append(plan.target)

    assert targets == [30] * 6 + [4, 4]


ORDERS = st.one_of(
    st.builds(pause), st.builds(pin, st.integers(0, MOST_UNITS)), st.builds(boost, st.integers(1, MOST_UNITS)),
    st.builds(boost, st.none(), st.floats(1, 100, exclude_min=True)))


@given(st.lists(ORDERS, max_size=3, unique_by=lambda each: each.kind), st.integers(0, 300), st.integers(0, 50),
       st.integers(0, 200), st.floats(), st.sampled_from(DataFreshness), st.sampled_from(["hold", "floor", "forecast"]))
def test_any_orders_leave_the_target_within_bounds_or_what_is_there(orders, requested, low, span, proposed, sight, rule):
    policy = pool_policy(min=low, max=low + span, on_missing_metrics=rule)
    plan = decide(*orders, policy=policy, reading=capacity(requested), proposal=Proposal(proposed, "rule"), freshness=sight)

    assert plan.target == requested or low <= plan.target <= low + span
    if any(order.kind is Kind.PAUSE for order in orders):
        assert (plan.action, plan.target) == (Action.HOLD, requested)


def body(**changes):
    plain = {"kind": "pin", "units": 5, "for": "2h", "reason": "launch", "by": "ana"} | changes
    return {name: value for name, value in plain.items() if value is not ...}


def test_an_override_is_read_from_json():
    assert parse_override(body(), NOON) == Override(Kind.PIN, NOON + 2 * HOUR, "ana", "launch", 5, None, NOON)
    until = parse_override(body(**{"for": ...}, until="2026-03-02T15:00:00+02:00", kind="boost", units=..., factor=2), NOON)
    assert (until.until, until.factor, until.order) == (NOON + HOUR, 2.0, "boost x2")


@pytest.mark.parametrize(("changes", "message"), [
    ({"kind": "stop"}, "kind"), ({"kind": ["pin"]}, "kind"), ({"kind": ...}, "kind"), ({"wrong": 1}, "wrong"),
    ({"units": -1}, "units"), ({"units": True}, "units"), ({"units": 1.5}, "units"), ({"units": "5"}, "units"),
    ({"units": MOST_UNITS + 1}, "units"), ({"units": ...}, "units"), ({"factor": 2}, "factor"),
    ({"kind": "pause"}, "pause"), ({"kind": "boost", "factor": 2}, "boost"), ({"kind": "boost", "units": 0}, "units"),
    ({"kind": "boost", "units": ..., "factor": 1}, "factor"), ({"kind": "boost", "units": ..., "factor": 101}, "factor"),
    ({"kind": "boost", "units": ..., "factor": float("nan")}, "factor"), ({"kind": "boost", "units": ...}, "boost"),
    ({"for": ...}, "until"), ({"until": "2026-03-02T13:00:00Z"}, "until"), ({"for": "2"}, "for"), ({"for": 2}, "for"),
    ({"for": "0"}, "for"), ({"for": "7d1s"}, "at most 7d"), ({"for": "999999d"}, "at most 7d"),
    ({"for": ..., "until": "2026-03-02T12:00:00Z"}, "until"), ({"for": ..., "until": "2026-03-02T13:00:00"}, "zone"),
    ({"for": ..., "until": "tomorrow"}, "until"), ({"for": ..., "until": 5}, "until"),
    ({"for": ..., "until": "0001-01-01T00:00:00+14:00"}, "until"), ({"for": ..., "until": "2026-04-02T13:00:00Z"}, "at most 7d"),
    ({"reason": ...}, "reason"), ({"reason": "  "}, "reason"), ({"reason": "x" * 201}, "reason"), ({"reason": "a\nb"}, "reason"),
    ({"reason": "\x1b[2J"}, "reason"), ({"by": ...}, "by"), ({"by": 5}, "by"), ({"by": "x" * 81}, "by"),
])
def test_an_invalid_override_names_the_error(changes, message):
    with pytest.raises(WrongOverride, match=message) as refusal:
        parse_override(body(**changes), NOON)

    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("value", [None, [], "pin", 5])
def test_a_body_that_is_no_object_is_refused(value):
    with pytest.raises(WrongOverride, match="object"):
        parse_override(value, NOON)


def test_a_secret_in_an_override_is_redacted():
    order = parse_override(body(reason="login with password=hunter2 first"), NOON)

    assert "hunter2" not in order.reason
    assert "hunter2" not in order.text


@given(ORDERS)
def test_an_override_is_read_back_from_its_entry(order):
    assert shown_override(json.loads(json.dumps(entry(order)))) == order


def test_the_longest_override_is_accepted():
    assert parse_override(body(**{"for": "7d"}), NOON).until == NOON + LONGEST

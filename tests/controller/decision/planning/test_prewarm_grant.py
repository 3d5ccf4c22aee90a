"""Grants of prewarm requests: within policy, ceiling and budget; overlapping ones count once."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.model.prewarm import Prewarm
from config.model.schedule import MOST_UNITS
from controller.decision.planning.guardrails import GUARDRAILS
from controller.decision.planning.overrides_in_force import Kind, Override, entry, joined, shown_override
from controller.decision.planning.plan import Action
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.prewarm_grant import PoolCapacity, PrewarmRequest, grant, override_of
from controller.decision.planning.reason_codes import ReasonCode
from controller.overrides.parsing import WrongOverride, parse_prewarm
from tests.builders import NOON, observation, pool_policy

MINUTE = timedelta(minutes=1)
NOTHING = PoolCapacity(0, 0.0, 0.001)


def bounds(**changes):
    return Prewarm(**({"max_units": 10} | changes))


def wish(units=5, minutes=10):
    return PrewarmRequest(units, minutes * MINUTE, "users sign in", "web")


def prewarming(*steps, by="web"):
    ends = [(units, NOON + minutes * MINUTE) for units, minutes in steps]
    return Override(Kind.PREWARM, max(until for _, until in ends), by, "r", max(units for units, _ in ends), since=NOON,
                    steps=tuple(ends))


def test_a_request_within_all_limits_is_granted_with_its_cost():
    granted = grant(pool_policy(prewarm=bounds()), NOTHING, wish(), NOON)

    assert (granted.units, granted.until, granted.limited_by) == (5, NOON + 10 * MINUTE, ())
    assert granted.bill_usd == pytest.approx(5 * 10 * 0.001)


def test_requested_units_cost_nothing_more_and_billing_steps_are_paid_in_full():
    policy = pool_policy(prewarm=bounds())

    assert grant(policy, PoolCapacity(5, 0.0, 0.001), wish(), NOON).bill_usd == 0
    assert grant(policy, PoolCapacity(0, 0.0, 0.001, 5 * MINUTE), wish(2, 1), NOON).bill_usd == pytest.approx(2 * 5 * 0.001)
    assert grant(policy, PoolCapacity(0, 0.0, 0.0), wish(), NOON).bill_usd is None


@pytest.mark.parametrize(("changes", "units", "limited"), [
    ({"prewarm": None}, 0, ("prewarm",)), ({"prewarm": Prewarm(max_units=3)}, 3, ("prewarm.max_units",)),
    ({"max": 2}, 2, ("max",)),
    ({"budget_usd_per_month": 43.0}, 1, ("budget_usd_per_month",)), ({"budget_usd_per_month": 0.1}, 0, ("budget_usd_per_month",)),
])
def test_a_grant_names_the_limits_that_reduced_it(changes, units, limited):
    granted = grant(pool_policy(**({"prewarm": bounds()} | changes)), NOTHING, wish(), NOON)

    assert (granted.units, granted.limited_by) == (units, limited)


def test_a_grant_lasts_at_most_max_duration():
    granted = grant(pool_policy(prewarm=bounds()), NOTHING, wish(minutes=600), NOON)

    assert (granted.until, granted.limited_by) == (NOON + 15 * MINUTE, ("prewarm.max_duration",))


@given(units=st.integers(1, MOST_UNITS), most=st.integers(1, 1000), ceiling=st.integers(0, 1000),
       budget=st.none() | st.floats(0.01, 1e6), spent=st.floats(0, 1e6), price=st.floats(1e-6, 1), requested=st.integers(0, 1000))
def test_no_grant_exceeds_a_limit_and_no_plan_exceeds_a_grant(units, most, ceiling, budget, spent, price, requested):
    policy = pool_policy(prewarm=Prewarm(max_units=most), max=ceiling, budget_usd_per_month=budget)
    granted = grant(policy, PoolCapacity(requested, spent, price), wish(units), NOON)
    assert 0 <= granted.units <= min(units, most, ceiling)
    if granted.units:
        order = override_of(wish(units), granted, NOON)
        state = PoolState(month="2026-03", spent_usd=spent)
        seen = observation(0, 0.0, overrides=(order,), usd_per_unit_minute=price)
        assert make_plan(policy, state, seen, GUARDRAILS).target == granted.units


def test_a_prewarm_is_a_minimum_and_a_pin_takes_precedence():
    policy, order = pool_policy(), prewarming((5, 10))
    pin = Override(Kind.PIN, NOON + MINUTE, "ana", "r", 2, since=NOON)

    plan = make_plan(policy, PoolState(), observation(0, 1.0, overrides=(order,)), GUARDRAILS)
    assert (plan.target, plan.action, plan.reasons[-1].code) == (5, Action.WRITE, ReasonCode.PREWARMED)
    assert "by web (r)" in plan.reasons[-1].text
    assert make_plan(policy, PoolState(), observation(0, 9.0, overrides=(order,)), GUARDRAILS).target == 9
    assert make_plan(policy, PoolState(), observation(0, 9.0, overrides=(order, pin)), GUARDRAILS).target == 2


def test_a_prewarm_applies_while_metrics_are_missing():
    seen = observation(1, None, overrides=(prewarming((5, 10)),))

    assert make_plan(pool_policy(), PoolState(), seen, GUARDRAILS).target == 5


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(-5, 30)), min_size=1, max_size=6), st.integers(0, 35))
def test_overlapping_prewarms_give_the_maximum_not_the_sum(steps, minute):
    steps = [(units, minutes) for units, minutes in steps if minutes > 0] or [(1, 1)]
    order = None
    for step in steps:
        order = joined(order, prewarming(step), NOON)
    at = NOON + minute * MINUTE

    assert order.prewarmed(at) == max((units for units, minutes in steps if minutes > minute), default=0)
    assert order.until == max(NOON + minutes * MINUTE for _, minutes in steps)
    assert shown_override(entry(order)) == order


@pytest.mark.parametrize(("body", "message"), [
    ([], "object"), ({}, "units"), ({"units": 0}, "units"), ({"units": True}, "units"), ({"units": 1.5}, "units"),
    ({"units": float("inf")}, "units"),
    ({"units": 1}, "for"), ({"units": 1, "for": "0s", "reason": "r"}, "for"), ({"units": 1, "for": "10m"}, "reason"),
    ({"units": 1, "for": "10m", "reason": "r", "until": "x"}, "unknown key"),
    ({"units": 1, "for": "1m", "reason": "r", "by": ""}, "by"),
])
def test_an_invalid_prewarm_body_is_refused(body, message):
    with pytest.raises(WrongOverride, match=message):
        parse_prewarm(body)

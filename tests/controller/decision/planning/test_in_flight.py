"""Requests in flight in the current minute as an input of a plan."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from controller.decision.planning.guardrails import GUARDRAILS
from controller.decision.planning.observation import Proposal
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import ReasonCode
from controller.decision.selection.candidates import BY_KEY
from controller.decision.selection.choice import SelectionMode
from controller.decision.selection.leads.lead_basis import LeadBasis
from controller.decision.selection.rule_values import ProposalBasis
from tests.builders import observation, pool_policy

LAST_HOUR, SEASONAL, MARGIN = BY_KEY["recent 60"], BY_KEY["week 0.97"], BY_KEY["decaying 15+1"]


def basis(weights, peak=3.0, **signals):
    values = {"recent 60": 4.0, "week 0.97": 6.0, "decaying 15": 3.0} | signals
    return ProposalBasis.of(SelectionMode.ENSEMBLE, next(iter(weights)), (29_000_000, 3, 2000), peak, values, weights)


def plan(of, in_flight, requested=5, **policy):
    proposal = Proposal(of.target, "rule", True, of)
    seen = observation(requested, proposal=proposal, in_flight=in_flight)
    return make_plan(pool_policy(**policy), PoolState(), seen, GUARDRAILS)


def test_rules_that_look_back_include_the_current_minute():
    made = plan(basis({LAST_HOUR: 3, SEASONAL: 1}), 20)

    assert made.target == 16  # (3 × 20 + 6) / 4 = 16.5, a half counts down
    assert [reason.code for reason in made.reasons] == [ReasonCode.PROPOSED, ReasonCode.IN_FLIGHT]
    assert "20 in flight in the current minute, 3 in the last known one: the rules ask for 16: 4 -> 16" in made.text


def test_a_safety_margin_is_that_of_the_raised_value():
    assert plan(basis({MARGIN: 1}), 16).target == 20


def test_seasonal_rules_are_not_raised():
    assert plan(basis({SEASONAL: 1}), 50).target == 6


def test_the_ceiling_and_the_step_limit_apply():
    assert plan(basis({LAST_HOUR: 1}), 50, max=9).target == 9
    assert plan(basis({LAST_HOUR: 1}), 50, max_step_up=2).target == 7


def test_without_reports_nothing_changes():
    assert plan(basis({LAST_HOUR: 1}), None).target == 4


def test_the_current_minute_raises_a_target_that_a_leading_signal_has_lowered():
    lead = LeadBasis("queue", 1.0, 3, 1.0, 0.5, 90.0, False, 1.0, 2.0, followed=True)
    of = replace(basis({LAST_HOUR: 1}), lead=lead)

    assert plan(of, None).target == 1
    assert plan(of, 20).target == 20
    assert plan(replace(of, lead=replace(lead, value=50.0)), 20).target == 50


@given(st.integers(0, 100), st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_the_current_minute_lowers_no_target(in_flight, recent, decaying, peak):
    of = basis({LAST_HOUR: 2, MARGIN: 1, SEASONAL: 1}, peak, **{"recent 60": recent, "decaying 15": decaying})

    assert plan(of, in_flight).target >= plan(of, None).target

"""Plan of a pinged top above the plan of its base."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from controller.decision.planning.layers import budget_of_top, pinged_units, view_of_top
from controller.decision.planning.observation import DataFreshness, DemandView, Proposal
from controller.decision.planning.plan import Action, Plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.record.codec import dump_proposal, load_proposal
from controller.decision.selection.candidates import CANDIDATES
from controller.decision.selection.choice import SelectionMode
from controller.decision.selection.layers.levels import LEVELS, TOPS
from controller.decision.selection.layers.top_basis import TopBasis
from controller.decision.selection.rule_values import ProposalBasis
from tests.builders import NOON

LOST = 1 / 30


def base_plan(target: int | None) -> Plan:
    return Plan("chat", NOON, Action.KEEP, target, target, target, None, (), PoolState())


def pool_view(level: int, proposed: float, top: bool = True) -> DemandView:
    basis = TopBasis((level,) * len(LEVELS), {TOPS.index((LEVELS[0], 100.0)): 4}, 4, 7.0) if top else None
    of_pool = ProposalBasis.of(SelectionMode.ALONE, CANDIDATES[0], (1, 4, 2000), 1.0, {}, {CANDIDATES[0]: 4096}, basis)
    proposal = Proposal(proposed, "rule", trusted=True, basis=of_pool)
    return DemandView(DataFreshness.FRESH, settled=True, data_age=timedelta(minutes=2), proposal=proposal)


units = st.integers(0, 60)


@given(units, units, units, units, units)
def test_the_daemon_and_the_backtest_ping_the_same_number_of_units(level, proposed, planned, floor, ceiling):
    view = view_of_top(pool_view(level, proposed), base_plan(planned), (floor, ceiling), LOST)
    expected = pinged_units(np.array([float(level)]), np.array([float(proposed)]), np.array([planned]), [(floor, ceiling)], LOST)

    assert view.proposal is not None
    assert view.proposal.target == expected[0]
    assert planned + expected[0] <= max(planned, ceiling)


def test_a_layer_holds_while_nothing_is_proposed_or_its_base_is_unknown():
    assert view_of_top(replace(pool_view(5, 1.0), proposal=None), base_plan(1), (0, 9), LOST).proposal is None
    assert view_of_top(pool_view(5, 1.0), base_plan(None), (0, 9), LOST).proposal is None
    assert view_of_top(pool_view(5, float("nan")), base_plan(1), (0, 9), LOST).proposal is None
    assert view_of_top(pool_view(5, 1.0, top=False), base_plan(1), (0, 9), LOST).proposal is None


def test_a_record_has_the_inputs_of_a_layer():
    proposal = view_of_top(pool_view(9, 2.0), base_plan(3), (0, 50), LOST).proposal
    assert proposal is not None
    again = load_proposal(dump_proposal(proposal))

    assert again == proposal
    assert again.basis == proposal.basis
    assert str(again) == str(proposal)


def test_pings_stop_once_both_layers_have_spent_the_budget_of_the_month():
    base, top = replace(PoolState(), spent_usd=9.5), replace(PoolState(), spent_usd=0.5)

    assert budget_of_top(None, base, top, 0.1) == ()
    assert budget_of_top(10.5, base, top, 0.1) == ()
    bound, = budget_of_top(10.0, base, top, 0.1)
    assert (bound.high, bound.text) == (0, "budget: 10.00 of 10 USD spent this month by both layers")

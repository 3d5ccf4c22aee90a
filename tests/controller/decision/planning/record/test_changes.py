"""What changed between two decisions of the pings above a base: the level, and the units of the base below them."""

from datetime import timedelta

from controller.decision.planning.observation import Proposal
from controller.decision.planning.plan import Action, Plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.record.changes import since_body
from controller.decision.selection.layers.levels import UNTRAINED
from controller.decision.selection.layers.top_basis import PingBasis, TopBasis
from tests.builders import NOON


def plan(level: int, base: int) -> Plan:
    basis = PingBasis(TopBasis((level,) * 4, {UNTRAINED: 1}, 1, 0.0), base, base, 100, 0.0, 2000)
    proposal = Proposal(basis.target, "pings above the base", True, basis)
    at = NOON + timedelta(minutes=level)
    return Plan("agent:pings", at, Action.WRITE, basis.target, 0, 0, proposal, (), PoolState())


def test_a_new_level_and_a_new_base_are_named_with_their_numbers():
    texts = [each["text"] for each in since_body(plan(5, 1), plan(9, 3))["changes"]]
    assert texts == ["level 5 -> 9 units in total", "units of the base 1 -> 3", "target 4 -> 6"]


def test_the_same_level_and_base_are_no_change():
    assert since_body(plan(5, 1), plan(5, 1))["changes"] == []

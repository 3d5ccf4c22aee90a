"""Texts of decisions in `/status`: without secrets, with every number."""

from adapters.ports.errors import Conflict
from controller.decision.planning.guardrails import guardrails_for
from controller.decision.planning.observation import EventDemand
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.http.status_entries import decision_entry
from tests.builders import capacity, observation, pool_policy


def entry_of(**changes):
    seen = observation(**({"requested": 5, "proposed": 9.0} | changes))
    plan = make_plan(pool_policy(max=8), PoolState(), seen, guardrails_for(seen))
    return plan, decision_entry(plan)


def test_the_text_is_that_of_the_plan():
    plan, entry = entry_of()

    assert entry["text"] == plan.text == "recent maximum: 9; the ceiling `max: 8` of the policy: 9 -> 8"


def test_a_secret_in_a_providers_text_is_removed():
    _, entry = entry_of(reading=capacity(5, blocked=Conflict("a deployment with password=hunter2")))

    assert "hunter2" not in entry["text"]
    assert "a deployment with" in entry["text"]
    assert entry["text"].endswith(": 8 -> held at 5")


def test_a_name_like_a_secret_hides_no_number():
    _, entry = entry_of(announced=EventDemand("new token", 7.0), proposed=2.0)

    assert entry["text"] == "recent maximum: 2; new token: 2 -> 7"

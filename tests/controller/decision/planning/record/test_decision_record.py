"""Every plan is computed again from its record, byte for byte."""

import json
import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.errors import Conflict, Limit, Unreachable
from adapters.ports.lever import Phase
from config.model.schedule import Schedule
from controller.decision.planning.guardrails import guardrails_for
from controller.decision.planning.observation import Bound, DataFreshness, EventDemand, Proposal, Traffic
from controller.decision.planning.overrides_in_force import Kind, Override
from controller.decision.planning.plan import PlannedDecision
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import ReasonCode
from controller.decision.planning.record.decision_record import (
    VERSION,
    RecordNotReplayable,
    inputs_body,
    loaded,
    plan_body,
    redact_observation,
    replayed,
)
from controller.decision.selection.candidates import CANDIDATES, RECENT
from controller.decision.selection.choice import SelectionMode
from controller.decision.selection.leads.lead_basis import LeadBasis
from controller.decision.selection.rule_values import ProposalBasis
from controller.redaction.redactor import without_secrets
from controller.store.codec import dump_inputs, dump_plan
from controller.store.state_store import Store
from tests.builders import NOON, capacity, observation, observed, pool_policy
from tests.examples import examples

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
KEY = "AKIA" + "ABCDEFGH12345678"


def made(policy=None, state=None, seen=None):
    policy, state, seen = policy or pool_policy(), state or PoolState(), redact_observation(seen or observation(proposed=5.0))
    return PlannedDecision(policy, state, seen, make_plan(policy, state, seen, guardrails_for(seen)))


def recorded(decision):
    """The record of a decision, as the store returns it."""
    return {**json.loads(dump_plan(decision.plan)), "inputs": json.loads(dump_inputs({"decision": decision}))}


def test_a_record_of_the_layer_of_a_pool_is_replayed_under_its_name():
    layer = pool_policy().model_copy(update={"name": "agent:pings"})
    record = recorded(made(layer))

    before, again = replayed(record)
    assert before == again
    assert loaded(record["inputs"])[0].name == "agent:pings"


TEXTS = st.one_of(st.text(max_size=30), st.sampled_from([
    f"refused {KEY}", "https://user:hunter2@host is away", "token = ", "password=abc):", "Authorization: Bearer abcdefgh.ijk",
    "secret:"]))
INSTANTS = st.integers(-5_000_000_000, 5_000_000_000).map(lambda micros: NOON + timedelta(microseconds=micros))
SPANS = st.integers(0, 10_000_000_000).map(lambda micros: timedelta(microseconds=micros))
UNITS = st.integers(0, 400)
ORDERS = st.lists(st.one_of(
    st.builds(Override, st.just(Kind.PAUSE), INSTANTS, st.just("ana"), st.just("r")),
    st.builds(Override, st.just(Kind.PIN), INSTANTS, st.just("ana"), st.just("r"), UNITS),
    st.builds(Override, st.just(Kind.BOOST), INSTANTS, st.just("bo"), st.just("r"), st.none(), st.floats(1.1, 9)),
), max_size=3).map(tuple)
DATED = st.lists(st.tuples(INSTANTS, UNITS), max_size=3).map(tuple)
STATES = st.builds(
    PoolState, st.none() | UNITS, st.none() | INSTANTS, st.none() | UNITS, st.none() | INSTANTS, st.none() | INSTANTS,
    st.none() | UNITS, st.lists(st.tuples(INSTANTS, UNITS), max_size=5).map(tuple), st.sampled_from(["", "2026-03"]),
    st.floats(0, 1e4), st.none() | INSTANTS, DATED, st.none() | UNITS, DATED)
CAPACITIES = st.none() | st.builds(
    capacity, UNITS, UNITS, now=INSTANTS, phase=st.sampled_from(Phase), in_use=st.none() | st.floats(0, 300),
    changed_at=st.none() | INSTANTS, foreign_owner=st.none() | TEXTS, blocked=st.none() | TEXTS.map(Conflict), detail=TEXTS,
    others=UNITS, others_by=TEXTS, deletes_at_zero=st.booleans())
PROPOSALS = st.none() | st.builds(Proposal, st.floats(), st.just("maximum of the last 60 min"), st.booleans())
LIMITS = st.none() | st.builds(Limit, st.just("project-quota"), TEXTS, TEXTS).map(without_secrets)
SHARES = st.none() | st.floats(0, 1e6)
EVENTS = st.none() | st.builds(EventDemand, TEXTS, SHARES, SHARES, SHARES)
BOUNDS = st.lists(
    st.builds(lambda code, low, span: Bound(code, "so much is left", low, low + span),
              st.sampled_from([ReasonCode.FLEET_BUDGET, ReasonCode.FLEET_CHANGES, ReasonCode.WRITE_TURN]), UNITS, UNITS),
    max_size=2).map(tuple)
SEEN = st.builds(
    observed, now=st.just(NOON), reading=CAPACITIES, error=st.none() | TEXTS.map(Unreachable), proposal=PROPOSALS,
    freshness=st.sampled_from(DataFreshness), data_age=st.none() | SPANS, settled=st.booleans(),
    allowed=st.none() | st.integers(-5, 400), billing_step=SPANS, usd_per_unit_minute=st.floats(0, 1), overrides=ORDERS,
    bounds=BOUNDS, leaving=st.sampled_from([None, None, "release", "floor"]), traffic=st.none() | st.sampled_from(Traffic),
    missing_since=st.none() | INSTANTS, announced=EVENTS, limit=LIMITS,
    unknown_minutes=st.sampled_from([0, 0, 3]), quiet=st.sampled_from(["", "nothing has run in us-east-1"]),
    keep_alive_change=st.sampled_from(["", "keep-alive 6 -> 12 min: all rules were scored again at 09:15 UTC"]))
POLICIES = st.builds(
    lambda low, span, **more: pool_policy(min=low, max=max(3, low + span), **more), st.integers(0, 50), UNITS,
    on_missing_metrics=st.sampled_from(["hold", "floor", "forecast"]), on_foreign_write=st.sampled_from(["yield", "reassert"]),
    scale_down_delay=st.sampled_from([timedelta(0), 3 * MINUTE]), max_step_up=st.none() | st.integers(1, 9),
    max_step_down=st.none() | st.integers(1, 9), keep_setting=st.booleans(), budget_usd_per_month=st.none() | st.floats(0.1, 1e6),
    schedules=st.sampled_from([(), (Schedule(cron="0 8 * * mon-fri", timezone="Europe/Paris", duration=10 * HOUR, min=3),)]))


def comparable(seen):
    """An observation with its floats and errors as text: NaN and errors equal nothing."""
    without_errors = replace(seen.capacity, reading=None, error=None)
    return repr(replace(seen, demand=replace(seen.demand, announced=None), capacity=without_errors))


@examples(300)
@given(POLICIES, STATES, SEEN)
def test_every_plan_is_computed_again_byte_for_byte_from_its_record(policy, state, seen):
    kept, again = replayed(recorded(made(policy, state, seen)))

    assert kept == again


@examples(100)
@given(STATES, SEEN)
def test_state_and_observation_are_read_back_from_a_record(state, seen):
    each = made(None, state, seen)
    policy, back, now_seen = loaded(json.loads(dump_inputs({"decision": each})))

    assert back == state
    assert comparable(now_seen) == comparable(each.seen)
    assert (policy.min, policy.max, policy.name, policy.mode) == (0, 100, "agent", "active")


@pytest.mark.parametrize("target", [float("nan"), float("inf"), float("-inf"), -3.5, 1e300])
def test_a_proposal_that_json_cannot_represent_is_replayed(target):
    each = made(seen=observation(requested=4, proposed=target))

    assert len(set(replayed(recorded(each)))) == 1


def test_no_secret_is_recorded_and_the_plan_is_still_the_same():
    seen = observation(proposed=5.0, reading=capacity(2, blocked=Conflict(f"a deployment by {KEY} with password=hunter2")))
    record = recorded(made(seen=seen))

    assert KEY not in json.dumps(record)
    assert "hunter2" not in json.dumps(record)
    assert "a deployment by" in record["text"]
    assert len(set(replayed(record))) == 1


def test_a_refused_write_is_recorded_with_its_intended_plan():
    each = made()
    record = recorded(each.failed("requesting 5 failed (throttled): slow down", 0))

    assert (record["action"], record["inputs"]["made"]["action"]) == ("hold", "write")
    assert len(set(replayed(record))) == 1
    assert "made" not in recorded(each)["inputs"]


LEAD = LeadBasis("pool planner", 12.0, 3, 2.95, 0.95, 40.0, False, 18.37, 20.46, followed=True)


@pytest.mark.parametrize("lead", [LEAD, replace(LEAD, value=math.nan)])
def test_a_leading_signal_is_recorded_with_its_numbers_and_the_proposal_follows_from_them(lead):
    basis = replace(ProposalBasis.of(SelectionMode.ALONE, CANDIDATES[RECENT], (29_000_000, 4, 2000), 3.0, {"recent 60": 9},
                                     {CANDIDATES[RECENT]: 4096}), lead=lead)
    record = recorded(made(seen=observation(proposal=Proposal(basis.target, "leading signal", True, basis), in_flight=4)))
    _, _, seen = loaded(record["inputs"])

    assert len(set(replayed(record))) == 1
    assert record["inputs"]["proposal"]["basis"]["lead"]["ratio"] == 2.95
    assert seen.demand.proposal.basis.target == record["inputs"]["proposal"]["target"] == (9 if math.isnan(lead.value) else 35)


def test_a_record_without_leading_signals_of_the_version_before_is_replayed():
    record = recorded(made())
    record["inputs"]["version"] = 6

    assert len(set(replayed(record))) == 1


def test_an_altered_record_gives_another_plan():
    record = recorded(made())
    record["inputs"]["policy"]["max"] = 3

    kept, again = replayed(record)
    assert json.loads(kept)["target"] == 5
    assert json.loads(again)["target"] == 3


@pytest.mark.parametrize(("record", "message"), [
    ({}, "earlier version"), ({"inputs": {"freshness": "fresh"}}, "earlier version"), ({"inputs": {"version": 99}}, "version 99"),
    ({"inputs": {"version": VERSION}}, "damaged"),
    ({"inputs": {"version": VERSION, "policy": {"name": "a"}, "state": {}}}, "damaged"),
    ({"inputs": {"version": VERSION, "policy": 5}}, "damaged"),
])
def test_an_invalid_record_is_refused(record, message):
    with pytest.raises(RecordNotReplayable, match=message):
        replayed(record)


def test_a_record_is_small(tmp_path):
    wishes = tuple((NOON - minute * MINUTE, 4) for minute in range(15, 0, -1))
    state = PoolState(written=4, written_at=NOON - HOUR, raised_at=NOON - HOUR, recommendations=wishes, month="2026-03",
                      spent_usd=1.25, metered_at=NOON - MINUTE)
    each = made(pool_policy(scale_down_delay=15 * MINUTE), state, observation(requested=4, proposed=7.0))
    with Store(tmp_path / "stoker.db") as store:
        store.record_decision(each.plan, {"decision": each})
        [item] = store.decisions()

    assert len(set(replayed(item))) == 1
    assert len(json.dumps(inputs_body(each))) < 2000
    assert set(plan_body(each.plan)) <= set(item)

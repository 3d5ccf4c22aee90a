"""Reasons carry their numbers: the target follows from the text, and two decisions never read the same."""

import math
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.ports.errors import Conflict, Limit
from adapters.ports.lever import Phase
from config.model.schedule import Schedule
from controller.decision.planning.guardrails import guardrails_for
from controller.decision.planning.observation import Bound, DataFreshness, EventDemand, Proposal
from controller.decision.planning.overrides_in_force import Kind, Override
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import ReasonCode
from controller.decision.selection.candidates import CANDIDATES, RECENT
from controller.decision.selection.choice import SelectionMode
from controller.decision.selection.leads.lead_basis import LeadBasis
from controller.decision.selection.rule_values import ProposalBasis, exact_text, rounded_mean
from tests.builders import NOON, capacity, observation, pool_policy
from tests.controller.decision.planning.record.test_decision_record import POLICIES, SEEN, STATES
from tests.examples import examples

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CHANGE = re.compile(r": (?:(\d+) -> )?(held at |stays )?(\d+)$")
ENSEMBLE = re.compile(r"ensemble of \d+ rules? ([\d.]+) -> (\d+)$")

LEAD = re.compile(r"= (\d+), × ([\d.e-]+) \(P\d+\)(?:, at most (\d+))? = (\d+)(, .*)$")
MOST = 10**9
LEADS = st.none() | st.builds(
    LeadBasis, st.sampled_from(["pool planner", "queue"]), st.just(math.nan) | st.integers(0, 300).map(float),
    st.sampled_from([3, 60]), st.floats(0.001, 20), st.sampled_from([0.5, 0.95]), st.integers(1, 90).map(float), st.booleans(),
    st.floats(0, 99), st.floats(0, 99), st.booleans())


@st.composite
def bases(draw):
    """The values behind a proposal: some rules with weight, and the signals that they read."""
    rules = draw(st.lists(st.sampled_from(CANDIDATES), min_size=1, max_size=12, unique=True))
    weights = sorted(draw(st.lists(st.integers(1, 4096), min_size=len(rules), max_size=len(rules))), reverse=True)
    mode = draw(st.sampled_from([SelectionMode.ENSEMBLE, SelectionMode.ENSEMBLE, SelectionMode.ALONE, SelectionMode.FALLBACK]))
    if mode is SelectionMode.ALONE:
        rules, weights = rules[:1], [4096]
    signals = {name: draw(st.integers(0, 60)) for name in sorted({name for rule in rules for name in rule.signals})}
    basis = ProposalBasis.of(mode, rules[0], (29_000_000, 4, 2000), 3.0, signals, dict(zip(rules, weights, strict=True)))
    return replace(basis, lead=draw(LEADS))


def proposal_of(basis):
    return Proposal(basis.target, "rule", True, basis)


def proposed_units(text):
    """The units that the text of a proposal ends with, or of the rule that is followed alone."""
    text, _, lead = text.partition("; leading signal ")
    units = units_of_candidates(text)
    return units if not lead else units_of_lead(lead, units)


def units_of_lead(text, without):
    """The units that the text of a leading signal ends with, computed from its value and ratio."""
    if (found := LEAD.search(text)) is None:
        assert text.endswith("not used")
        return without
    value, ratio, most, forecast, use = found.groups()
    assert int(forecast) == min(int(float(ratio) * float(value) + 0.5), int(most or MOST))
    if use == ", not followed":
        return without
    if use.startswith(", max"):
        assert use == f", max({without}, {forecast}) = {max(without, int(forecast))}"
        return max(without, int(forecast))
    assert use == f", instead of {without}"
    return int(forecast)


def units_of_candidates(text):
    """The units of the candidates."""
    if (found := ENSEMBLE.search(text)) is not None:
        assert rounded_mean(float(found[1])) == int(found[2])
        return int(found[2])
    rule = re.split(r", (?:followed alone|the only rule)", text)[0]
    return int(re.search(r"= (\d+)$", rule)[1])


def followed(plan):
    """The target by the texts alone, from reason to reason."""
    target = None
    for reason in plan.reasons:
        if reason.code is ReasonCode.PROPOSED:
            target = proposed_units(reason.text)
        elif (found := CHANGE.search(reason.text)) is not None:
            assert found[1] is None or target is None or int(found[1]) == target, plan.text
            target = int(found[3])
        else:
            assert reason.before == reason.after, reason.text
    return target


@examples(400)
@given(POLICIES, STATES, SEEN, bases())
def test_the_target_follows_from_the_texts(policy, state, seen, basis):
    seen = replace(seen, demand=replace(seen.demand, proposal=proposal_of(basis)))
    plan = make_plan(policy, state, seen, guardrails_for(seen))
    assume(plan.requested is not None)

    assert followed(plan) == plan.target, plan.text


@examples(200)
@given(POLICIES, STATES, SEEN, bases(), bases())
def test_decisions_with_another_target_or_other_values_of_the_deciding_rule_never_read_the_same(policy, state, seen, one, other):
    plans = []
    for basis in (one, other):
        demand = replace(seen.demand, freshness=DataFreshness.FRESH, proposal=proposal_of(basis))
        view = replace(seen, demand=demand, leaving=None)
        plans.append((basis, make_plan(policy, state, view, guardrails_for(view))))
    (_, first), (_, second) = plans
    assume(first.requested is not None)
    values = [(basis.leader, [basis.signals[name] for name in basis.leader.signals]) for basis in (one, other)]

    assert first.text != second.text or (first.target == second.target and values[0] == values[1])


@examples(200)
@given(bases())
def test_the_ensemble_is_the_mean_of_its_rules_by_weight(basis):
    rules = basis.rules()

    assert basis.exact == sum(each.weight * each.units for each in rules) / sum(each.weight for each in rules)
    assert basis.mode is not SelectionMode.ENSEMBLE or basis.without_lead == rounded_mean(float(exact_text(basis.exact)))


def text_of(code, policy=None, state=None, **changes):
    policy = policy or pool_policy()
    seen = observation(**({"requested": 5, "proposed": 9.0} | changes))
    plan = make_plan(policy, state or PoolState(), seen, guardrails_for(seen))
    return next(reason.text for reason in plan.reasons if reason.code is code)


PAUSE = Override(Kind.PAUSE, NOON + HOUR, "ana", "load test")
PIN = Override(Kind.PIN, NOON + HOUR, "ana", "launch", 20)
BOOST = Override(Kind.BOOST, NOON + HOUR, "ana", "launch", factor=2.0)
PREWARM = Override(Kind.PREWARM, NOON + HOUR, "app", "users", 12, steps=((12, NOON + HOUR),))
DAY = {"name": "day", "cron": "0 8 * * *", "timezone": "UTC", "duration": 10 * HOUR}
RECENT_TARGETS = PoolState(recommendations=((NOON - 16 * MINUTE, 4), (NOON - 12 * MINUTE, 4), (NOON - 8 * MINUTE, 4),
                                            (NOON - 4 * MINUTE, 7)))


@pytest.mark.parametrize(("text", "code", "changes"), [
    ("the floor `min: 12` of the policy: 9 -> 12", ReasonCode.FLOOR, {"policy": pool_policy(min=12)}),
    ("the ceiling `max: 7` of the policy: 9 -> 7", ReasonCode.CEILING, {"policy": pool_policy(max=7)}),
    ("floor 12 of schedule day: 9 -> 12", ReasonCode.SCHEDULE, {"policy": pool_policy(schedules=(Schedule(**DAY, min=12),))}),
    ("ceiling 7 of schedule day: 9 -> 7", ReasonCode.SCHEDULE, {"policy": pool_policy(schedules=(Schedule(**DAY, max=7),))}),
    ("max_step_up 2 from 5 requested: 9 -> 7", ReasonCode.STEP_LIMIT, {"policy": pool_policy(max_step_up=2)}),
    ("max_step_down 1 from 5 requested: 2 -> 4", ReasonCode.STEP_LIMIT,
     {"policy": pool_policy(max_step_down=1), "proposed": 2.0}),
    ("just started, not below 5 requested until demand is read in this run: 2 -> 5", ReasonCode.RESTARTED,
     {"proposed": 2.0, "settled": False}),
    ("demand of 3 of the last minutes is unknown, not below 5 requested until enough is known: 2 -> 5",
     ReasonCode.UNKNOWN_MINUTES, {"proposed": 2.0, "unknown_minutes": 3}),
    ("7 was recommended at 11:56, within the last 15 min, and 8 are requested: 2 -> 7", ReasonCode.SCALE_DOWN_DELAY,
     {"policy": pool_policy(scale_down_delay=15 * MINUTE), "state": RECENT_TARGETS, "proposed": 2.0, "requested": 8}),
    ("recommendations of the last 15 min are incomplete, not below 8 requested: 2 -> 8", ReasonCode.SCALE_DOWN_DELAY,
     {"policy": pool_policy(scale_down_delay=15 * MINUTE), "proposed": 2.0, "requested": 8}),
    ("5 requested units are paid for another 120 s of their billing step: 2 -> 5", ReasonCode.BILLING_STEP,
     {"state": PoolState(raised_at=NOON - 3 * MINUTE), "billing_step": 5 * MINUTE, "proposed": 2.0}),
    ("budget: 20.00 of 50 USD spent this month, which leaves 7 units at 0.0001 USD a minute until its end: 9 -> 7",
     ReasonCode.BUDGET, {"policy": pool_policy(budget_usd_per_month=50.0), "usd_per_unit_minute": 1e-4,
                         "state": PoolState(month="2026-03", spent_usd=20.0, metered_at=NOON)}),
    ("the provider allows at most 4 units, 5 are requested already: 9 -> 5", ReasonCode.QUOTA, {"allowed": 4}),
    ("agent has 7 units of reserved concurrency, so at most 7 units: raise it: 9 -> 7", ReasonCode.QUOTA,
     {"allowed": 7, "limit": Limit("reserved-concurrency", "agent has 7 units of reserved concurrency", "raise it")}),
    ("pause until 2026-03-02 13:00 UTC by ana (load test): 9 -> held at 5", ReasonCode.PAUSED, {"overrides": (PAUSE,)}),
    ("pin 20 until 2026-03-02 13:00 UTC by ana (launch): 9 -> 20", ReasonCode.PINNED, {"overrides": (PIN,)}),
    ("pin 20 until 2026-03-02 13:00 UTC by ana (launch): stays 20", ReasonCode.PINNED, {"overrides": (PIN,), "proposed": 20.0}),
    ("boost x2 until 2026-03-02 13:00 UTC by ana (launch): 9 -> 18", ReasonCode.BOOSTED, {"overrides": (BOOST,)}),
    ("prewarm request for 12 units, prewarm 12 until 2026-03-02 13:00 UTC by app (users): 9 -> 12", ReasonCode.PREWARMED,
     {"overrides": (PREWARM,)}),
    ("launch brings 40: 9 -> 40", ReasonCode.EVENT, {"announced": EventDemand("launch brings 40", 40.0)}),
    ("standby, because ada leads: 9 -> held at 5", ReasonCode.STANDBY, {"standby": "ada leads"}),
    ("another party set 5 at 11:40 UTC (Stoker had set 8), no write until 12:40 UTC: 9 -> held at 5", ReasonCode.FOREIGN_WRITE,
     {"state": PoolState(written=8, written_at=NOON - HOUR, foreign_since=NOON - 20 * MINUTE, foreign_requested=5)}),
    ("8 was requested less than 2 min ago and 5 is shown, no write until the cause is clear: 9 -> held at 5",
     ReasonCode.FOREIGN_WRITE, {"state": PoolState(written=8, written_at=NOON - MINUTE)}),
    ("the 8 units that Stoker had set are gone, the floor is 2: requesting 9 again", ReasonCode.SETTING_GONE,
     {"policy": pool_policy(min=2), "requested": 0, "state": PoolState(written=8, written_at=NOON - HOUR)}),
    ("a rollout is in progress: 9 -> held at 5", ReasonCode.BLOCKED,
     {"reading": capacity(5, blocked=Conflict("a rollout is in progress"))}),
    ("allocation failed (out of memory), requested again from 12:10 UTC on: 9 -> held at 5", ReasonCode.ALLOCATION_FAILED,
     {"reading": capacity(5, 2, phase=Phase.FAILED, changed_at=NOON - 5 * MINUTE, detail="out of memory")}),
    ("metrics are late, the newest is 3 min old, on_missing_metrics hold: held at 5", ReasonCode.METRICS_MISSING,
     {"freshness": DataFreshness.LATE}),
    ("metrics are late, the newest is 3 min old, on_missing_metrics floor, the highest of requested 5, floor 6: 5 -> 6",
     ReasonCode.METRICS_MISSING, {"freshness": DataFreshness.LATE, "policy": pool_policy(min=6, on_missing_metrics="floor")}),
    (("metrics are late, the newest is 3 min old, on_missing_metrics forecast, the highest of requested 5, floor 0, last "
      "proposal 9: 5 -> 9"),
     ReasonCode.METRICS_MISSING, {"freshness": DataFreshness.LATE, "policy": pool_policy(on_missing_metrics="forecast")}),
    ("the daemon stops, on_exit: floor requests the floor 2: 5 -> 2", ReasonCode.ON_EXIT,
     {"leaving": "floor", "policy": pool_policy(min=2)}),
    ("the daemon stops, on_exit: release restores the 3 units from before Stoker: 5 -> 3", ReasonCode.ON_EXIT,
     {"leaving": "release", "state": PoolState(written=5, original_requested=3)}),
    ("units_per_tick 3 leave no more: 9 -> 8", ReasonCode.FLEET_CHANGES,
     {"bounds": (Bound(ReasonCode.FLEET_CHANGES, "units_per_tick 3 leave no more", 5, 8),)}),
])
def test_each_guardrail_states_its_limit_its_inputs_and_the_target_before_and_after(text, code, changes):
    assert text_of(code, **changes) == text


def test_a_short_history_is_stated_in_minutes():
    basis = ProposalBasis.of(SelectionMode.ALONE, CANDIDATES[RECENT], (29_000_000, 4, 612), 3.0, {"recent 60": 9},
                             {CANDIDATES[RECENT]: 4096})
    text = text_of(ReasonCode.SHORT_HISTORY, proposal=Proposal(9.0, "rule", False, basis))

    assert text == "612 min of demand are known, rules are compared from 24 h on"

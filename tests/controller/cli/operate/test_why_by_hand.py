"""The target follows from what `stoker why` prints: by its text alone, and exactly by its JSON."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from controller.cli.operate.why_text import lines
from controller.decision.costs.cost_model import CostTerms
from controller.decision.planning.guardrails import guardrails_for
from controller.decision.planning.observation import DataFreshness, Proposal
from controller.decision.planning.plan import PlannedDecision
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.record.changes import since_body
from controller.decision.planning.record.decision_record import inputs_body, plan_body, redact_observation, replayed
from controller.decision.selection.candidates import CANDIDATES
from controller.decision.selection.rule_table import heaviest_body
from controller.decision.selection.selector import CandidateSelector
from controller.http.handlers.why import body as why_body
from controller.redaction.known_secrets import HIDDEN
from tests.builders import observation, pool_policy
from tests.by_hand import Wrong, target_of
from tests.controller.decision.planning.record.test_decision_record import POLICIES, SEEN, STATES
from tests.controller.decision.planning.test_reason_texts import bases, proposal_of
from tests.examples import examples

WIDE = 100_000
TERMS = CostTerms(idle=2.5e-4, warm_busy=5.8e-4, on_demand=1e-3, init_seconds=8.0, cold_start_cost_usd=0.05, metric_delay=2,
                  lead_time=2, keep_alive=6)
BILLS = np.arange(len(CANDIDATES) + 1) / 7


def explained(policy, state, seen, before=None):
    """The plan of an observation, and the JSON of `why` about it, as read from the wire."""
    seen = redact_observation(seen)
    plan = make_plan(policy, state, seen, guardrails_for(seen))
    inputs = inputs_body(PlannedDecision(policy, state, seen, plan))
    basis = plan.proposal.basis.detach()
    since = None if before is None else since_body(before, plan)
    inputs["weighed"] = {"forecast": None, **heaviest_body(basis, BILLS), "since": since}
    record = {"pool": "agent", "at": plan.at.isoformat(), **plan_body(plan), "inputs": inputs}
    return plan, json.loads(json.dumps(why_body("agent", None, record, [])))


RULES = bases().map(lambda basis: replace(basis, lead=None))
"""Without a leading signal, whose text has a test of its own."""


def printed(body, width=WIDE):
    return "\n".join(lines(body, width))


@examples(300)
@given(POLICIES, STATES, SEEN, RULES)
def test_the_target_follows_from_the_text_alone(policy, state, seen, basis):
    seen = replace(seen, demand=replace(seen.demand, proposal=proposal_of(basis)))
    plan, body = explained(policy, state, seen)
    if plan.requested is None or HIDDEN in printed(body):  # a name like a secret hides the number after it
        return

    assert target_of(printed(body)) == plan.target, printed(body)


@examples(200)
@given(RULES)
def test_the_proposal_follows_exactly_from_the_json(basis):
    _, body = explained(pool_policy(max=1000), PoolState(), observation(proposal=proposal_of(basis)))
    rules, ensemble = body["rules"], body["record"]["inputs"]["weighed"]["ensemble"]
    exact = sum(each["weight"] * each["units"] for each in rules) / sum(each["weight"] for each in rules)

    assert exact == ensemble["exact"]
    assert ensemble["mode"] != "ensemble" or body["record"]["target"] == math.ceil(exact - 0.5)
    assert len(rules) == ensemble["rules"]
    assert len(set(replayed(body["record"]))) == 1


@examples(150)
@given(st.data(), RULES)
def test_a_wrong_number_in_the_text_is_detected(data, basis):
    """A number of a rule, of the ensemble or of a reason that is off by one unit or by 2 % of weight contradicts the others."""
    assume(basis.mode.name == "ENSEMBLE" and len(basis.weights) > 1)
    policy = pool_policy(max=max(1, basis.target - 1)) if basis.target > 1 else pool_policy(min=basis.target + 1)
    plan, body = explained(policy, PoolState(), observation(proposal=proposal_of(basis)))
    text = printed(body)
    assert target_of(text) == plan.target
    start, end = text.index("  rules"), text.index("  provider")
    places = [(match.start() + start, match.group(), kind) for kind, pattern in PLACES.items()
              for match in pattern.finditer(text[start:end])]
    at, number, kind = data.draw(st.sampled_from(places))
    wrong = f"{float(number) + 2:.1f}" if kind == "share" else str(int(number) + 1) if "." not in number else \
        f"{float(number) + 1:.{len(number.split('.')[1])}f}"
    changed = text[:at] + wrong + text[at + len(number) :]
    try:
        found = target_of(changed)
    except Wrong:
        return
    assert found != plan.target, f"{kind}: {number} -> {wrong}\n{changed}"


PLACES = {
    "asks": re.compile(r"(?<= )\d+(?= +<?[\d.]+ % +-?[\d.]+  )"),
    "share": re.compile(r"(?<= )\d+\.\d(?= % +-?[\d.]+  )"),
    "sum": re.compile(r"(?<=[)×\d] = )\d+(?=$|, \+ margin)", re.MULTILINE),
    "ensemble": re.compile(r"(?<=by weight )[\d.]+(?= ->)|(?<=-> )\d+(?=, cost)"),
    "reason": re.compile(r"(?<=\d -> )\d+$|(?<![\d.])\d+(?= -> \d+$)", re.MULTILINE),
}


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_longer_than_the_terminal(width):
    rng = np.random.default_rng(7)
    peak = rng.poisson(9, (1, 3000)).astype(np.float32)
    selector = CandidateSelector([TERMS])
    choice = selector.advance(peak, peak / 2, peak, 29_000_000)
    proposal = Proposal(float(choice.target[0, -1]), "rule", True, selector.bases()[0])
    earlier, _ = explained(pool_policy(), PoolState(), observation(proposed=3.0, proposal=proposal))
    _, body = explained(pool_policy(max=4), PoolState(), observation(requested=2, proposal=proposal), earlier)
    text = printed(body, width).splitlines()

    assert max(map(len, text)) <= width
    assert " ".join(" ".join(text).split()) == " ".join(printed(body).split())


def test_the_target_follows_at_every_minute_of_a_replayed_history():
    rng = np.random.default_rng(11)
    minutes = 2200
    peak = rng.poisson(8 + 6 * np.sin(np.arange(minutes) / 200), (1, minutes)).astype(np.float32)
    selector, policy, before = CandidateSelector([TERMS]), pool_policy(min=3, max=18, max_step_up=4), None
    selector.advance(peak[:, :2000], peak[:, :2000] / 2, peak[:, :2000], 29_000_000)
    requested, texts = 5, {}
    for minute in range(2000, minutes, 5):
        rows = peak[:, minute : minute + 5]
        choice = selector.advance(rows, rows / 2, rows, 29_000_000 + minute)
        proposal = Proposal(float(choice.target[0, -1]), "rule", True, selector.bases()[0])
        plan, body = explained(policy, PoolState(), observation(requested=requested, proposal=proposal), before)
        assert target_of(printed(body)) == plan.target
        steps = [each["text"] for each in body["record"]["inputs"]["weighed"]["since"]["changes"]] if before else []
        assert before is None or before.target == plan.target or steps[-1] == f"target {before.target} -> {plan.target}"
        key = plan.text
        assert texts.setdefault(key, plan.target) == plan.target
        before, requested = plan, plan.target
    assert len(texts) > 20


@examples(20)
@given(RULES)
def test_missing_metrics_are_explained_with_the_numbers_that_decide(basis):
    policy = pool_policy(min=6, on_missing_metrics="floor")
    plan, body = explained(policy, PoolState(),
                           observation(requested=5, freshness=DataFreshness.LATE, proposal=proposal_of(basis)))

    assert target_of(printed(body)) == plan.target == 6


def test_the_example_of_the_docs_is_right():
    text = (Path(__file__).parents[4] / "docs" / "reasons.md").read_text()
    example = re.search(r"```\n(chat .*?)```", text, re.DOTALL)[1]
    whole = re.sub(r"\n {17,}(?=\S)(?!\d)", " ", example)  # wrapped lines

    assert target_of(whole) == 24

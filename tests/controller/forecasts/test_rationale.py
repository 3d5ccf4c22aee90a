"""Rationale of a proposal: recorded with the decision, and no input of the plan."""

import json
import math

import numpy as np
import structlog

from controller.decision.costs.cost_model import CostTerms
from controller.decision.planning.record.decision_record import replayed
from controller.decision.selection.candidates import CANDIDATES, NAIVE
from controller.decision.selection.rule_table import HEAVIEST, heaviest_body, rules_body
from controller.decision.selection.selector import CandidateSelector
from controller.fleet.decision_log import DecisionLog
from controller.forecasts.capacity_forecast import AHEAD_MINUTES
from tests.fakes import steady
from tests.services import serving

TERMS = CostTerms(idle=2.5e-4, warm_busy=5.8e-4, on_demand=1e-3, init_seconds=8.0, cold_start_cost_usd=0.05, metric_delay=2,
                  lead_time=2, keep_alive=6)


def trained_selector(days: int = 3, pools: int = 2) -> CandidateSelector:
    """Return a selector whose first pool has a burst every hour; the others have constant demand."""
    minutes = days * 1440
    peak = np.zeros((pools, minutes), np.float32)
    peak[0] = np.where(np.arange(minutes) % 60 < 10, 12, 1)
    selector = CandidateSelector([TERMS] * pools)
    selector.advance(peak, peak / 2, peak, 0)
    return selector


def basis_of(selector, pool=0):
    return selector.bases()[pool].detach()


def test_costs_equal_the_selectors_and_shares_add_up_to_one():
    selector = trained_selector()
    (_, cohort), = selector._cohorts
    costs = selector.costs(0)

    np.testing.assert_allclose(costs.bills, cohort.bills()[:, 0])
    assert costs.shares.sum() == 1
    assert costs.shares[costs.bills[:-1].argmin()] == costs.shares.max()


def test_the_heaviest_and_the_naive_rules_are_listed_in_under_3500_characters():
    selector = trained_selector()
    basis = basis_of(selector)
    rationale = heaviest_body(basis, selector.costs(0).bills)
    shares = [each["share"] for each in rationale["rules"]]

    assert len(shares) == HEAVIEST
    assert shares == sorted(shares, reverse=True)
    assert [each["usd"] for each in rationale["naive"]] == sorted(each["usd"] for each in rationale["naive"])
    assert {each["rule"] for each in rationale["naive"]} == {CANDIDATES[rule].name for rule in NAIVE}
    assert len(json.dumps(rationale)) < 3500


def test_the_ensemble_follows_from_the_heaviest_rules_and_the_sum_of_the_others():
    selector = trained_selector()
    rationale = heaviest_body(basis_of(selector), selector.costs(0).bills)
    others, ensemble = rationale["others"], rationale["ensemble"]
    mean = sum(each["share"] * each["units"] for each in rationale["rules"]) + others["share"] * others["units"]

    assert ensemble["rules"] == HEAVIEST + others["rules"]
    assert abs(mean - ensemble["exact"]) < 1e-3
    assert ensemble["units"] == math.ceil(ensemble["exact"] - 0.5)


def test_the_json_of_all_rules_gives_the_ensemble_exactly():
    basis = basis_of(trained_selector())
    rules = rules_body(basis)

    assert sum(each["weight"] * each["units"] for each in rules) / sum(each["weight"] for each in rules) == basis.exact
    assert all(each["text"].endswith(f"= {each['units']}") for each in rules)
    assert all(str(value) in each["text"] for each in rules for value in each["signals"].values())


async def test_the_rationale_is_recorded_and_replay_does_not_need_it(tmp_path):
    async with serving(tmp_path) as here:
        accuracy = here.components.forecasts.rotation.accuracy
        minute = int(here.clock.now().timestamp() // 60) - 5
        accuracy.set_forecast("a", minute, np.tile(np.array([3.0, 4.5, 9.25], np.float32), (AHEAD_MINUTES, 1)))
        here.source.traffic = {"a": steady(20), "b": steady(7)}
        await here.ticks(5)
        _, body, _ = await here.ask("GET", "/v1/decisions?pool=a&limit=1")
        _, now, _ = await here.ask("GET", "/v1/pools/a/why")

    (item,) = body["items"]
    rationale = item["inputs"]["weighed"]
    assert rationale["forecast"]["peak_below"] == {"0.5": 3.0, "0.9": 4.5, "0.99": 9.25}
    assert rationale["rules"]
    assert len(set(replayed(item))) == 1
    assert now["record"]["inputs"]["weighed"]["rules"]
    assert [each["weight"] for each in now["rules"]] == [4096]
    without = {**item, "inputs": {key: value for key, value in item["inputs"].items() if key != "weighed"}}
    assert replayed(without) == replayed(item)


async def test_a_failing_rationale_does_not_prevent_the_record(tmp_path):
    async with serving(tmp_path) as here:
        journal: DecisionLog = here.components.decision_log
        journal._explain = lambda plan: {}["nothing"]
        here.source.traffic = {"a": steady(20), "b": steady(7)}
        with structlog.testing.capture_logs() as logs:
            await here.ticks(5)
            status, _, _ = await here.ask("GET", "/v1/pools/a/why")
        _, body, _ = await here.ask("GET", "/v1/decisions?pool=a&limit=1")

    assert (status, body["items"][0]["target"]) == (200, 20)
    assert "not-explained" in {line["event"] for line in logs}

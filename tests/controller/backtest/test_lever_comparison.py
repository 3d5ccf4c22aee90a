"""Bills of the same traffic with each lever."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.kinds import policy_kinds
from config.model.policy import Assume
from controller.backtest.lever_comparison import layers_of, under_each_lever
from controller.backtest.replay import replay
from controller.decision.costs.bill import bill_of, judged_demand
from controller.decision.costs.cost_model import terms_of
from forecasting.demand import DemandSeries
from tests.builders import pool_policy

OWN = "lambda-provisioned-concurrency"


def steady_and_idle() -> DemandSeries:
    """Rare single requests."""
    peak = np.zeros(3 * 1440, np.float32)
    peak[::45] = 1
    return DemandSeries(29_000_160, peak, peak * np.float32(0.02), peak)


@pytest.fixture(scope="module")
def comparison():
    pool, demand = pool_policy(mode="shadow", max=50, memory_mb=1024, init_seconds=8.0), steady_and_idle()
    return pool, demand, under_each_lever(pool, demand, judged_demand(demand), Assume(), layers_of(policy_kinds().levers))


def test_every_lever_is_priced_the_cheapest_first(comparison):
    _, _, alternatives = comparison

    pairs = {"lambda-provisioned-concurrency + lambda-ping", "cloud-run-min-instances + http-ping"}
    assert {one.kind for one in alternatives} == set(policy_kinds().levers) | pairs
    assert [one.stoker.total_usd for one in alternatives] == sorted(one.stoker.total_usd for one in alternatives)


def test_the_bill_of_the_own_lever_equals_the_backtest(comparison):
    pool, demand, alternatives = comparison
    terms = terms_of(pool, Assume())
    own = next(one for one in alternatives if one.kind == OWN)

    assert own.stoker == bill_of(judged_demand(demand), replay(pool, demand, terms, Assume()).target, terms)


def test_rare_traffic_is_cheapest_kept_warm_by_pings(comparison):
    _, _, alternatives = comparison
    by_kind = {one.kind: one for one in alternatives}

    assert by_kind["lambda-ping"].stoker.total_usd < by_kind[OWN].stoker.total_usd
    assert by_kind["lambda-ping"].stoker.cold_starts < by_kind["lambda-ping"].nothing.cold_starts / 2


def test_layers_cost_hardly_more_than_the_cheaper_of_their_levers(comparison):
    _, _, alternatives = comparison
    by_kind = {one.kind: one.stoker.total_usd for one in alternatives}
    both = by_kind[f"{OWN} + lambda-ping"]

    assert both < 1.2 * min(by_kind[OWN], by_kind["lambda-ping"])


def test_prices_of_the_policy_apply_to_its_own_lever_only():
    from config.model.policy import PriceOverride

    demand = steady_and_idle()
    dear = pool_policy(mode="shadow", max=50, memory_mb=1024, init_seconds=8.0,
                       prices=PriceOverride(idle=1.0, warm_busy=1.0, on_demand=1.0))
    levers = layers_of(policy_kinds().levers)
    by_kind = {one.kind: one for one in under_each_lever(dear, demand, judged_demand(demand), Assume(), levers)}

    assert by_kind[OWN].nothing.baseline_usd > 1000 * by_kind["lambda-ping"].nothing.baseline_usd


def test_each_lever_has_its_own_keep_alive_unless_the_policy_sets_one_for_all():
    pool, demand = pool_policy(mode="shadow", max=50, memory_mb=1024, init_seconds=8.0), every_eighteen_minutes()
    kinds = (OWN, "cloud-run-min-instances")
    own, on_cloud_run = (one.nothing.cold_starts for one in _by_kind(pool, demand, Assume(), kinds))
    for_all = [one.nothing.cold_starts for one in _by_kind(pool, demand, Assume(keep_alive=timedelta(minutes=6)), kinds)]

    assert own == 1, "the first unit lives for 20 minutes and serves the next request"
    assert on_cloud_run == 80, "each request starts an instance that lives for 15 minutes"
    assert for_all == [80, 80]


def every_eighteen_minutes() -> DemandSeries:
    peak = np.zeros(1440, np.float32)
    peak[::18] = 1
    return DemandSeries(29_000_160, peak, peak * np.float32(0.02), peak)


def _by_kind(pool, demand, assume, kinds):
    alternatives = under_each_lever(pool, demand, judged_demand(demand), assume, [(kind,) for kind in kinds])
    return sorted(alternatives, key=lambda one: kinds.index(one.kind))

"""Pools whose reads do not pay are read less often, and a limit of the fleet slows those that save least."""

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.demand.reading.budget import ReadCost, slowed_pools


def pool(usd=0.4, saving=10.0, slowed=False):
    return ReadCost(usd, 0.12, saving, slowed)


def test_a_pool_whose_reads_cost_more_than_its_units_save_is_slowed_and_says_so():
    reasons = slowed_pools({"a": pool(saving=0.1), "b": pool(), "c": pool(saving=-3.0)}, 1.0, None)

    assert set(reasons) == {"a", "c"}
    assert "costs 0.40 USD per month, more than the 0.10 USD that its units save" in reasons["a"]
    assert "0.00 USD that its units save" in reasons["c"]


def test_an_unknown_saving_slows_nothing():
    assert slowed_pools({"a": pool(saving=nan)}, 1.0, None) == {}


def test_a_slowed_pool_is_read_again_once_it_saves_clearly_more():
    assert set(slowed_pools({"a": pool(saving=0.5, slowed=True)}, 0.0, None)) == {"a"}
    assert slowed_pools({"a": pool(saving=0.7, slowed=True)}, 0.0, None) == {}


def test_a_limit_slows_the_pools_that_save_least_per_dollar():
    pools = {"new": pool(usd=1.05, saving=nan), "much": pool(saving=90.0), "some": pool(saving=9.0), "little": pool(saving=3.0)}

    assert list(slowed_pools(pools, 0.0, 2.3)) == []
    assert list(slowed_pools(pools, 0.0, 2.0)) == ["little"]
    assert list(slowed_pools(pools, 0.3, 2.0)) == ["little", "some"]
    assert list(slowed_pools(pools, 0.0, 0.01)) == ["little", "some", "much", "new"]
    assert "metric_reads_usd_per_month 2 of the limits" in slowed_pools(pools, 0.0, 2.0)["little"]


savings = st.one_of(st.just(nan), st.floats(-5, 99))
costs = st.dictionaries(st.sampled_from("abcdefgh"), st.builds(pool, st.floats(0.1, 2), savings, st.booleans()), max_size=8)


@given(costs, st.floats(0, 3), st.one_of(st.none(), st.floats(0.01, 20)))
def test_the_total_is_within_the_limit_where_slowing_can_reach_it(pools, shared, limit):
    slowed = slowed_pools(pools, shared, limit)
    total = shared + sum(min(each.usd, each.slow_usd) if name in slowed else each.usd for name, each in pools.items())
    least = shared + sum(min(each.usd, each.slow_usd) for each in pools.values())

    if limit is not None:
        assert total <= limit + 1e-9 or total == pytest.approx(least)

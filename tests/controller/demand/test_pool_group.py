import json
from dataclasses import asdict, replace
from datetime import timedelta

import pytest

from controller.decision.costs.cost_model import CostTerms, Pings, TopTerms
from controller.decision.planning.observation import DataFreshness
from controller.demand.collector import DemandCollector
from controller.demand.pool_group import SPANS_EVERY, Budget, PoolGroup, differ, stored_terms
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from tests.builders import NOON
from tests.fakes import FakeSource, steady

TERMS = CostTerms(1e-4, 2e-4, 1e-3, 8.0, 0.05, metric_delay=2, lead_time=2, keep_alive=6)


@pytest.fixture
async def region(tmp_path):
    store = AsyncStore(Store(tmp_path / "stoker.db"))
    terms = {"a": TERMS}
    made = PoolGroup(DemandCollector(FakeSource({"a": steady(3)}), ["a"], store, timedelta(minutes=2)), lambda: terms, Budget(9,
                                                                                                                              9))
    made.known = terms
    yield made
    await store.close()


async def test_a_proposal_counts_after_all_history_was_read(region):
    assert region.view("a", NOON).proposal is None

    await region.gather(NOON)
    assert region.view("a", NOON).proposal.target == 3


async def test_a_pool_is_settled_after_a_fresh_read_and_stays_settled(region):
    assert not region.view("a", NOON).settled
    await region.gather(NOON)
    assert region.view("a", NOON).settled
    region.collector.source.silent = {"a": None}

    assert region.view("a", NOON + timedelta(hours=1)).settled


async def test_a_new_price_replaces_the_proposer_at_once_with_all_history(region):
    await region.gather(NOON)
    was = region.proposer
    region.known["a"] = replace(TERMS, idle=2e-4)

    assert await region.retune(NOON)
    assert region.proposer is not was
    assert region.view("a", NOON).proposal.target == 3


PER_SECOND = replace(TERMS, cold_start_cost_usd_per_second=0.01, cold_start_cost_usd=0.08)


@pytest.mark.parametrize(("was", "changes", "replays"), [
    (PER_SECOND, {"init_seconds": 8.9, "cold_start_cost_usd": 0.089}, False),
    (PER_SECOND, {"init_seconds": 12.0, "cold_start_cost_usd": 0.12}, True),
    (PER_SECOND, {"cold_start_cost_usd_per_second": 0.011, "cold_start_cost_usd": 0.088}, True),
    (TERMS, {"cold_start_cost_usd_per_second": 0.05}, True),
    (replace(PER_SECOND, init_seconds=0.2), {"init_seconds": 0.3, "cold_start_cost_usd": 0.003}, True),
    (replace(TERMS, init_seconds=0.2), {"init_seconds": 0.3}, False),
])
def test_a_price_per_second_changes_with_the_initialisation_alone(was, changes, replays):
    assert differ(replace(was, **changes), was, prices_only=True) is replays


async def test_a_pool_with_missing_newest_minutes_uses_the_last_known_ones(tmp_path):
    store = AsyncStore(Store(tmp_path / "stoker.db"))
    terms = {"a": replace(TERMS, idle=5e-4), "b": TERMS}  # only what is steadily busy is worth keeping warm
    source = FakeSource({"a": steady(9), "b": steady(3)}, history=timedelta(days=2))
    region = PoolGroup(DemandCollector(source, ["a", "b"], store, timedelta(minutes=2)), lambda: terms, Budget(9, 9))
    await region.gather(NOON)
    wanted = region.view("a", NOON).proposal
    source.silent = {"a": None}
    for minute in range(1, 7):
        await region.gather(NOON + timedelta(minutes=minute))

    view = region.view("a", NOON + timedelta(minutes=6))
    await store.close()
    assert view.freshness is DataFreshness.FRESH
    assert (wanted.target, wanted.candidate) == (8, "weighted ensemble (top rule: demand sustained for 5 min)")
    assert view.proposal == wanted


@pytest.mark.parametrize("change", [{"keep_alive": 15}, {"billing_step": 5}])
async def test_a_new_keep_alive_and_a_new_billing_step_replace_the_proposer_at_once(region, change):
    await region.gather(NOON)
    assert not await region.retune(NOON)
    region.known["a"] = replace(TERMS, **change)

    assert await region.retune(NOON)
    assert not await region.retune(NOON)


async def test_for_an_hour_plans_name_the_keep_alive_before_and_after(region):
    await region.gather(NOON)
    region.known["a"] = replace(TERMS, keep_alive=15)
    await region.retune(NOON)
    soon, later = (region.view("a", NOON + minutes * timedelta(minutes=1)).keep_alive_change for minutes in (59, 60))

    assert soon == "keep-alive 6 -> 15 min: all rules were scored again at 12:00 UTC"
    assert later == ""


async def test_a_varying_measured_keep_alive_replaces_the_proposer_at_most_every_six_hours(region):
    await region.gather(NOON)
    region.known["a"] = replace(TERMS, keep_alive=15)
    await region.retune(NOON)
    region.known["a"] = replace(TERMS, keep_alive=11)

    assert not await region.retune(NOON + SPANS_EVERY / 2)
    assert await region.retune(NOON + SPANS_EVERY)


async def test_unchanged_terms_do_not_replace_the_proposer(region):
    await region.gather(NOON)

    assert not await region.retune(NOON)


async def test_a_reread_history_is_learned_once(region):
    await region.gather(NOON)
    region.collector.rewritten, was = True, region.proposer

    assert await region.retune(NOON)
    assert region.proposer is not was
    assert not await region.retune(NOON)


async def test_varying_durations_are_used_every_six_hours_only(region):
    await region.gather(NOON)
    region.known["a"] = replace(TERMS, lead_time=3)
    assert await region.retune(NOON)
    region.known["a"] = replace(TERMS, lead_time=2)

    assert not await region.retune(NOON + SPANS_EVERY / 2)
    assert await region.retune(NOON + SPANS_EVERY)


async def test_a_proposer_that_is_still_learning_is_not_used(region):
    await region.gather(NOON)
    was, rows = region.proposer, region.collector.rows
    seen = []

    async def watch(first, end):
        seen.append(region.proposer is was)
        return await rows(first, end)
    region.collector.rows = watch
    region.known["a"] = replace(TERMS, idle=2e-4)
    await region.retune(NOON)

    assert seen
    assert all(seen)


@pytest.mark.parametrize("changes", [{}, {"top": TopTerms(1e-6, Pings(0.25, 0.1, 120.0))}, {"pings": Pings(0.25, 0.1, 120.0)}])
def test_the_terms_of_a_snapshot_are_those_that_were_stored(changes):
    terms = replace(TERMS, **changes)
    again = stored_terms(json.loads(json.dumps(asdict(terms))))

    assert (again, again.top, again.pings) == (terms, terms.top, terms.pings)

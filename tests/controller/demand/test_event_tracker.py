"""Announced events in the daemon: learned from the store, and the same as in the backtest."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import structlog

from config.model.event import Event
from controller.backtest.replay import propose
from controller.decision.costs.cost_model import CostTerms
from controller.decision.events.forecast_adjustment import events_of, without_events
from controller.decision.planning.observation import DataFreshness
from controller.demand.collector import DemandCollector
from controller.demand.event_tracker import MOST_A_TICK, EventTracker
from controller.demand.pool_group import Budget, PoolGroup
from controller.store.async_store import AsyncStore
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON, pool_policy
from tests.fakes import FakeSource, steady

TERMS = CostTerms(1e-4, 2e-4, 1e-3, 8.0, 0.05, metric_delay=2, lead_time=2, keep_alive=6)
MINUTE = timedelta(minutes=1)
LAUNCH = Event.model_validate({"name": "launch", "start": "2026-03-02T12:30", "duration": "1h", "factor": 8})


def traffic(minute: int) -> float:
    """Three at once, and thirty while there is a launch."""
    return 30.0 if minute_of(NOON) + 30 <= minute < minute_of(NOON) + 90 else 3.0 + minute % 2


def region_of(store: AsyncStore, source: FakeSource, tmp_path, *names: str) -> PoolGroup:
    pools = [pool_policy(name=name, events=(LAUNCH,) if name == "a" else ()) for name in names]
    intake = DemandCollector(source, list(names), store, 2 * MINUTE)
    return PoolGroup(intake, lambda: dict.fromkeys(names, TERMS), Budget(9, 9), tmp_path / "learned.npz", EventTracker(pools,
                                                                                                                       store))


async def test_only_the_pool_of_the_event_has_event_demand_before_it(store, tmp_path):
    source = FakeSource({"a": traffic, "b": traffic}, history=timedelta(days=3))
    region = region_of(store, source, tmp_path, "a", "b")
    quiet, soon = NOON + 20 * MINUTE, NOON + 27 * MINUTE
    await region.gather(quiet)
    before = region.view("a", quiet).announced
    await region.gather(soon)

    assert before is None
    assert region.view("a", soon).announced.units == 32
    assert region.view("b", soon).announced is None


async def test_the_rules_read_the_same_demand_as_in_a_backtest(store, tmp_path):
    source = FakeSource({"a": traffic}, history=timedelta(days=2))
    region = region_of(store, source, tmp_path, "a")
    for after in range(0, 120, 5):
        await region.gather(NOON + after * MINUTE)
    now = NOON + 115 * MINUTE
    first, end = minute_of(NOON - timedelta(days=2)), minute_of(now) - 1
    peak = np.array([traffic(minute) for minute in range(first, end)], np.float32)
    demand = DemandSeries(first, peak, peak * np.float32(0.8), peak * 10)
    on_paper = propose(without_events(events_of(pool_policy(events=(LAUNCH,)), demand), demand), TERMS)

    assert region.view("a", now).proposal.target == on_paper.target[-1]
    assert propose(demand, TERMS).target[-1] > on_paper.target[-1], "what was raised within the last hour is followed"


async def test_a_restart_during_an_event_changes_nothing(store, tmp_path):
    source = FakeSource({"a": traffic}, history=timedelta(days=2))
    region, now = region_of(store, source, tmp_path, "a"), NOON + 70 * MINUTE
    await region.gather(now)
    await region.save_snapshot(now)
    again = region_of(store, source, tmp_path, "a")
    await again.collector.load(now)
    assert await again.restore_snapshot(now)
    await again.gather(now)

    assert again.view("a", now).announced == region.view("a", now).announced
    assert again.view("a", now).announced.units == 32
    assert again.view("a", now).proposal == region.view("a", now).proposal


async def test_without_any_demand_the_text_says_that_the_baseline_is_unknown(store, tmp_path):
    source = FakeSource({"a": steady(3)})
    source.silent = {"a": None}
    region, soon = region_of(store, source, tmp_path, "a"), NOON + 27 * MINUTE
    await region.gather(soon)

    view = region.view("a", soon)
    assert (view.freshness, view.announced.units) == (DataFreshness.BROKEN, None)
    assert "not known yet" in view.announced.text


async def test_a_fault_in_the_events_of_one_pool_does_not_affect_others(store, tmp_path):
    pools = [pool_policy(name=name, events=(LAUNCH,)) for name in ("a", "b")]
    intake = DemandCollector(FakeSource({"a": traffic, "b": traffic}, history=timedelta(days=2)), ["a", "b"], store, 2 * MINUTE)
    events = EventTracker(pools, store)
    events.pools["a"] = SimpleNamespace(policy=pools[0])  # every other attribute raises
    soon = NOON + 27 * MINUTE
    await intake.collect(soon)
    await events.prepare(intake, soon)
    await events.without_uplift(intake.row, await intake.rows(minute_of(NOON), minute_of(NOON) + 5), minute_of(NOON))

    assert events.event_demand("b", soon, 2, intake).units == 32
    assert events.event_demand("a", soon, 2, intake) is None


async def test_an_event_without_effect_is_logged_once(store, tmp_path):
    source = FakeSource({"a": steady(3)}, history=timedelta(days=4))
    region, after = region_of(store, source, tmp_path, "a"), NOON + timedelta(hours=13)
    with structlog.testing.capture_logs() as lines:
        await region.gather(NOON)
        before = region.event_warnings("a")
        for hours in range(4):
            await region.gather(after + timedelta(hours=hours))

    assert before == []
    assert region.event_warnings("a") == ["event 'launch' had only 1 times the usual once: correct or remove it"]
    assert [(line["pool"], line["log_level"]) for line in lines if line["event"] == "event-without-effect"] == [("a", "warning")]


async def test_history_without_urgency_is_read_in_parts(store):
    names = [f"p{at}" for at in range(MOST_A_TICK + 5)]
    later = Event.model_validate({"name": "launch", "start": "2026-03-03T16:00", "duration": "1h", "factor": 2})
    intake = DemandCollector(FakeSource(dict.fromkeys(names, steady(2)), history=timedelta(hours=20)), names, store, 2 * MINUTE)
    events = EventTracker([pool_policy(name=name, events=(later,)) for name in names], store)
    now = datetime.fromisoformat("2026-03-03T01:00+00:00")
    await intake.collect(now)

    def learned() -> int:
        return sum(not each.due(minute_of(now), 2) for each in events.pools.values())

    await events.prepare(intake, now)
    assert learned() == MOST_A_TICK
    await events.prepare(intake, now)
    assert learned() == len(names)

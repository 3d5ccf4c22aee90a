"""Leading signals: read and stored as demand is, and never in the way of the pools that they lead."""

import asyncio
from datetime import timedelta

import numpy as np
import pytest
from structlog.testing import capture_logs

from adapters.demand.settings import HistoryFileSettings
from adapters.ports.errors import Unreachable
from adapters.runtime.clock import ManualClock
from config.model.lead import Lead
from config.model.policy import Policy
from controller.decision.planning.observation import DataFreshness
from controller.demand.collector import DemandCollector
from controller.demand.lead_signals import FIRST_WAIT_SECONDS, WAIT_SECONDS
from controller.fleet.builder import MEASURED, load_measured, open_leads, save_measured
from forecasting.demand import minute_of
from tests.builders import NOON, pool_policy
from tests.fakes import BilledSource, FakeSource, steady
from tests.patience import PATIENCE_SECONDS
from tests.worlds import world

MINUTE = timedelta(minutes=1)
QUEUE = Lead(source=HistoryFileSettings(kind="history-file", path="/queue.csv"))
PLANNER = Lead(pool="planner")


@pytest.fixture
def clock():
    return ManualClock(NOON)


def rising(minute):
    return float(minute % 60)


def queue(traffic=rising, **options):
    """A source of the signal `QUEUE`, with the name of its series."""
    return FakeSource({QUEUE.series: traffic}, **options), (QUEUE.series,)


async def test_signals_are_the_demand_of_another_pool_and_the_peak_of_a_source(clock, tmp_path):
    async with world(clock, tmp_path, {"planner": steady(5)}, {"tool": steady(2)}, leads={"tool": (PLANNER, QUEUE)},
                     signals=[queue(delay=2)]) as here:
        await here.tick()
        leads, now = here.fleet.leads, minute_of(NOON)

        assert leads.names("tool") == ("pool planner", "history-file path=/queue.csv")
        assert leads.names("planner") == leads.delay("planner") == ()
        found = await leads.signals("tool", now - 3, now + 2)
        assert found.dtype == np.float32
        assert np.array_equal(found, [[5, 5, 5, np.nan, np.nan], [57, 58, np.nan, np.nan, np.nan]], equal_nan=True)
        assert (await leads.signals("planner", now - 3, now)).shape == (0, 3)


async def test_signals_with_the_same_text_have_different_names(clock, tmp_path):
    leads = [Lead(source=HistoryFileSettings(kind="history-file", path=f"/{'long' * 20}/{end}")) for end in "ab"]
    source = FakeSource({lead.series: steady(1) for lead in leads})
    async with world(clock, tmp_path, {"tool": steady(2)}, leads={"tool": tuple(leads)},
                     signals=[(source, tuple(source.traffic))]) as here:
        names = here.fleet.leads.names("tool")

        assert names == (leads[0].name, f"{leads[0].name} #2")
        assert [state.name for state in here.fleet.leads.states("tool", clock.now())] == list(names)


async def test_minutes_before_the_last_day_come_from_the_store(clock, tmp_path):
    async with world(clock, tmp_path, {"tool": steady(2)}, leads={"tool": (QUEUE,)},
                     signals=[queue(history=timedelta(days=3))]) as here:
        await here.tick()
        first = minute_of(NOON) - 2000

        found = await here.fleet.leads.signals("tool", first, first + 60)
        assert sorted(found[0]) == list(range(60))
        assert np.isnan(await here.fleet.leads.signals("tool", first - 4000, first - 3990)).all()


async def test_a_pool_that_leads_is_not_read_twice_and_a_source_once_a_minute_for_all_pools(clock, tmp_path):
    signal = queue()
    async with world(clock, tmp_path, {"planner": steady(5)}, {"tool": steady(2)}, {"other": steady(1)}, signals=[signal],
                     leads={"tool": (PLANNER, QUEUE), "other": (QUEUE,)}) as here:
        await here.minutes(3)

        assert [source.collections for source in (*here.sources, signal[0])] == [3, 3, 3, 3]
        assert here.fleet.leads.own[0].pools == (QUEUE.series,)
        await here.clock.advance(-timedelta(seconds=30))
        await here.tick()
        assert signal[0].collections == 3


async def test_a_pool_with_leads_and_a_pool_that_leads_are_read_each_minute(store):
    pools = ["planner", "tool", "other"]
    policy = Policy(pools=tuple(pool_policy(name=name, leads=(PLANNER,) if name == "tool" else ()) for name in pools))
    collector = DemandCollector(BilledSource({name: steady(2) for name in pools}), pools, store, 2 * MINUTE)
    await open_leads(policy, None, [collector], store, ManualClock(NOON), {})

    assert collector.reading.states.keys() == {"other"}


@pytest.mark.parametrize("regions", [({"planner": rising}, {"tool": steady(2)}), ({"tool": steady(2)}, {"planner": rising})])
async def test_the_signal_of_another_group_is_known_when_the_pool_decides(clock, tmp_path, regions):
    async with world(clock, tmp_path, *regions, leads={"tool": (PLANNER,)}) as here:
        known = []
        group = here.fleet.region_of["tool"]
        follow = group.proposer.follow

        async def noted(collector, now):
            known.append((await here.fleet.leads.signals("tool", minute_of(now) - 1, minute_of(now)))[0, 0])
            await follow(collector, now)

        group.proposer.follow = noted
        await here.minutes(3)

        assert known == [59, 0, 1]


FAULTS = {
    "raises": lambda source: setattr(source, "broken", Unreachable("refused")),
    "hangs": lambda source: setattr(source, "hanging", True),
    "has an error": lambda source: source.silent.update({QUEUE.series: Unreachable("no row")}),
    "is silent": lambda source: source.silent.update({QUEUE.series: None}),
    "is quiet": lambda source: source.quiet.update({QUEUE.series: "nothing runs"}),
    "has a bug": lambda source: setattr(source, "collect", None),
    "is impossible": lambda source: source.traffic.update({QUEUE.series: lambda _: -5.0}),
}


async def ticked(here, wait=0.0):
    """One tick in which a signal is waited for `wait` seconds, and the rest of its minute."""
    began = here.clock.now()
    tick = asyncio.create_task(here.fleet.tick())
    if wait:
        await here.until(lambda: here.clock.next_deadline == began + timedelta(seconds=wait))
        await here.clock.advance(timedelta(seconds=wait))
    await asyncio.wait_for(tick, PATIENCE_SECONDS)
    await here.clock.advance(began + MINUTE - here.clock.now())


async def played(folder, leads, signals, fault=""):
    """Return freshness, target and reasons of the pool `tool` in each of 6 minutes; the fault starts in the third."""
    found, clock = [], ManualClock(NOON)
    folder.mkdir()
    async with world(clock, folder, {"tool": lambda minute: float(3 + minute % 3)}, leads=leads, signals=signals) as here:
        for at in range(6):
            if at == 2 and fault:
                FAULTS[fault](signals[0][0])
            await ticked(here, WAIT_SECONDS if at == 2 and fault == "hangs" else 0.0)
            plan = here.fleet.plans["tool"]
            found.append((here.fleet.view("tool", plan.at).freshness, plan.target, [reason.code for reason in plan.reasons]))
    return found


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_failing_lead_changes_nothing_for_its_pool(tmp_path, fault):
    without = await played(tmp_path / "a", {}, [])
    beside = await played(tmp_path / "b", {"tool": (QUEUE,)}, [queue()], fault)

    assert beside == without
    assert {freshness for freshness, _, _ in beside} == {DataFreshness.FRESH}


async def test_a_lead_that_hangs_is_waited_for_once(clock, tmp_path):
    signal = queue()
    signal[0].hanging = True
    async with world(clock, tmp_path, {"tool": steady(2)}, leads={"tool": (QUEUE,)}, signals=[signal]) as here:
        await ticked(here, FIRST_WAIT_SECONDS)
        await ticked(here)
        await ticked(here)

        assert signal[0].collections == 1
        assert here.fleet.plans["tool"].target == 2


async def test_a_shutdown_does_not_wait_for_a_lead_that_hangs(clock, tmp_path):
    signal = queue()
    signal[0].hanging = True
    async with world(clock, tmp_path, {"tool": steady(2)}, leads={"tool": (QUEUE,)}, signals=[signal]) as here:
        await ticked(here, FIRST_WAIT_SECONDS)
        assert here.fleet.leads.tasks
        await asyncio.wait_for(here.fleet.close(), PATIENCE_SECONDS)

        assert here.fleet.leads.tasks == ()


async def test_a_bug_in_the_source_of_a_lead_is_logged(clock, tmp_path):
    signal = queue()
    FAULTS["has a bug"](signal[0])
    async with world(clock, tmp_path, {"tool": steady(2)}, leads={"tool": (QUEUE,)}, signals=[signal]) as here:
        with capture_logs() as lines:
            await here.tick()

    assert "collect-failed" in [line["event"] for line in lines]


async def test_history_that_is_read_after_learning_is_learned_once(clock, tmp_path):
    signal = queue()
    signal[0].broken = Unreachable("refused")
    async with world(clock, tmp_path, {"tool": steady(2)}, leads={"tool": (QUEUE,)}, signals=[signal]) as here:
        await here.tick(MINUTE)
        leads, group = here.fleet.leads, here.fleet.regions[0]
        await leads.signals("tool", minute_of(NOON) - 5, minute_of(NOON))
        await group.retune(clock.now())
        assert not await group.retune(clock.now())
        signal[0].broken = None
        await here.tick(MINUTE)

        assert await group.retune(clock.now())
        assert not await group.retune(clock.now())


async def test_a_failure_is_logged_when_it_begins_and_when_it_ends(clock, tmp_path):
    signal = queue()
    async with world(clock, tmp_path, {"tool": steady(2)}, leads={"tool": (QUEUE,)}, signals=[signal]) as here:
        with capture_logs() as lines:
            await here.tick(MINUTE)
            signal[0].broken = Unreachable("refused")
            await here.minutes(3)
            signal[0].broken = None
            await here.minutes(2)

    logged = [(line["event"], line["pools"]) for line in lines if line["event"].startswith("lead-")]
    assert logged == [("lead-failed", ["tool"]), ("lead-recovered", ["tool"])]


async def test_the_state_of_a_signal_is_its_newest_value_and_its_error(clock, tmp_path):
    signal = queue()
    async with world(clock, tmp_path, {"tool": steady(2)}, leads={"tool": (QUEUE,)}, signals=[signal]) as here:
        (state,) = here.fleet.leads.states("tool", clock.now())
        assert (state.value, state.age, state.error) == (None, None, "")
        await here.tick(MINUTE)
        signal[0].broken = Unreachable("refused")
        await here.tick()

        (state,) = here.fleet.leads.states("tool", clock.now())
        assert (state.name, state.value, state.error) == ("history-file path=/queue.csv", 59.0, "refused")
        assert state.age == MINUTE


@pytest.mark.parametrize(("fault", "text"), [
    ("is silent", "its values are proved to be missing"), ("raises", "refused"), ("is quiet", ""),
])
async def test_the_state_of_a_signal_says_why_nothing_newer_is_known(clock, tmp_path, fault, text):
    signal = queue()
    async with world(clock, tmp_path, {"tool": steady(2)}, leads={"tool": (QUEUE,)}, signals=[signal]) as here:
        await here.tick(MINUTE)
        FAULTS[fault](signal[0])
        await here.minutes(20)

        (state,) = here.fleet.leads.states("tool", clock.now())
        assert (state.error, state.value) == (text, 59.0)


@pytest.mark.parametrize(("error", "text"), [
    (f"pool {QUEUE.series}: no such key", "no such key"),
    (f"peak of pool {QUEUE.series}: no data", "peak of lead history-file path=/queue.csv: no data"),
])
async def test_an_error_calls_a_signal_no_pool(clock, tmp_path, error, text):
    signal = queue()
    async with world(clock, tmp_path, {"tool": steady(2)}, leads={"tool": (QUEUE,)}, signals=[signal]) as here:
        signal[0].broken = Unreachable(error)
        await here.tick(MINUTE)

        (state,) = here.fleet.leads.states("tool", clock.now())
        assert state.error == text


async def test_a_signal_without_any_value_is_not_called_known(clock, tmp_path):
    async with world(clock, tmp_path, {"tool": steady(2)}, leads={"tool": (QUEUE,)},
                     signals=[queue(lambda _: float("nan"))]) as here:
        await here.tick(MINUTE)

        (state,) = here.fleet.leads.states("tool", clock.now())
        assert (state.value, state.error) == (None, "its source has no value of it")


async def test_a_start_continues_with_what_is_stored_of_a_signal(clock, tmp_path):
    signal = queue(delay=4)
    async with world(clock, tmp_path, {"tool": steady(2)}, leads={"tool": (QUEUE,)}, signals=[signal]) as here:
        assert here.fleet.leads.delay("tool") == (2,)
        await here.minutes(30)
        await save_measured(here.fleet, here.store, clock.now())
        assert set((await load_measured(here.store))[QUEUE.series]) == {"read_by", "metric_delay_minutes"}
        delay = here.fleet.leads.delay("tool")
    signal[0].broken = Unreachable("refused")
    async with world(clock, tmp_path, {"tool": steady(2)}, leads={"tool": (QUEUE,)}, signals=[signal]) as here:
        leads = here.fleet.leads

        assert leads.delay("tool") == delay != (2,)
        assert leads.own[0].to_reread == []
        assert not np.isnan(await leads.signals("tool", minute_of(NOON), minute_of(NOON) + 10)).any()
        assert await here.store.run(here.store.store.load_blob, MEASURED)


async def test_policies_without_leads_read_nothing_more(clock, tmp_path):
    async with world(clock, tmp_path, {"tool": steady(2)}) as here:
        assert here.fleet.leads is None

"""A fleet whose tool follows its agent: what the lead changes, and what happens when it fails. Virtual time."""

import asyncio
from datetime import timedelta

import numpy as np
import pytest

from adapters.demand.settings import HistoryFileSettings
from adapters.ports.errors import Unreachable
from adapters.runtime.clock import ManualClock
from config.model.lead import Lead
from controller.decision.selection.leads.lead_values import LONGEST
from controller.demand.lead_signals import WAIT_SECONDS
from controller.demo.lead_traffic import agent_with_tools
from controller.demo.traffic import Span
from forecasting.demand import instant_of, minute_of
from tests.builders import NOON
from tests.fakes import FakeSource
from tests.patience import PATIENCE_SECONDS
from tests.worlds import world

MINUTE = timedelta(minutes=1)
HISTORY, BEFORE, FAILS_AT, MINUTES = timedelta(days=2), 12, 16, 24
UNKNOWN = FAILS_AT + LONGEST + 2
"""First minute in which no known minute of the lead is in any window."""

DELAY = 2
"""Metric delay of the tool, in minutes. That of its lead is 1."""

PLANNER = Lead(source=HistoryFileSettings(kind="history-file", path="/planner.csv"))
FIRST = minute_of(NOON)
CALLED = agent_with_tools(Span(FIRST, 3 * 1440), np.random.default_rng(5))
BURST = FIRST + 2 * 1440 + int(np.argmax(CALLED.planner.peak[2 * 1440 :] > 15))
"""First minute of the third day in which dozens of sessions start."""

START = instant_of(BURST - BEFORE)


def traffic(series):
    return lambda minute: float(series.peak[minute - FIRST]) if minute >= FIRST else float("nan")


def fails(source):
    source.broken = Unreachable("refused")


def hangs(source):
    source.hanging = True


def is_silent(source):
    source.silent[PLANNER.series] = None


async def played(folder, leads=(), fault=None, minutes=MINUTES):
    """Return the plans of the tool `search`, one a minute, and its freshness; `fault` starts in minute `FAILS_AT`."""
    folder.mkdir()
    clock, plans, freshness = ManualClock(START), [], set()
    signal = FakeSource({PLANNER.series: traffic(CALLED.planner)}, history=HISTORY)
    tool = FakeSource({"search": traffic(CALLED.tools["search"])}, delay=DELAY, history=HISTORY)
    async with world(clock, folder, tool.traffic, sources=[tool], leads={"search": leads}, memory_mb=1024, init_seconds=4.0,
                     signals=[(signal, (PLANNER.series,))] if leads else ()) as here:
        for minute in range(minutes):
            began = clock.now()
            if minute == FAILS_AT and fault is not None:
                fault(signal)
            tick = asyncio.create_task(here.fleet.tick())
            if minute == FAILS_AT and fault is hangs:
                await here.until(lambda due=began + timedelta(seconds=WAIT_SECONDS): clock.next_deadline == due)
                await clock.advance(timedelta(seconds=WAIT_SECONDS))
            await asyncio.wait_for(tick, PATIENCE_SECONDS)
            plans.append(here.fleet.plans["search"])
            freshness.add(here.fleet.view("search", began).freshness.value)
            await clock.advance(began + MINUTE - clock.now())
    return plans, freshness


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("leads")


@pytest.fixture(scope="module")
def alone(folder):
    """The plans without a lead."""
    return asyncio.run(played(folder / "alone", minutes=UNKNOWN + 3))[0]


@pytest.fixture(scope="module")
def led(folder):
    """The plans with the lead."""
    return asyncio.run(played(folder / "led", (PLANNER,)))[0]


def units(plans):
    return [plan.proposal.target for plan in plans]


def first_above(plans, most):
    return next((at for at, target in enumerate(units(plans)) if target > most), len(plans))


def test_a_tool_is_raised_by_its_agent_before_its_own_metric_rises(alone, led):
    before = max(units(led[:BEFORE]))

    assert all(plan.lead.applies for plan in led)
    assert first_above(led, before) + 2 < first_above(alone, before)
    assert "leading signal history-file path=/planner.csv" in led[-1].text


@pytest.mark.parametrize("fault", [fails, hangs, is_silent])
async def test_a_lead_that_fails_makes_nothing_stale_and_lowers_nothing(folder, alone, led, fault):
    failing, freshness = await played(folder / fault.__name__, (PLANNER,), fault)

    assert units(failing[:FAILS_AT]) == units(led[:FAILS_AT])
    lowest = units(alone[FAILS_AT + 1 : MINUTES])
    assert all(target >= least for target, least in zip(units(failing[FAILS_AT + 1 :]), lowest, strict=True))
    assert freshness == {"fresh"}


async def test_without_any_known_value_of_its_lead_a_pool_has_the_plan_without_leads(folder, alone):
    failing, _ = await played(folder / "for-long", (PLANNER,), fails, len(alone))

    assert units(failing[UNKNOWN:]) == units(alone[UNKNOWN:])
    assert [plan.lead.applies for plan in failing[FAILS_AT:]].index(False) > 0
    assert not any(plan.lead.applies for plan in failing[UNKNOWN:])

"""Capacity on paper, and the lever that cannot write."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.errors import Conflict, Unreachable
from adapters.ports.lever import Phase
from adapters.runtime.clock import ManualClock
from adapters.simulated import ShadowLever, SimulatedCapacity
from tests.builders import NOON
from tests.fakes import FakeLever

LEAD = timedelta(minutes=2)
MINUTE = timedelta(minutes=1)


def test_a_raise_is_ready_after_the_lead_time_and_not_before():
    paper = SimulatedCapacity(LEAD, 3)
    paper.request(10, NOON)

    assert [paper.ready(NOON), paper.ready(NOON + LEAD - MINUTE), paper.ready(NOON + LEAD)] == [3, 3, 10]


def test_a_fall_takes_effect_at_once():
    paper = SimulatedCapacity(LEAD, 10)
    paper.request(4, NOON)

    assert paper.ready(NOON) == 4


def test_a_raise_that_is_taken_back_never_becomes_ready():
    paper = SimulatedCapacity(LEAD, 2)
    paper.request(10, NOON)
    paper.request(2, NOON + MINUTE)
    paper.request(10, NOON + 2 * MINUTE)

    assert paper.ready(NOON + 3 * MINUTE) == 2
    assert paper.ready(NOON + 4 * MINUTE) == 10


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 50)), max_size=30), st.integers(0, 20))
def test_ready_is_the_least_that_was_requested_within_the_lead_time(changes, start):
    paper, at, log = SimulatedCapacity(LEAD, start), NOON, [(NOON - timedelta(days=1), start)]
    for minutes, target in changes:
        at += minutes * MINUTE
        paper.request(target, at)
        log.append((at, target))
        standing = [units for when, units in log if when <= at - LEAD][-1]
        within = [units for when, units in log if when > at - LEAD]

        assert paper.ready(at) == min([standing, *within])


async def test_a_shadow_starts_from_what_is_really_there():
    clock = ManualClock(NOON)
    shadow = ShadowLever(FakeLever(clock, requested=6), clock, LEAD)

    assert (await shadow.read()).requested == 6


async def test_a_shadow_resumes_what_it_had_on_paper():
    clock = ManualClock(NOON)
    shadow = ShadowLever(FakeLever(clock, requested=6), clock, LEAD, resumed=9)
    seen = await shadow.read()

    assert (seen.requested, seen.ready, shadow.real.requested) == (9, 9, 6)


async def test_a_shadow_writes_on_paper_alone():
    clock = ManualClock(NOON)
    real = FakeLever(clock, requested=6)
    shadow = ShadowLever(real, clock, LEAD)
    asked = await shadow.write(20)
    clock.set(NOON + LEAD)
    seen = await shadow.read()

    assert (asked.requested, asked.ready, asked.phase) == (20, 6, Phase.IN_PROGRESS)
    assert (seen.ready, seen.phase) == (20, Phase.READY)
    assert real.writes == []


async def test_a_shadow_passes_on_owners_blocks_and_facts():
    clock = ManualClock(NOON)
    real = FakeLever(clock)
    real.owner = "somebody"
    shadow = ShadowLever(real, clock, LEAD)

    assert (await shadow.read()).foreign_owner == "somebody"
    assert (await shadow.write(3)).foreign_owner == "somebody"
    assert await shadow.traits() == real.facts


@pytest.mark.parametrize("error", [Unreachable("gone"), Conflict("busy")])
async def test_a_shadow_fails_as_the_real_reading_does(error):
    clock = ManualClock(NOON)
    real = FakeLever(clock)
    real.failing["read"] = error

    with pytest.raises(type(error)):
        await ShadowLever(real, clock, LEAD).read()

"""The live check raises one unit and always sets it back, whatever the provider does in between."""

import asyncio
from datetime import timedelta

import pytest

from adapters.ports.diagnostics import Verdict
from adapters.ports.errors import Conflict, OutcomeUnknown, PermissionDenied, Throttled
from adapters.ports.lever import Traits
from adapters.runtime.clock import ManualClock
from config.model.policy import Assume
from controller.preflight.live_check import NotPossible, Trial, carry_out, propose
from tests.builders import NOON, pool_policy
from tests.fakes import FakeLever

TRIAL = Trial("agent", before=2, raised=3, most_usd=0.01)


@pytest.fixture
def clock():
    return ManualClock(NOON)


async def outcome(lever, clock, patience=60.0, cancel_after=None):
    """The findings as (verdict, text), with the clock moved in steps of a second until the check ends."""
    found = []
    task = asyncio.create_task(carry_out(TRIAL, lever, clock, found.append, patience))
    for second in range(300):
        await clock.advance(timedelta(seconds=1))
        if second == cancel_after:
            task.cancel()
        if task.done():
            break
    assert task.done()
    if cancel_after is None:
        task.result()
    else:
        assert task.cancelled()
    return [(finding.verdict, finding.text) for finding in found]


class Interfering(FakeLever):
    """`on_write(target)` runs after each write; it may raise."""

    on_write = None

    async def write(self, target):
        capacity = await super().write(target)
        if self.on_write is not None:
            await self.on_write(target)
        return capacity


async def test_it_raises_one_unit_measures_its_lead_time_and_sets_it_back(clock):
    lever = FakeLever(clock, timedelta(seconds=10), requested=2)
    found = await outcome(lever, clock)

    assert lever.writes == [3, 2]
    assert [verdict for verdict, _ in found] == [Verdict.OK] * 3
    assert found[1][1].startswith("3 ready after 1")
    assert found[2][1].startswith("set back to 2 after")


async def test_a_refused_raise_is_reported_and_nothing_else_is_written(clock):
    lever = FakeLever(clock, requested=2)
    lever.failing["write"] = PermissionDenied("allow lambda:PutProvisionedConcurrencyConfig")
    found = await outcome(lever, clock)

    assert lever.writes == []
    assert [verdict for verdict, _ in found] == [Verdict.FAIL, Verdict.OK]
    assert "lambda:PutProvisionedConcurrencyConfig" in found[0][1]


async def test_a_unit_that_never_becomes_ready_is_reported_and_set_back(clock):
    lever = FakeLever(clock, timedelta(hours=1), requested=2)
    found = await outcome(lever, clock)

    assert lever.writes == [3, 2]
    assert [verdict for verdict, _ in found] == [Verdict.OK, Verdict.FAIL, Verdict.OK]
    assert "2 of 3 ready" in found[1][1]


async def test_a_raise_without_an_answer_is_set_back_even_if_it_takes_effect_late(clock):
    lever = Interfering(clock, timedelta(seconds=1), requested=2)

    async def lost_then_late(target):
        if target == 3:
            lever.paper.request(2, clock.now())
            task = asyncio.create_task(late())
            lever.task = task
            raise OutcomeUnknown("the answer was lost")

    async def late():
        await clock.sleep(3)
        lever.paper.request(3, clock.now())

    lever.on_write = lost_then_late
    found = await outcome(lever, clock)

    assert lever.paper.requested == 2
    assert lever.writes == [3, 2]
    assert [verdict for verdict, _ in found] == [Verdict.FAIL, Verdict.OK]


async def test_setting_back_is_repeated_while_the_provider_refuses_for_now(clock):
    lever = Interfering(clock, timedelta(seconds=1), requested=2)
    refusals = [Conflict("an allocation is under way"), Throttled("slow down"), OutcomeUnknown("lost")]

    async def refuse(target):
        if target == 2 and refusals:
            lever.paper.request(3, clock.now())
            raise refusals.pop(0)

    lever.on_write = refuse
    found = await outcome(lever, clock)

    assert lever.paper.requested == 2
    assert lever.writes == [3, 2, 2, 2, 2]
    assert found[-1][0] is Verdict.OK


async def test_a_failed_set_back_names_the_manual_remedy(clock):
    lever = Interfering(clock, timedelta(seconds=1), requested=2)

    async def refuse(target):
        if target == 2:
            lever.paper.request(3, clock.now())
            raise PermissionDenied("no longer allowed")

    lever.on_write = refuse
    found = await outcome(lever, clock)

    assert found[-1] == (Verdict.FAIL, "may still have 3 units instead of 2: no longer allowed")


async def test_a_value_of_another_writer_stays(clock):
    lever = FakeLever(clock, timedelta(seconds=20), requested=2)
    found = []
    task = asyncio.create_task(carry_out(TRIAL, lever, clock, found.append, 60.0))
    await clock.advance(timedelta(seconds=5))
    lever.foreign(9)
    for _ in range(60):
        await clock.advance(timedelta(seconds=1))
    await task

    assert lever.paper.requested == 9
    assert lever.writes == [3]
    assert found[-1].verdict is Verdict.WARN


async def test_an_interrupted_check_is_set_back_before_it_ends(clock):
    lever = FakeLever(clock, timedelta(seconds=30), requested=2)
    found = await outcome(lever, clock, cancel_after=5)

    assert lever.paper.requested == 2
    assert found[-2] == (Verdict.WARN, "interrupted: setting capacity back to 2")
    assert found[-1][1].startswith("set back to 2 after")


@pytest.mark.parametrize(("change", "why"), [
    ({"mode": "shadow"}, "shadow mode"),
    ({"owner": "a scaling policy"}, "a scaling policy sets its capacity"),
    ({"facts": Traits(allowed=2)}, "the provider limits it, so at most 2 units"),
    ({"failed": True}, "is failed"),
])
async def test_it_is_refused_where_a_write_would_be_unwise(clock, change, why):
    lever = FakeLever(clock, requested=2)
    for name in change.keys() - {"mode"}:
        setattr(lever, name, change[name])
    with pytest.raises(NotPossible, match=why):
        await propose(pool_policy(**{key: change[key] for key in change.keys() & {"mode"}}), lever, Assume())
    assert lever.writes == []


async def test_the_proposal_states_the_change_and_the_maximum_bill(clock):
    trial = await propose(pool_policy(), FakeLever(clock, requested=2), Assume())

    assert (trial.before, trial.raised) == (2, 3)
    assert trial.most_usd == pytest.approx(30 * 60 * 4.1667e-6)

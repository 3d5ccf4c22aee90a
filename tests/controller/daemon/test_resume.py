"""A lever whose number no provider keeps gets it back after a restart, and never in shadow."""

from datetime import timedelta

import pytest

from adapters.runtime.clock import ManualClock
from tests.builders import NOON
from tests.fakes import FakeLever, steady
from tests.worlds import world


class Forgetful(FakeLever):
    """Knows nothing of an earlier process but what it is told."""

    resumed: int | None = None

    def resume(self, target):
        self.resumed = target
        self.paper.request(target, self.clock.now())


@pytest.mark.parametrize(("mode", "expected"), [("active", 5), ("shadow", None)])
async def test_a_pinged_target_of_an_earlier_process_is_resumed(tmp_path, mode, expected):
    clock = ManualClock(NOON)
    async with world(clock, tmp_path, {"a": steady(2)}, levers={"a": Forgetful(clock)}, min=5, mode="active") as first:
        await first.minutes(4)
        assert first.levers["a"].resumed is None
        assert list(first.levers["a"].writes) == [5]
    await clock.advance(timedelta(minutes=1))
    async with world(clock, tmp_path, {"a": steady(2)}, levers={"a": Forgetful(clock)}, min=5, mode=mode) as second:
        assert second.levers["a"].resumed == expected
        await second.minutes(4)

        assert list(second.levers["a"].writes) == []
        assert second.fleet.plans["a"].requested == 5


@pytest.mark.parametrize(("intent", "resumed"), [(8, 8), (2, 5), (0, 5)])
async def test_of_a_write_that_a_crash_interrupted_only_a_raise_is_resumed(tmp_path, intent, resumed):
    clock = ManualClock(NOON)
    async with world(clock, tmp_path, {"a": steady(2)}, levers={"a": Forgetful(clock)}, min=5, mode="active") as first:
        await first.minutes(4)
        await first.store.save_intent("a", intent, clock.now())
    async with world(clock, tmp_path, {"a": steady(2)}, levers={"a": Forgetful(clock)}, min=resumed, mode="active") as second:
        assert second.levers["a"].resumed == resumed
        await second.minutes(1)

        assert list(second.levers["a"].writes) == []

"""Rounds leave units free for users where the platform allows it, and measure where they do not."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.pinging.hold import SHORTEST
from adapters.pinging.ping_interval import IdleTimeoutEstimator
from adapters.pinging.pinged import Pinged
from adapters.pinging.results import PingResult
from adapters.pinging.rounds import PARTS, TRY_PARTS_AGAIN, Rounds
from adapters.ports.errors import Throttled
from adapters.runtime.clock import ManualClock
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON

MINUTE = timedelta(minutes=1)
LAST_USED, FIRST_USED = "last used first", "first used first"


class Platform:
    """Units that never end. A request gets an idle one: the last used, the first used, or any. Pings of a burst are sent `spread`
    seconds after each other, and held; a request starts a unit if none is idle. The times of an answer are those of `now`.
    """

    fixed = False

    def __init__(self, clock, order, hold=0.1, spread=0.0):
        self.clock, self.order, self.hold, self.spread = clock, order, hold, spread
        self.idle: list[int] = []
        self.started, self.now = 0, 0.0
        self.named = True
        self.bursts: list[int] = []
        self.holds: list[float] = []
        self.most_held: list[int] = []
        self.failing = 0
        self._rng = np.random.default_rng(5)

    async def canary(self):
        return self._sent(1, 0.0)[0]

    async def burst(self, count, hold):
        self.bursts.append(count)
        self.holds.append(hold)
        failing, self.failing = self.failing, 0
        return [*self._sent(count - failing, hold), *(Throttled("agent: too many") for _ in range(failing))]

    def _sent(self, count, hold):
        answers, ends = [], []
        for at in range(count):
            began = self.now + at * self.spread
            for end, unit in [each for each in ends if each[0] <= began]:
                ends.remove((end, unit))
                self.idle.append(unit)
            cold = not self.idle
            unit = self._taken()
            ends.append((began + hold, unit))
            answers.append(PingResult(began, began + hold, hold, cold, f"unit {unit}" if self.named else None))
        self.most_held.append(len(ends))
        self.idle += [unit for _, unit in sorted(ends)]
        self.now += 100.0
        return answers

    def _taken(self):
        if not self.idle:
            self.started += 1
            return self.started
        at = {LAST_USED: -1, FIRST_USED: 0}.get(self.order)
        return self.idle.pop(int(self._rng.integers(len(self.idle))) if at is None else at)


class Stage:
    def __init__(self, order=LAST_USED, **platform):
        self.clock, self.shared = ManualClock(NOON), Pinged()
        self.platform = Platform(self.clock, order, **platform)
        life = IdleTimeoutEstimator(4 * MINUTE, 15 * MINUTE)
        self.rounds = Rounds(self.platform, self.clock, np.random.default_rng(1), life, self.shared)

    async def round(self, target):
        """Run one round, 4 min after the one before."""
        from asyncio import create_task

        task = create_task(self.rounds.run(target))
        while not task.done():
            await self.clock.advance(timedelta(seconds=1))
        await self.clock.advance(4 * MINUTE)
        return task.result()


@pytest.mark.parametrize("order", [FIRST_USED, "any"])
async def test_where_partial_bursts_reach_all_units_half_of_them_stay_free(order):
    stage = Stage(order)
    await stage.round(8)
    before = stage.rounds.measured.blackout_seconds
    stage.platform.bursts.clear()
    stage.platform.most_held.clear()
    complete = [await stage.round(8) for _ in range(20)]

    assert all(complete)
    assert sum(held > 4 for held in stage.platform.most_held) <= (0 if order == FIRST_USED else 5)
    assert stage.platform.started == 8
    if order == FIRST_USED:
        assert set(stage.platform.bursts) == {4}
        assert stage.rounds.measured.blackout_seconds == before


async def test_where_the_last_used_unit_serves_first_partial_bursts_reach_the_same_units_and_stop():
    """The hardest order: only a burst to all units reaches the last one."""
    stage = Stage(LAST_USED)
    complete = [await stage.round(8) for _ in range(20)]

    assert all(complete)
    assert stage.platform.bursts[:6] == [8, 4, 4, 4, 8, 8], "the further partial bursts reached no further unit"
    assert set(stage.platform.bursts[6:]) == {8}
    assert stage.platform.started == 8


async def test_partial_bursts_are_tried_again_after_a_day():
    stage = Stage(LAST_USED)
    for _ in range(3):
        await stage.round(8)
    stage.platform.order = FIRST_USED
    await stage.clock.advance(TRY_PARTS_AGAIN)
    stage.platform.bursts.clear()
    await stage.round(8)

    assert stage.platform.bursts == [4, 4]


async def test_a_trial_of_partial_bursts_waits_for_a_minute_without_expected_users_or_a_day():
    stage = Stage(FIRST_USED)
    peak, busy = np.ones(1440, np.float32), np.zeros(1440, np.float32)
    day = DemandSeries(minute_of(NOON) - 1440, peak, busy, peak)
    stage.shared.usage.note(day)
    for _ in range(3):
        await stage.round(8)
    assert set(stage.platform.bursts) == {8}
    stage.platform.bursts.clear()
    await stage.clock.advance(TRY_PARTS_AGAIN)
    await stage.round(8)
    assert stage.platform.bursts == [4, 4], "after a day"

    other = Stage(FIRST_USED)
    other.shared.usage.note(day.window(day.first_minute, day.first_minute + 10))
    for _ in range(4):
        await other.round(8)
    assert other.platform.bursts == [8, 8, 8, 4, 4], "from the eleventh minute on"
    other.shared.usage.note(day)
    await other.round(8)
    assert other.platform.bursts[-2:] == [4, 4], "they suffice"


async def test_no_round_sends_more_partial_bursts_than_the_maximum():
    stage = Stage("any")
    await stage.round(60)
    stage.platform.bursts.clear()
    await stage.round(60)

    assert 0 < sum(count == 30 for count in stage.platform.bursts) <= PARTS


async def test_without_names_only_a_burst_to_all_units_proves_them():
    stage = Stage(FIRST_USED)
    stage.platform.named = False
    for _ in range(5):
        assert await stage.round(8)

    assert set(stage.platform.bursts) == {8}


async def test_a_single_unit_answers_one_ping_that_is_not_held():
    stage = Stage()
    complete = [await stage.round(1) for _ in range(5)]

    assert all(complete)
    assert (stage.platform.bursts, stage.rounds.proof.units, stage.platform.started) == ([], 1, 1)
    assert stage.rounds.measured.blackout_seconds == 0


@pytest.mark.parametrize("named", [True, False])
async def test_the_hold_is_the_shortest_that_still_reaches_all_units(named):
    """The last of 10 pings is sent 27 ms after the first."""
    stage = Stage(hold=0.1, spread=0.003)
    stage.platform.named = named
    complete = [await stage.round(10) for _ in range(100)]
    late = stage.platform.holds[-50:]

    assert all(complete)
    assert np.mean(late) < 0.045
    assert stage.platform.started == 10


async def test_the_hold_of_a_handler_that_has_its_own_does_not_change():
    stage = Stage(hold=0.1)
    stage.platform.fixed = True
    stage.rounds = Rounds(stage.platform, stage.clock, np.random.default_rng(1), IdleTimeoutEstimator(4 * MINUTE, 15 * MINUTE),
                          stage.shared)
    for _ in range(10):
        await stage.round(5)

    assert set(stage.platform.holds) == {0.1}


async def test_throttled_pings_say_nothing_about_the_hold():
    stage = Stage(hold=0.1)
    stage.platform.failing = 3
    await stage.round(5)

    assert stage.platform.holds == [0.1, 0.1]


async def test_the_time_in_which_all_units_are_held_is_measured_with_the_users_who_arrive_in_it():
    stage = Stage(hold=0.1, spread=0.002)
    stage.platform.fixed = True
    stage.rounds = Rounds(stage.platform, stage.clock, np.random.default_rng(1), IdleTimeoutEstimator(4 * MINUTE, 15 * MINUTE),
                          stage.shared)
    await stage.round(11)
    cold = stage.rounds.measured
    stage.rounds._parts_from = NOON + TRY_PARTS_AGAIN
    for _ in range(5):
        await stage.round(11)
    measured = stage.rounds.measured
    minutes = minute_of(stage.clock.now()) - minute_of(NOON)
    stage.shared.own_traffic.note_users(DemandSeries(minute_of(NOON), *(np.full(minutes, 120.0, np.float32) for _ in range(3))))

    assert cold.blackout_seconds == pytest.approx(0.1), "the only unit was that of the single ping"
    assert measured.blackout_seconds - cold.blackout_seconds == pytest.approx(5 * (0.1 - 10 * 0.002))
    assert stage.rounds.measured.blackout_requests == pytest.approx(measured.blackout_seconds * 2)
    assert (measured.rounds, measured.pings) == (6, 6 * 12)
    assert (measured.hold, measured.pause) == (timedelta(seconds=0.1), stage.rounds._idle_timeout.pause)


async def test_a_round_above_another_layer_reaches_all_units_of_both():
    stage = Stage(hold=SHORTEST)
    stage.shared.below = 3
    await stage.round(4)

    assert stage.platform.bursts == [7]
    assert stage.rounds.proof.units == 4


@pytest.mark.parametrize(("busy", "sent", "proved"), [(2, 5, 4), (3, 4, 4), (5, 2, 4)])
async def test_units_that_users_keep_busy_are_those_of_the_layer_below_first(busy, sent, proved):
    stage = Stage()
    stage.shared.below = 3
    stage.shared.usage.note(DemandSeries(minute_of(NOON) - 5, *(np.full(5, busy, np.float32) for _ in range(3))))
    await stage.round(4)

    assert stage.platform.bursts[0] == sent

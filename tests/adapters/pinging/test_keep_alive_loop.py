"""Rounds of pings: one ping first, then bursts until the units are proved or the budget is used, and their schedule."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from adapters.pinging.keep_alive_loop import KeepAliveLoop
from adapters.pinging.ping_interval import IdleTimeoutEstimator
from adapters.pinging.pinged import Pinged
from adapters.pinging.results import PingResult
from adapters.pinging.rounds import BURSTS
from adapters.ports.errors import AdapterError, Throttled, Unsupported
from adapters.runtime.clock import ManualClock, ScaledClock
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON
from tests.patience import PATIENCE_SECONDS

MINUTE = timedelta(minutes=1)


class Units:
    """Units that stay warm for `life` after their last ping; the newest serve first. `failing`: number of throttled pings of each
    coming burst.
    """

    hold, fixed = 0.15, False

    def __init__(self, clock, life=timedelta(minutes=6)):
        self.clock, self.life = clock, life
        self.alive: dict[int, object] = {}
        self.started = 0
        self.named = True
        self.failing: list[int] = []
        self.refusing: AdapterError | None = None
        self.version = "1"
        self.old = 0
        """Let the previous deployment answer this number of pings of a burst."""
        self.log: list[tuple[object, int]] = []

    def count_alive(self):
        return sum(self.clock.now() - at < self.life for at in self.alive.values())

    def kill(self):
        self.alive.clear()

    async def canary(self):
        self.log.append((self.clock.now(), 1))
        if self.refusing is not None:
            raise self.refusing
        return replace(self._served(1)[0], generation=self.version)

    async def burst(self, count, hold):
        self.log.append((self.clock.now(), count))
        throttled = self.failing.pop(0) if self.failing else 0
        return [*self._served(count - throttled), *(Throttled("agent: too many") for _ in range(throttled))]

    def _served(self, count):
        now = self.clock.now()
        self.alive = {unit: at for unit, at in self.alive.items() if now - at < self.life}
        taken = sorted(self.alive, key=self.alive.get, reverse=True)[:count]
        fresh = list(range(self.started, self.started + count - len(taken)))
        self.started += len(fresh)
        self.alive |= dict.fromkeys([*taken, *fresh], now)
        return [PingResult(0.0, 0.2, 0.15, unit in fresh, f"unit {unit}" if self.named else None,
                           "old" if at < self.old else self.version, 8.0 if unit in fresh else None)
                for at, unit in enumerate([*taken, *fresh])]


class WallClock(ManualClock):
    """A clock of a machine that is set by `wrong_by`, which no monotonic clock follows."""

    wrong_by = timedelta(0)

    def now(self):
        return super().now() + self.wrong_by


class Play:
    def __init__(self, **life):
        self.clock = WallClock(NOON)
        self.units = Units(self.clock)
        life, self.shared = IdleTimeoutEstimator(4 * MINUTE, 15 * MINUTE), Pinged()
        self.keeper = KeepAliveLoop(self.units, self.clock, np.random.default_rng(5), life, self.shared)

    async def minutes(self, count):
        for _ in range(count * 12):
            await self.clock.advance(timedelta(seconds=5))

    @property
    def ready(self):
        return self.keeper.ready(self.clock.now())

    def bursts(self):
        return [count for _, count in self.units.log]

    def users(self, peak, busy=None, ago=3, minutes=3):
        """Add equal metrics of users for `minutes`, the last of them `ago` minutes before now."""
        column = np.full(minutes, peak, np.float32)
        first = minute_of(self.clock.now()) - ago - minutes + 1
        self.shared.usage.note(DemandSeries(first, column, np.full(minutes, busy or 0.0, np.float32), column))


@pytest.fixture
async def play():
    made = Play()
    yield made
    await made.keeper.close()


async def test_no_ping_is_sent_before_a_target_is_set(play):
    play.keeper.start()
    await play.minutes(30)

    assert play.units.log == []


async def test_a_round_is_a_canary_and_then_a_burst_whose_new_units_count(play):
    play.keeper.want(20)
    await play.minutes(1)

    assert play.bursts() == [1, 20]
    assert play.ready == 20


async def test_units_stay_alive_for_hours(play):
    play.keeper.want(20)
    await play.minutes(2)
    started = play.units.started
    for _ in range(180):
        await play.minutes(1)
        assert play.ready == 20

    assert started <= 21
    assert play.units.started <= 4 * 21, "the pause exceeded the idle lifetime a few times"


@pytest.mark.parametrize("raised", [False, True])
async def test_a_clock_that_is_set_back_delays_no_round(play, raised):
    play.keeper.want(20)
    await play.minutes(6)
    play.clock.wrong_by = timedelta(hours=-3)
    if raised:
        play.keeper.want(19)  # wakes the loop, which then waits for the rest of the pause
    play.units.log.clear()
    await play.minutes(6)

    assert play.units.log != []


async def test_the_pause_approaches_the_idle_lifetime(play):
    play.units.life = 10 * MINUTE
    play.keeper.want(20)
    await play.minutes(240)

    assert 5 * MINUTE < play.keeper.idle_timeout.pause < 12 * MINUTE


@pytest.mark.parametrize("units", [1, 2])
@pytest.mark.parametrize("named", [True, False])
async def test_a_small_pool_finds_the_pause_and_is_warm_most_of_the_time(play, units, named):
    play.units.named = named
    play.keeper.want(units)
    await play.minutes(2)
    warm = []
    for _ in range(480):
        await play.minutes(1)
        warm.append(play.units.count_alive() >= units)

    assert 4 * MINUTE < play.keeper.idle_timeout.pause < 7 * MINUTE, "units stay warm for 6 min"
    assert np.mean(warm) > 0.98


async def test_throttled_pings_are_sent_again(play):
    play.units.failing = [3]
    play.keeper.want(20)
    await play.minutes(1)

    assert play.bursts() == [1, 20, 20]
    assert (play.ready, play.keeper.error, play.keeper.rounds.shortfall) == (20, None, "")


async def test_a_round_keeps_its_budget_and_reports_the_proved_units(play):
    play.units.failing = [20] * BURSTS + [3] * 100
    play.keeper.want(20)
    await play.minutes(1)
    assert play.bursts()[: BURSTS + 2] in ([1] + [20] * BURSTS, [1] + [20] * BURSTS + [1]), "a round starts with one ping"


    await play.minutes(3)
    assert play.ready == 17
    assert "17 of 20" in play.keeper.rounds.shortfall
    assert "3 throttled" in play.keeper.rounds.shortfall


async def test_an_incomplete_round_is_retried_with_backoff(play):
    play.units.failing = [20] * 1000
    play.keeper.want(20)
    await play.minutes(60)
    rounds = [at for at, count in play.units.log if count == 1]
    gaps = [later - at for at, later in pairwise(rounds)]

    assert gaps[0] < 90 * timedelta(seconds=1)
    assert 3 * MINUTE < gaps[-1] < 6 * MINUTE


async def test_no_ping_for_an_hour_after_a_refused_canary(play):
    play.units.refusing = Unsupported("agent does not know pings")
    play.keeper.want(20)
    await play.minutes(59)

    assert play.bursts() == [1]
    assert play.keeper.error is play.units.refusing
    assert play.ready == 0


async def test_an_increase_starts_units_at_once_and_a_decrease_lets_them_expire(play):
    play.keeper.want(5)
    await play.minutes(2)
    play.keeper.want(12)
    await play.minutes(1)
    assert play.bursts()[-1] == 12
    assert play.ready == 12
    before = len(play.bursts())
    play.keeper.want(3)
    await play.minutes(6)

    assert max(play.bursts()[before:]) == 3
    assert play.ready == 3


async def test_an_increase_during_a_round_starts_another_round_at_once(play):
    play.keeper.want(5)
    await asyncio.sleep(0)
    play.keeper.want(12)
    await play.clock.advance(timedelta(milliseconds=100))
    play.keeper.want(20)
    await play.minutes(1)

    assert play.ready == 20


async def test_zero_ends_all_pinging(play):
    play.keeper.want(5)
    await play.minutes(2)
    play.keeper.want(0)
    sent = len(play.units.log)
    await play.minutes(60)

    assert len(play.units.log) == sent
    assert (play.ready, play.keeper.next_at) == (0, None)


async def test_a_target_after_zero_starts_the_loop_again(play):
    for _ in range(3):
        play.keeper.want(5)
        await play.minutes(2)
        assert play.ready == 5
        play.keeper.want(0)


async def test_a_proof_expires(play):
    play.keeper.want(20)
    await play.minutes(1)
    play.units.refusing = Throttled("agent: too many")
    await play.minutes(2)
    assert play.ready == 20
    await play.minutes(3)

    assert play.ready == 0


async def test_units_kept_warm_by_users_are_not_pinged(play):
    play.keeper.want(20)
    await play.minutes(2)
    sent = len(play.units.log)
    for _ in range(60):
        play.users(peak=25, busy=0.5)
        await play.minutes(1)
        assert play.ready == 20

    assert len(play.units.log) == sent
    await play.minutes(10)
    assert len(play.units.log) > sent, "without users the pings start again"


async def test_busy_units_are_not_pinged(play):
    for minutes in range(9):
        play.users(peak=8, busy=6.5)
        if minutes == 1:
            play.keeper.want(20)
        await play.minutes(1)

    assert set(play.bursts()) == {1, 7, 14}, "in the second round half of them first"


async def test_no_round_starts_during_an_expected_peak(play):
    yesterday = minute_of(NOON) - 1440
    play.shared.usage.note(DemandSeries(yesterday + 10, *(np.full(20, 30, np.float32) for _ in range(3))))
    play.keeper.want(20)
    await play.minutes(60)
    at = [(instant - NOON) // MINUTE for instant, _ in play.units.log]

    assert [minute for minute in at if 10 <= minute < 30] == []
    assert min(minute for minute in at if minute >= 30) <= 31


async def test_a_deployment_invalidates_proofs_and_does_not_change_the_pause(play):
    play.keeper.want(20)
    await play.minutes(2)
    pause = play.keeper.idle_timeout.pause
    play.units.kill()
    play.units.version = "2"
    await play.minutes(4)

    assert play.keeper.rounds.proof.generation == "2"
    assert play.ready == 20
    assert play.keeper.idle_timeout.pause >= pause


async def test_units_of_an_older_deployment_prove_nothing(play):
    play.units.old = 7
    play.keeper.want(20)
    await play.minutes(1)

    assert play.ready == 13
    assert play.keeper.rounds.proof.generation == "1"


async def test_no_retry_starts_during_an_expected_peak(play):
    """The round in the fourth minute fails. From the fifth on users are expected, who had as many units in use yesterday."""
    play.shared.usage.note(DemandSeries(minute_of(NOON) - 1440 + 4, *(np.full(10, 30, np.float32) for _ in range(3))))
    play.keeper.want(20)
    await play.minutes(2)
    play.units.refusing = Throttled("agent: too many")
    await play.minutes(2)
    failed = [(at - NOON) // MINUTE for at, _ in play.units.log if at > NOON + 2 * MINUTE]
    play.units.refusing = None
    await play.minutes(20)
    tried = [(at - NOON) // MINUTE for at, _ in play.units.log if at > NOON + 4 * MINUTE]

    assert failed != []
    assert min(tried) >= 14


async def test_own_pings_are_recorded_as_own_traffic(play):
    play.keeper.want(20)
    await play.minutes(1)
    first = minute_of(NOON)
    seen = DemandSeries(first, *(np.array([value], np.float32) for value in (20, 21 * 0.15 / 60, 21)))

    without = play.shared.own_traffic.bounded(play.shared.own_traffic.without(seen))
    assert (without.peak.tolist(), without.invocations.tolist()) == ([0.0], [0.0])


async def test_cold_responses_give_the_start_time(play):
    assert play.keeper.rounds.init_seconds is None
    play.keeper.want(3)
    await play.minutes(1)

    assert play.keeper.rounds.init_seconds == 8.0


async def test_closing_ends_a_round_under_way(play):
    play.keeper.want(3)
    await asyncio.sleep(0)
    await play.keeper.close()
    sent = len(play.units.log)
    await play.minutes(20)

    assert len(play.units.log) == sent


async def test_a_simulated_clock_does_not_advance_during_pings():
    """Units hold pings and start in real time. A faster clock would change the meaning of timeouts and pauses."""
    clock, rates, proved = ScaledClock(NOON, 600), [], asyncio.Event()

    class Watched(Units):
        async def canary(self):
            rates.append(clock.rate)
            return await super().canary()

        async def burst(self, count, hold):
            rates.append(clock.rate)
            if len(rates) > 2:
                proved.set()
            return await super().burst(count, hold)

    keeper = KeepAliveLoop(Watched(clock), clock, np.random.default_rng(1), IdleTimeoutEstimator(4 * MINUTE, 15 * MINUTE),
                           Pinged())
    keeper.want(3)
    await asyncio.wait_for(proved.wait(), PATIENCE_SECONDS)
    await keeper.close()

    assert set(rates) == {1.0}
    assert clock.rate == 600


async def test_bursts_do_not_overlap_on_a_clock_that_stands_still_during_pings():
    """Each ping holds its unit for 2 s of a clock that stands still meanwhile."""
    clock, bursts = ScaledClock(NOON, 600), []

    class Held(Units):
        async def canary(self):
            return replace(await super().canary(), occupied=2.0)

        async def burst(self, count, hold):
            bursts.append(clock.now())
            return [replace(each, occupied=2.0) for each in await super().burst(count, hold)]

    keeper = KeepAliveLoop(Held(clock), clock, np.random.default_rng(1), IdleTimeoutEstimator(4 * MINUTE, 15 * MINUTE),
                           Pinged())
    keeper.want(3)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(bursts) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    await keeper.close()

    assert bursts[0] - NOON >= timedelta(seconds=2)
    assert bursts[1] - bursts[0] >= timedelta(seconds=2)

"""What providers are told ahead, on a fleet at work."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from adapters.clock import ManualClock
from adapters.errors import Unreachable
from config.dead_man import DeadMan
from controller.dead_men import DeadMen, is_due
from controller.plan import Code, PoolState
from tests.builders import NOON, pool_policy
from tests.fakes import FakeLever, steady
from tests.worlds import world

MINUTE = timedelta(minutes=1)
HALF_HOUR = DeadMan(after=timedelta(minutes=30))


class Decaying(FakeLever):
    """As a provider with scheduled actions; `fire` does what it was told."""

    def __init__(self, clock, requested=0):
        super().__init__(clock, requested=requested)
        self.armed = None
        self.orders, self.disarmed = [], 0
        self.refuses = None

    async def arm(self, at, most):
        if self.refuses is not None:
            raise self.refuses
        self.armed = at, most
        self.orders.append((self.clock.now(), at, most))

    async def disarm(self):
        self.armed, self.disarmed = None, self.disarmed + 1

    def fire_if_due(self):
        if self.armed is not None and self.clock.now() >= self.armed[0]:
            if self.paper.requested > self.armed[1]:
                self.foreign(self.armed[1])
            self.armed = None
            return True
        return False


@pytest.fixture
def clock():
    return ManualClock(NOON)


def fleet_of(clock, folder, traffic, **changes):
    levers = {name: Decaying(clock) for name in traffic}
    return world(clock, folder, traffic, levers=levers, **({"dead_man": HALF_HOUR} | changes))


async def live(here, clock, minutes, men=None):
    men = men or DeadMen(here.fleet, clock, here.store)
    for _ in range(minutes):
        await here.tick()
        await men.renew()
        await clock.advance(MINUTE)
        assert not any(lever.fire_if_due() for lever in here.levers.values())
    return men


async def test_while_the_daemon_lives_nothing_fires_and_few_calls_are_made(clock, tmp_path):
    traffic = {f"p{at}": steady(5) for at in range(30)}
    async with fleet_of(clock, tmp_path, traffic) as here:
        await live(here, clock, 120)

        for lever in here.levers.values():
            assert 8 <= len(lever.orders) <= 13
            assert {most for *_, most in lever.orders} == {1}
        later = [at for lever in here.levers.values() for at, *_ in lever.orders[1:]]
        assert max(map(later.count, later)) <= 15


async def test_the_order_is_the_floor_in_force_and_never_nothing(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}, min=3) as here:
        await live(here, clock, 2)

        assert here.levers["a"].armed[1] == 3


async def test_shadow_pools_and_what_stoker_has_not_set_are_told_nothing(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(0)}) as here:
        await live(here, clock, 3)
        assert here.levers["a"].orders == []
    async with fleet_of(clock, tmp_path / "..", {"a": steady(5)}, mode="shadow") as here:
        await live(here, clock, 3)
        assert here.levers["a"].orders == []


async def test_what_fell_while_no_daemon_lived_is_no_foreign_write_and_is_raised_again(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 3)
        levers = here.levers
    await clock.advance(timedelta(hours=1))
    assert levers["a"].fire_if_due()
    assert levers["a"].paper.requested == 1
    async with world(clock, tmp_path, {"a": steady(5)}, levers=levers, dead_man=HALF_HOUR) as here:
        men = await live(here, clock, 2)

        assert levers["a"].paper.requested == 5
        assert here.fleet.reconcilers["a"].state.foreign_since is None
        await live(here, clock, 60, men)


async def test_a_change_to_another_number_is_still_somebody_elses(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 3)
        here.levers["a"].foreign(2)
        await live(here, clock, 12)

        assert here.fleet.plans["a"].reasons[-1].code is Code.FOREIGN_WRITE


async def test_who_stands_by_orders_nothing_and_who_leads_puts_off_what_another_ordered(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 2)
        each, lever = here.fleet.reconcilers["a"], here.levers["a"]
        told = len(lever.orders)
        each.state = replace(each.state, written=None, decays_at=None, decays_to=None)

        each.tenure = SimpleNamespace(barred="another leads", number=None)
        assert not is_due(each, clock.now())
        each.tenure = SimpleNamespace(barred=None, number=7)
        await DeadMen(here.fleet, clock, here.store).renew()
        assert len(lever.orders) == told + 1


async def test_a_provider_that_refuses_is_asked_again_and_told_once(clock, tmp_path, capsys):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        here.levers["a"].refuses = Unreachable("no answer")
        men = await live(here, clock, 5)
        assert men.errors == {"a": "no answer"}
        here.levers["a"].refuses = None
        await live(here, clock, 2, men)

        assert here.levers["a"].armed is not None
        assert capsys.readouterr().out.count("dead-man-failed") == 1


async def test_taken_out_of_the_policy_the_order_is_taken_back(clock, tmp_path):
    async with fleet_of(clock, tmp_path, {"a": steady(5)}) as here:
        await live(here, clock, 3)
        levers = here.levers
    async with world(clock, tmp_path, {"a": steady(5)}, levers=levers) as here:
        await live(here, clock, 2)

        assert (levers["a"].armed, levers["a"].disarmed) == (None, 1)
        assert here.fleet.reconcilers["a"].state.decays_at is None


async def test_an_end_that_releases_takes_the_order_back_and_one_that_holds_does_not(clock, tmp_path):
    traffic = {"release": steady(5), "hold": steady(5)}
    async with fleet_of(clock, tmp_path, traffic) as here:
        each = here.fleet.reconcilers["release"]
        each.policy = each.policy.model_copy(update={"on_exit": "release"})
        await live(here, clock, 3)
        await here.fleet.close(leave=True)

        assert here.levers["release"].disarmed == 1
        assert here.levers["hold"].armed is not None


def test_a_clock_that_was_set_back_does_not_bring_an_order_forward():
    from controller.plan import caught_up
    state = PoolState(written=5, decays_at=NOON + timedelta(minutes=30), decays_to=1)

    assert caught_up(state, NOON).decays_at == NOON + timedelta(minutes=30)


def test_a_lever_without_scheduled_actions_is_never_due(clock):
    class Pool:
        policy, lever, state = pool_policy(dead_man=HALF_HOUR), FakeLever(clock), PoolState(written=5)

    assert not is_due(Pool(), NOON)

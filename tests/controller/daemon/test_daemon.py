import asyncio
import contextlib
from datetime import timedelta

import pytest

from adapters.runtime.clock import ManualClock, ScaledClock
from controller.daemon.daemon import Daemon
from controller.fleet.builder import load_measured
from controller.http.server import CannotListen
from controller.store.state_store import Store, StoreError
from tests.builders import NOON, pool_policy
from tests.fakes import FakeLever, FakeProviders, FakeSource, steady
from tests.patience import PATIENCE_SECONDS
from tests.services import ticking
from tests.worlds import policy_of

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    return ManualClock(NOON)


@contextlib.asynccontextmanager
async def running(service):
    async with ticking(service):
        yield service


def service_of(clock, folder, units=3.0, levers=None, **changes):
    providers = FakeProviders([(FakeSource({"a": steady(units)}), ("a",))], clock, levers or {})
    return Daemon(policy_of([pool_policy(name="a", **changes)]), providers, clock, folder, port=0)


async def test_a_restart_changes_no_capacity(clock, tmp_path):
    levers = {"a": FakeLever(clock)}
    async with running(service_of(clock, tmp_path, levers=levers)):
        assert levers["a"].writes == [3]
    async with running(service_of(clock, tmp_path, levers=levers)) as again:
        assert levers["a"].writes == [3]
        assert again.runtime.components.fleet.reconcilers["a"].state.written == 3


async def test_a_restart_lowers_nothing_before_demand_is_read(clock, tmp_path):
    levers = {"a": FakeLever(clock)}
    async with running(service_of(clock, tmp_path, units=8.0, levers=levers)):
        pass
    blind = service_of(clock, tmp_path, units=0.0, levers=levers)
    blind._settings.providers.groups[0][0].silent = {"a": None}
    async with running(blind):
        assert levers["a"].writes == [8]


async def test_a_shadow_pool_continues_from_its_simulated_state(clock, tmp_path):
    levers = {"a": FakeLever(clock, requested=50)}
    async with running(service_of(clock, tmp_path, levers=levers, mode="shadow")) as first:
        assert first.runtime.components.fleet.reconcilers["a"].capacity.requested == 3
    async with running(service_of(clock, tmp_path, levers=levers, mode="shadow")) as second:
        assert second.runtime.components.fleet.reconcilers["a"].capacity.requested == 3
    assert levers["a"].writes == []
    assert "write" not in levers["a"].calls


async def test_a_pool_that_becomes_active_drops_simulated_writes(clock, tmp_path):
    levers = {"a": FakeLever(clock)}
    async with running(service_of(clock, tmp_path, levers=levers, mode="shadow")):
        pass
    async with running(service_of(clock, tmp_path, levers=levers)):
        assert levers["a"].writes == [3]


async def test_measurements_are_loaded_at_the_next_start(clock, tmp_path):
    levers = {"a": FakeLever(clock)}
    async with running(service_of(clock, tmp_path, levers=levers, memory_mb=None)) as first:
        for _ in range(12):
            await clock.advance(MINUTE)
            await first.runtime.tick.run()
        delay = first.runtime.components.fleet.regions[0].collector.meter.delay
        assert delay is not None
    async with running(service_of(clock, tmp_path, levers=levers, memory_mb=None)) as second:
        known = (await load_measured(second.runtime.store))["a"]
        assert known["memory_mb"] == 1024
        assert second.runtime.components.fleet.regions[0].collector.metric_delay == delay


async def test_accounts_continue_after_a_restart(clock, tmp_path):
    levers = {"a": FakeLever(clock)}
    async with running(service_of(clock, tmp_path, levers=levers)) as first:
        for _ in range(6):
            await clock.advance(MINUTE)
            await first.runtime.tick.run()
        assert sum(first.runtime.components.accounts.row("a")[0]) == 0, "nothing has settled"
    today, _ = first.runtime.components.accounts.row("a")
    assert sum(today) > 0
    async with running(service_of(clock, tmp_path, levers=levers)) as second:
        assert second.runtime.components.accounts.row("a")[0] == pytest.approx(today)


async def test_a_second_daemon_on_one_store_is_refused(clock, tmp_path):
    async with running(service_of(clock, tmp_path)):
        with pytest.raises(StoreError, match="in use by another Stoker"):
            async with running(service_of(clock, tmp_path)):
                pass


async def test_a_port_in_use_is_reported_and_the_store_is_closed(clock, tmp_path):
    async with running(service_of(clock, tmp_path / "one")) as first:
        second = service_of(clock, tmp_path / "two")
        second.port = first.port
        with pytest.raises(CannotListen, match="set another --port"):
            async with running(second):
                pass
    Store(tmp_path / "two" / "stoker.db").close()


async def test_stopping_closes_providers_and_ends_the_store_cleanly(clock, tmp_path):
    service = service_of(clock, tmp_path)
    async with running(service):
        pass

    assert service._settings.providers.closed
    with Store(tmp_path / "stoker.db") as store:
        assert store.load_states()["a"].written == 3
        assert store.intents() == {}


async def test_run_once_writes_and_ends(clock, tmp_path):
    levers = {"a": FakeLever(clock)}
    await service_of(clock, tmp_path, levers=levers).run_once()

    assert levers["a"].writes == [3]


async def test_a_failed_tick_is_logged_and_the_next_one_works(clock, tmp_path):
    async with running(service_of(clock, tmp_path)) as service:
        tick, began = service.runtime.components.fleet.tick, service.runtime.components.fleet.last.started_at

        async def broken():
            raise ZeroDivisionError("ours")
        service.runtime.components.fleet.tick = broken
        await service.runtime.tick.run()
        service.runtime.components.fleet.tick = tick
        await clock.advance(MINUTE)
        await service.runtime.tick.run()

        assert service.runtime.components.fleet.last.started_at == began + MINUTE


async def test_ticks_never_overlap(clock, tmp_path):
    async with running(service_of(clock, tmp_path)) as service:
        gate, runs = asyncio.Event(), []

        async def slow():
            runs.append(1)
            await gate.wait()
            return service.runtime.components.fleet.last
        service.runtime.components.fleet.tick = slow
        first, second = asyncio.create_task(service.runtime.tick.run()), asyncio.create_task(service.runtime.tick.run())
        await asyncio.wait_for(second, PATIENCE_SECONDS)
        gate.set()
        await first

        assert len(runs) == 1


async def test_a_scaled_clock_ticks_by_its_own_minutes(tmp_path):
    clock = ScaledClock(NOON, 600.0)
    async with running(service_of(clock, tmp_path)) as service, asyncio.timeout(PATIENCE_SECONDS):
        first = service.runtime.components.fleet.last.started_at
        while service.runtime.components.fleet.last.started_at < first + 3 * MINUTE:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

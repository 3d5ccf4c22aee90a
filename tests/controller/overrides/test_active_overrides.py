"""Active overrides of a running daemon: stored, expired and shown."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog

from adapters.runtime.clock import ManualClock
from controller.decision.planning.overrides_in_force import Kind, Override
from controller.decision.planning.plan import Action
from controller.store.state_store import Store, StoreError
from tests.builders import NOON
from tests.fakes import FakeLever, steady
from tests.services import serving

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PIN = Override(Kind.PIN, NOON + HOUR, "ana", "launch", 12, since=NOON)
PAUSE = Override(Kind.PAUSE, NOON + 2 * HOUR, "bo", "load test", since=NOON)


def test_overrides_are_stored_until_they_are_removed(tmp_path):
    with Store(tmp_path / "stoker.db") as store:
        store.overrides.save("a", PIN)
        store.overrides.save("a", PAUSE)
        store.overrides.save("a", replace(PIN, units=4))
        store.overrides.save("b", PIN)
        store.overrides.remove("b", [Kind.PIN, Kind.BOOST])
    with Store(tmp_path / "stoker.db") as store:
        assert store.overrides.load() == {"a": (PAUSE, replace(PIN, units=4))}


async def test_a_pin_applies_with_the_next_tick_and_expires(tmp_path):
    async with serving(tmp_path) as here:
        await here.components.active_overrides.add("a", replace(PIN, until=NOON + 3 * MINUTE))
        with structlog.testing.capture_logs() as logs:
            await here.ticks(2)
            assert here.levers["a"].writes[-1] == 12
            assert here.levers["b"].writes == [7]
            await here.ticks(2)

        assert here.levers["a"].writes[-1] == 3
        assert here.components.active_overrides.of("a", here.clock.now()) == ()
        assert here.service.runtime.store.store.overrides.load() == {}
    expired = [line for line in logs if line["event"] == "override-expired"]
    assert [(line["pool"], line["override"], line["by"], line["reason"]) for line in expired] == [
        ("a", "pin 12", "ana", "launch"),
    ]


async def test_overrides_survive_a_restart_and_expire(tmp_path):
    clock, levers = ManualClock(NOON), {}
    levers |= {name: FakeLever(clock) for name in ("a", "b")}
    async with serving(tmp_path, clock, levers) as here:
        await here.components.active_overrides.add("a", PIN)
        await here.components.active_overrides.add("b", PAUSE)
        await here.ticks()
    with structlog.testing.capture_logs() as logs:
        async with serving(tmp_path, clock, levers) as here:
            assert here.components.active_overrides.of("a", clock.now()) == (PIN,)
            here.source.traffic = {"a": steady(3), "b": steady(40)}
            await here.ticks(4)
            assert levers["a"].writes == [3, 12]
            assert here.components.fleet.plans["b"].action is Action.HOLD
            assert levers["b"].writes == [7]
    restored = [(line["pool"], line["override"]) for line in logs if line["event"] == "override-kept"]
    assert restored == [("a", "pin 12"), ("b", "pause")]

    await clock.advance(HOUR)  # the pin expires while no daemon runs
    async with serving(tmp_path, clock, levers) as here:
        assert here.components.active_overrides.of("a", clock.now()) == ()
        assert here.service.runtime.store.store.overrides.load() == {"b": (PAUSE,)}
        await here.ticks(3)
        assert levers["a"].writes[-1] == 3


async def test_in_shadow_an_override_writes_nothing(tmp_path):
    async with serving(tmp_path, mode="shadow") as here:
        await here.components.active_overrides.add("a", PIN)
        await here.ticks(4)
        _, pool, _ = await here.ask("GET", "/v1/pools/a")

        assert (pool["simulated_requested"], pool["simulated_ready"], pool["mode"]) == (12, 12, "shadow")
        assert here.levers["a"].writes == []


async def test_an_override_that_cannot_be_stored_has_no_effect(tmp_path):
    async with serving(tmp_path) as here:
        store = here.service.runtime.store.store
        working = store.overrides

        class Full:
            def save(self, *_):
                raise StoreError("stoker.db: the disk is full")
        store.overrides = Full()
        with pytest.raises(StoreError):
            await here.components.active_overrides.add("a", PIN)
        store.overrides = working
        await here.ticks()

        assert here.levers["a"].writes == [3]


async def test_a_newer_override_replaces_one_of_its_kind(tmp_path):
    async with serving(tmp_path) as here:
        overrides = here.components.active_overrides
        await overrides.add("a", PIN)
        await overrides.add("a", PAUSE)
        await overrides.add("a", replace(PIN, units=4))
        assert overrides.of("a", NOON) == (PAUSE, replace(PIN, units=4))
        assert await overrides.clear("a", [Kind.PAUSE, Kind.BOOST], NOON) == (PAUSE,)
        await here.ticks()

        assert here.levers["a"].writes[-1] == 4


async def test_an_expiry_does_not_delete_a_newer_override(tmp_path):
    async with serving(tmp_path) as here:
        overrides, later = here.components.active_overrides, replace(PIN, units=4, until=NOON + 3 * HOUR)
        for _ in range(20):
            await overrides.add("a", PIN)
            await asyncio.gather(overrides.add("a", later), overrides.expire(NOON + 2 * HOUR))
            assert overrides.of("a", NOON) == (later,)
            assert here.service.runtime.store.store.overrides.load() == {"a": (later,)}

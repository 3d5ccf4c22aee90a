"""Notifier of a daemon on fakes, with its store and a sink over real HTTP."""

import asyncio
import json
from datetime import timedelta

import numpy as np
import pytest

from adapters.ports.errors import PermissionDenied, Unreachable
from adapters.runtime.clock import ManualClock, ScaledClock, SystemClock
from adapters.webhook import Poster
from config.model.notify import Sink
from controller.leadership.leader_term import LeaderTerm
from controller.notifications.notifier import KEY, Notifier, deliveries_of, delivery_of
from tests.builders import NOON
from tests.fakes import FakeLease, steady
from tests.patience import PATIENCE_SECONDS
from tests.receivers import receiving
from tests.services import serving

MINUTE = timedelta(minutes=1)


def notifier_to(receiver, clock, *, reasons=None):
    """Return a function that builds a daemon's notifier. Deliveries use a running clock, so tests need not advance it; it is
    fast, because messages are 1 s apart.
    """
    sink = Sink(name="ops", kind="webhook", url_env="URL", reasons=reasons)

    def build(store):
        poster, rng = Poster(PATIENCE_SECONDS), np.random.default_rng(1)
        deliveries = deliveries_of([sink], {"URL": receiver.url}, "/stoker/test", poster, ScaledClock(NOON, 10), rng)
        return Notifier(deliveries, poster, "/stoker/test", clock, store)
    return build


async def ended(clock, task):
    """Advance the clock until a daemon has stopped: its stop waits for deliveries."""
    while not task.done():
        await clock.advance(timedelta(seconds=1))
        await asyncio.sleep(0.01)


TROUBLE = ("write-failed", "write-recovered", "metrics-stale", "metrics-back", "fault", "foreign-write")


async def test_a_failure_and_its_end_are_sent_once(tmp_path):
    clock = ManualClock(NOON)
    async with receiving() as receiver, serving(tmp_path, clock, notifier=notifier_to(receiver, clock, reasons=TROUBLE)) as here:
        here.levers["a"].failing["write"] = PermissionDenied("permission lambda:Put is missing: AKIAABCDEFGHIJKLMNOP")
        here.source.traffic["a"] = lambda minute: 40
        await here.ticks(4)
        await receiver.until(lambda: receiver.bodies)
        here.levers["a"].failing.clear()
        await here.ticks(9)
        await receiver.until(lambda: len(receiver.bodies) >= 2)

    assert receiver.reasons() == ["write-failed", "write-recovered"]
    first = receiver.bodies[0]
    assert (first["pools"], first["mode"], first["pools_total"]) == (["a"], "active", 1)
    assert "permission lambda:Put is missing" in first["text"]
    assert "AKIA" not in first["text"]


async def test_one_failure_of_many_pools_is_one_message(tmp_path):
    clock, names = ManualClock(NOON), [f"pool-{at}" for at in range(60)]
    async with receiving() as receiver, serving(tmp_path, clock, traffic=dict.fromkeys(names, steady(2)),
                                                notifier=notifier_to(receiver, clock, reasons=TROUBLE)) as here:
        here.source.broken = Unreachable("CloudWatch is away")
        await here.ticks(12)
        await receiver.until(lambda: receiver.bodies)

    assert receiver.reasons() == ["metrics-stale"]
    assert receiver.bodies[0]["pools_total"] == 60
    assert "CloudWatch is away" in receiver.bodies[0]["text"]


async def test_a_restart_repeats_nothing_and_delivers_the_undelivered(tmp_path):
    clock, levers, away = ManualClock(NOON), {}, Unreachable("CloudWatch is away")
    async with receiving() as receiver:
        build = notifier_to(receiver, clock, reasons=("metrics-stale", "metrics-back"))
        receiver.answers = [503] * 2
        async with serving(tmp_path, clock, levers, notifier=build) as here:
            here.source.broken = away
            await here.ticks(12)
            closing = asyncio.create_task(ended(clock, asyncio.current_task()))
            await receiver.until(lambda: receiver.tries >= 1)
            stored = json.loads(here.service.runtime.store.store.load_blob(KEY))
            assert len(stored["waiting"]["ops"]) == 1
        closing.cancel()
        for _ in range(2):
            async with serving(tmp_path, clock, levers, notifier=build, broken=away) as here:
                await here.ticks(12)
                await receiver.until(lambda: receiver.bodies)

    assert [body["id"] for body in receiver.bodies] == [stored["waiting"]["ops"][0][0]]


async def test_a_sink_that_hangs_delays_no_tick(tmp_path):
    clock = ManualClock(NOON)
    async with receiving() as receiver:
        receiver.answers = ["hang"] * 50
        async with serving(tmp_path, clock, notifier=notifier_to(receiver, clock)) as here:
            here.source.broken = Unreachable("away")
            await here.ticks(15)
            assert here.components.notifier.deliveries[0].waiting
            receiver.hanging.set()
            closing = asyncio.create_task(ended(clock, asyncio.current_task()))
        closing.cancel()


async def test_start_is_sent_and_shadow_pools_are_marked(tmp_path):
    clock = ManualClock(NOON)
    async with receiving() as receiver:
        async with serving(tmp_path, clock, mode="shadow", notifier=notifier_to(receiver, clock)) as here:
            here.source.broken = Unreachable("away")
            await here.ticks(12)
            await receiver.until(lambda: len(receiver.bodies) == 2)
            closing = asyncio.create_task(ended(clock, asyncio.current_task()))
        closing.cancel()

    assert receiver.reasons()[:2] == ["started", "metrics-stale"]
    assert receiver.bodies[1]["mode"] == "shadow"
    assert "(shadow: simulated, nothing was written; a, b): " in receiver.bodies[1]["text"]


async def test_start_and_end_of_an_override_are_sent(tmp_path):
    clock = ManualClock(NOON)
    async with receiving() as receiver, serving(
            tmp_path, clock, notifier=notifier_to(receiver, clock, reasons=("override-set", "override-ended"))) as here:
        await here.ask("POST", "/v1/pools/a/overrides", token="correct-horse-battery-staple",
                       json={"kind": "pause", "for": "5m", "reason": "incident", "by": "ann"})
        await here.ticks(8)
        await receiver.until(lambda: len(receiver.bodies) == 2)

    assert receiver.reasons() == ["override-set", "override-ended"]
    assert "by ann (incident)" in receiver.bodies[0]["text"]


async def test_an_unreadable_snapshot_is_ignored(tmp_path):
    clock = ManualClock(NOON)
    async with receiving() as receiver:
        async with serving(tmp_path, clock) as here:
            await here.service.runtime.store.run(here.service.runtime.store.store.save_blob, KEY, b'{"sent": [5]}', clock.now())
        async with serving(tmp_path, clock, notifier=notifier_to(receiver, clock, reasons=("started",))):
            await receiver.until(lambda: receiver.bodies)


@pytest.mark.parametrize("environment", [{}, {"URL": ""}, {"URL": "hooks.slack.com/x"}, {"URL": "https://x"}])
def test_a_sink_without_its_variables_is_skipped(environment):
    sink = Sink(name="ops", kind="webhook", url_env="URL", secret_env="KEY")

    assert deliveries_of([sink], environment, "s", Poster(), SystemClock(), np.random.default_rng(1)) == []


@pytest.mark.parametrize(("url", "words"), [
    ("hooks.example/x", "HOOK has no scheme"), ("http://", "HOOK has no host"), ("http://[::1", "HOOK is not a URL"),
    ("https://hooks.example:99999/x", "HOOK has a port"), ("ftp://hooks.example/x", "HOOK has a scheme other than")])
def test_a_variable_without_a_url_is_named_and_not_quoted(url, words):
    sink = Sink(name="ops", kind="webhook", url_env="HOOK")
    reason = delivery_of(sink, {"HOOK": url}, "s", Poster(), SystemClock(), np.random.default_rng(1))

    assert words in reason
    assert url not in reason


async def test_an_internal_error_in_the_notifier_stops_no_tick(tmp_path, monkeypatch):
    from controller.notifications import notifier
    clock = ManualClock(NOON)

    def broken(*_):
        raise RuntimeError("an internal error")
    async with receiving() as receiver, serving(
            tmp_path, clock, notifier=notifier_to(receiver, clock, reasons=("fault",))) as here:
        monkeypatch.setattr(notifier, "current_conditions", broken)
        before = here.service.runtime.published.revision
        await here.ticks()
        assert here.service.runtime.published.revision == before + 1


async def test_an_event_without_effect_is_sent(tmp_path):
    clock = ManualClock(NOON)
    async with receiving() as receiver, serving(
            tmp_path, clock, notifier=notifier_to(receiver, clock, reasons=("event-no-effect",))) as here:
        here.components.fleet.region_of["a"].events = Warned()
        await here.ticks(2)
        await receiver.until(lambda: receiver.bodies)

    assert receiver.reasons() == ["event-no-effect"]
    assert receiver.bodies[0]["text"] == "a (active): event 'sale' had only 1.1 times the usual"


async def test_a_new_leader_is_sent_once(tmp_path):
    clock = ManualClock(NOON)
    async with receiving() as receiver, serving(
            tmp_path, clock, notifier=notifier_to(receiver, clock, reasons=("leader-changed",))) as here:
        await here.ticks()
        here.components.fleet.term = LeaderTerm(FakeLease("another daemon leads"))
        await here.ticks()
        here.components.fleet.term = LeaderTerm(FakeLease(), 7)
        await here.ticks(3)
        await receiver.until(lambda: receiver.bodies)

    assert [body["text"] for body in receiver.bodies] == ["this daemon is now the leader (fencing token 7)"]


class Warned:
    """Event tracker with a warning about one event."""

    async def prepare(self, *_):
        pass

    def event_demand(self, *_):
        return None

    def upcoming(self, *_):
        return []

    def warnings(self, name):
        return ["event 'sale' had only 1.1 times the usual"] if name == "a" else []

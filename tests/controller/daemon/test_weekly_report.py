"""Weekly report: sent once a week, by the leader, also over restarts."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.runtime.clock import ManualClock
from config.model.notify import WeeklyReport
from config.model.policy import Assume, Policy
from controller.daemon import jobs
from controller.daemon.weekly_report import send_weekly_report
from controller.leadership.leader_term import LeaderTerm
from controller.store.sqlite_file import StoreError
from tests.builders import pool_policy
from tests.controller.notifications.test_notifier import notifier_to
from tests.fakes import FakeLease
from tests.receivers import receiving
from tests.services import serving

SUNDAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
MONDAY_8 = datetime(2026, 3, 2, 8, tzinfo=UTC)
WEEK = timedelta(days=7)
REASONS = ("weekly-report",)


async def check(here, at):
    """Run the job at an instant."""
    here.clock.set(at)
    runtime = here.service.runtime
    runtime.reloader.policy = with_report(runtime.policy)
    await send_weekly_report(runtime, here.service._settings)


def with_report(policy):
    return Policy.model_construct(version=1, pools=policy.pools, assume=Assume(), weekly_report=WeeklyReport())


@pytest.fixture
def clock():
    return ManualClock(SUNDAY)


async def test_it_is_sent_once_when_it_is_due(tmp_path, clock):
    async with receiving() as receiver, serving(tmp_path, clock, mode="shadow",
                                                notifier=notifier_to(receiver, clock, reasons=REASONS)) as here:
        for at in (SUNDAY, MONDAY_8 - timedelta(minutes=1)):
            await check(here, at)
        assert not here.components.notifier.deliveries[0].waiting
        for at in (MONDAY_8, MONDAY_8 + timedelta(minutes=5), MONDAY_8 + timedelta(days=6)):
            await check(here, at)
        await receiver.until(lambda: receiver.bodies)
        await check(here, MONDAY_8 + WEEK)
        await receiver.until(lambda: len(receiver.bodies) == 2)

    first, second = receiver.bodies
    assert first["reason"] == "weekly-report"
    assert first["text"].startswith("Weekly report, 2026-02-23 00:00 to 2026-03-02 08:00 UTC\n2 pools in shadow mode, simulated")
    assert "Ready for active: 0 of 2 in shadow mode; not ready: a, b." in first["text"]
    assert second["text"].startswith("Weekly report, 2026-03-02 00:00 to 2026-03-09 08:00 UTC")
    assert first["id"] != second["id"]


async def test_a_restart_sends_none_again_and_one_that_was_missed_late(tmp_path, clock):
    async with receiving() as receiver:
        build = notifier_to(receiver, clock, reasons=REASONS)
        async with serving(tmp_path, clock, notifier=build) as here:
            for at in (SUNDAY, MONDAY_8):
                await check(here, at)
            await receiver.until(lambda: receiver.bodies)
        async with serving(tmp_path, clock, notifier=build) as here:
            await check(here, MONDAY_8 + timedelta(hours=2))
            assert len(receiver.bodies) == 1
            await check(here, MONDAY_8 + WEEK + timedelta(days=2))
            await receiver.until(lambda: len(receiver.bodies) == 2)
    assert "to 2026-03-11 08:00 UTC" in receiver.bodies[1]["text"]


async def test_a_standby_sends_none_and_a_later_leader_does_not_repeat_it(tmp_path, clock):
    async with receiving() as receiver, serving(tmp_path, clock, notifier=notifier_to(receiver, clock, reasons=REASONS)) as here:
        fleet = here.components.fleet
        await check(here, SUNDAY)
        fleet.start_term(LeaderTerm(FakeLease("another daemon leads")))
        for at in (MONDAY_8, MONDAY_8 + timedelta(hours=2)):
            await check(here, at)
        fleet.start_term(LeaderTerm(FakeLease(), 2))
        await check(here, MONDAY_8 + timedelta(hours=3))
        assert not here.components.notifier.deliveries[0].waiting
    assert receiver.bodies == []


async def test_a_daemon_that_takes_over_within_an_hour_sends_it(tmp_path, clock):
    async with receiving() as receiver, serving(tmp_path, clock, notifier=notifier_to(receiver, clock, reasons=REASONS)) as here:
        fleet = here.components.fleet
        await check(here, SUNDAY)
        fleet.start_term(LeaderTerm(FakeLease("the leader is unknown")))
        await check(here, MONDAY_8 + timedelta(minutes=5))
        fleet.start_term(LeaderTerm(FakeLease(), 2))
        await check(here, MONDAY_8 + timedelta(minutes=10))
        await receiver.until(lambda: receiver.bodies)
    assert receiver.reasons() == ["weekly-report"]


async def test_a_store_that_fails_is_logged_and_the_report_is_sent_later(tmp_path, clock, monkeypatch):
    async with receiving() as receiver, serving(tmp_path, clock, notifier=notifier_to(receiver, clock, reasons=REASONS)) as here:
        await check(here, SUNDAY)
        store = here.service.runtime.store.store
        with monkeypatch.context() as failing:
            failing.setattr(type(store), "load_demand", fail)
            await check(here, MONDAY_8)
        assert not here.components.notifier.deliveries[0].waiting
        await check(here, MONDAY_8 + timedelta(minutes=5))
        await receiver.until(lambda: receiver.bodies)


def fail(*_):
    raise StoreError("the disk failed")


async def test_none_is_sent_without_the_key_or_without_a_sink(tmp_path, clock):
    async with serving(tmp_path, clock) as here:
        await check(here, SUNDAY)
        assert here.service.runtime.store.store.load_blob("weekly-report") is None
    async with receiving() as receiver, serving(tmp_path, clock, notifier=notifier_to(receiver, clock)) as here:
        await send_weekly_report(here.service.runtime, here.service._settings)
        assert here.service.runtime.store.store.load_blob("weekly-report") is None


def test_the_daemon_checks_every_few_minutes():
    names = {name: (every, job) for name, every, job in jobs.PERIODIC}
    assert names["weekly-report"] == (timedelta(minutes=5), send_weekly_report)


def test_the_pools_of_these_tests_are_those_of_a_policy():
    assert with_report(Policy.model_construct(pools=(pool_policy(),))).weekly_report == WeeklyReport(weekday="mon", hour=8)

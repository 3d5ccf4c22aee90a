import asyncio
from datetime import UTC, datetime, timedelta

import apscheduler.executors.base
import apscheduler.schedulers.base
import structlog.testing

from adapters.runtime.clock import ScaledClock, SystemClock
from controller.daemon.scheduler import Scheduler
from tests.builders import NOON
from tests.patience import PATIENCE_SECONDS


async def test_an_interval_is_divided_by_the_clocks_factor():
    runs, enough = [], asyncio.Event()

    async def job():
        runs.append(1)
        if len(runs) == 3:
            enough.set()
    timetable = Scheduler(ScaledClock(NOON, 1200.0))
    timetable.every("tick", timedelta(minutes=1), job)
    timetable.start()
    await asyncio.wait_for(enough.wait(), PATIENCE_SECONDS)
    timetable.stop()


async def test_a_running_job_is_not_started_again_and_a_warning_is_logged():
    started = []

    async def job():
        started.append(1)
        await asyncio.Event().wait()
    timetable = Scheduler(ScaledClock(NOON, 1200.0))
    timetable.every("tick", timedelta(minutes=1), job)
    with structlog.testing.capture_logs() as lines:
        timetable.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not any(line["event"] == "overrun" for line in lines):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        timetable.stop()
        await asyncio.sleep(0)

    assert len(started) == 1


async def test_a_job_cancelled_by_stop_is_not_a_failure():
    started = asyncio.Event()

    async def job():
        started.set()
        await asyncio.Event().wait()
    timetable = Scheduler(ScaledClock(NOON, 1200.0))
    timetable.every("tick", timedelta(minutes=1), job)
    with structlog.testing.capture_logs() as lines:
        timetable.start()
        await asyncio.wait_for(started.wait(), PATIENCE_SECONDS)
        timetable.stop()
        for _ in range(10):
            await asyncio.sleep(0.01)

    assert not [line for line in lines if line["event"] == "job-failed"]


async def test_a_failed_job_is_logged_and_runs_again():
    runs = []

    async def job():
        runs.append(1)
        raise ZeroDivisionError("ours")
    timetable = Scheduler(ScaledClock(NOON, 1200.0))
    timetable.every("tick", timedelta(minutes=1), job)
    with structlog.testing.capture_logs() as lines:
        timetable.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(runs) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        timetable.stop()

    assert "ours" in next(line["error"] for line in lines if line["event"] == "job-failed")


async def test_jobs_continue_after_the_clock_is_set_back(monkeypatch):
    back, runs = [timedelta(0)], []

    class Machine(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - back[0]
    for module in (apscheduler.schedulers.base, apscheduler.executors.base):
        monkeypatch.setattr(module, "datetime", Machine)
    monkeypatch.setattr(Scheduler, "_machine_now", staticmethod(lambda: Machine.now(UTC)))

    async def job():
        runs.append(1)
    timetable = Scheduler(ScaledClock(NOON, 600.0), watch_seconds=0.05)
    timetable.every("tick", timedelta(minutes=1), job)
    with structlog.testing.capture_logs() as lines:
        timetable.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not runs:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            back[0] = timedelta(hours=1)
            while not any(line["event"] == "clock-set-back" for line in lines):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            runs.clear()
            while len(runs) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        timetable.stop()


async def test_the_first_run_falls_on_the_whole_minute():
    timetable = Scheduler(SystemClock())
    timetable.every("tick", timedelta(minutes=1), asyncio.Event().wait)
    timetable.start()
    due = timetable._scheduler.get_job("tick").next_run_time
    timetable.stop()

    off = due.timestamp() % 60
    assert min(off, 60 - off) < 0.1

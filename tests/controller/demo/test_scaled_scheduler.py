"""The scheduler of the demo: each tick runs at its minute, at any duration of the work and any speed of the clock."""

import asyncio
from datetime import UTC, datetime, timedelta

from adapters.runtime.clock import ScaledClock, SystemClock
from controller.demo.scaled_scheduler import ScaledScheduler
from tests.patience import PATIENCE_SECONDS

START = datetime(2026, 3, 3, 8, 59, 30, tzinfo=UTC)


async def fired(work_seconds: float, count: int, factor: float, *, fails: bool = False) -> list[datetime]:
    """When the first `count` runs of a minute's job began, each taking so long in the machine's time."""
    clock, machine, times, done = ScaledClock(START, factor), SystemClock(), [], asyncio.Event()
    scheduler = ScaledScheduler(clock)

    async def job() -> None:
        times.append(clock.now())
        if len(times) == count:
            done.set()
        await machine.sleep(work_seconds)
        if fails:
            raise RuntimeError("a fault of ours")

    scheduler.every("tick", timedelta(minutes=1), job)
    scheduler.start()
    await asyncio.wait_for(done.wait(), PATIENCE_SECONDS)
    scheduler.stop()
    return times


async def test_no_minute_is_skipped_by_work_that_takes_longer_than_a_minute_at_full_speed():
    times = await fired(work_seconds=0.05, count=6, factor=6000)  # a minute is 0.01 s when nothing is done

    assert [each.replace(second=0, microsecond=0) for each in times] == [
        START.replace(second=0) + timedelta(minutes=minute) for minute in range(1, 7)]


async def test_jobs_that_are_due_at_one_instant_run_one_after_another_at_that_instant():
    clock, machine, log, done = ScaledClock(START, 6000), SystemClock(), [], asyncio.Event()
    scheduler = ScaledScheduler(clock)

    def job(name: str, work_seconds: float):
        async def run() -> None:
            log.append((name, "begins", clock.now()))
            await machine.sleep(work_seconds)
            log.append((name, "ends", clock.now()))
            if len(log) >= 8:
                done.set()
        return run

    scheduler.every("tick", timedelta(minutes=1), job("tick", 0.03))
    scheduler.every("keep", timedelta(minutes=1), job("keep", 0.0))
    with clock.at_work():
        scheduler.start()
    await asyncio.wait_for(done.wait(), PATIENCE_SECONDS)
    scheduler.stop()

    minutes = [START.replace(second=0) + timedelta(minutes=minute) for minute in (1, 2)]
    assert log[:8] == [(name, what, at) for at in minutes for name in ("tick", "keep") for what in ("begins", "ends")]


async def test_a_job_that_fails_runs_again():
    assert len(await fired(work_seconds=0, count=3, factor=6000, fails=True)) == 3

"""Workers that succeed, fail, crash and hang."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import structlog

from controller.forecasts import worker_pool
from controller.forecasts.worker_pool import ForecastWorkers
from forecasting.harmonic import fit_outlook
from tests.patience import PATIENCE_SECONDS


def wave(days: int) -> np.ndarray:
    clock = np.arange(days * 96)
    level = 10 + 8 * np.sin(2 * np.pi * clock / 96) + np.random.default_rng(3).normal(0, 0.3, len(clock))
    return np.stack([level - 1, level, level + 1], axis=1).astype(np.float32)


def fail() -> None:
    raise ZeroDivisionError


@pytest.fixture
async def start():
    pools = []

    def begin(patience: timedelta = timedelta(seconds=PATIENCE_SECONDS)) -> ForecastWorkers:
        pools.append(ForecastWorkers(patience=patience))
        return pools[-1]

    yield begin
    for jobs in pools:
        await jobs.close()


async def test_a_worker_returns_the_result_of_a_fit(start):
    fitted = await start().run(fit_outlook, wave(5), 1_900_000)
    assert fitted is not None
    middle = fitted.quantiles[:, 1]
    buckets = np.arange(fitted.first_bucket, fitted.first_bucket + len(middle)) - 1_900_000
    np.testing.assert_allclose(middle, 10 + 8 * np.sin(2 * np.pi * buckets / 96), atol=1.5)


async def test_a_result_of_none_is_not_a_failure(start):
    jobs = start()
    assert await jobs.run(fit_outlook, wave(1), 1_900_000) is None
    assert jobs.failures == 0


@pytest.mark.parametrize(("work", "argument"), [(os._exit, 1), (time.sleep, 600)])
async def test_a_crashed_or_hanging_worker_loses_its_call_and_is_replaced(start, work, argument):
    jobs = start(patience=timedelta(seconds=PATIENCE_SECONDS if work is os._exit else 3))
    assert await jobs.run(work, argument) is None
    assert jobs.failures == 1
    jobs._patience = timedelta(seconds=PATIENCE_SECONDS)
    assert await jobs.run(abs, -3) == 3
    assert jobs.failures == 1


async def test_a_failing_call_is_counted_and_raises_nothing(start):
    jobs = start()
    assert await jobs.run(fail) is None
    assert jobs.failures == 1
    assert await jobs.run(abs, -3) == 3


async def test_close_kills_running_workers_and_starts_no_more(start):
    jobs = start()
    worker = await jobs.run(os.getpid)
    under_way = asyncio.create_task(jobs.run(time.sleep, 600))
    await asyncio.sleep(0.05)
    await asyncio.wait_for(jobs.close(), PATIENCE_SECONDS)
    assert await asyncio.wait_for(under_way, PATIENCE_SECONDS) is None
    assert await jobs.run(abs, -3) is None
    assert jobs.failures == 0
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


async def test_workers_that_do_not_end_delay_no_shutdown(start, monkeypatch):
    jobs, released = start(), threading.Event()
    monkeypatch.setattr(worker_pool, "MOST_CLOSING", timedelta(milliseconds=20))
    with monkeypatch.context() as stuck, structlog.testing.capture_logs() as logged:
        stuck.setattr(jobs, "_end", released.wait)
        await asyncio.wait_for(jobs.close(), PATIENCE_SECONDS)
    released.set()

    assert [line["event"] for line in logged] == ["forecast-workers-left"]


PARENT = """
import asyncio, os, time
from controller.forecasts.worker_pool import ForecastWorkers

async def main():
    jobs = ForecastWorkers()
    print(await jobs.run(os.getpid), flush=True)
    await jobs.run(time.sleep, 600)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_a_worker_ends_when_its_daemon_is_killed(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    with subprocess.Popen([sys.executable, tmp_path / "parent.py"], stdout=subprocess.PIPE, text=True) as parent:
        worker = int(parent.stdout.readline())
        parent.kill()
    until = time.monotonic() + PATIENCE_SECONDS
    while Path(f"/proc/{worker}").exists() and time.monotonic() < until and not defunct(worker):
        time.sleep(0.02)
    assert not Path(f"/proc/{worker}").exists() or defunct(worker)


def defunct(process: int) -> bool:
    """Return whether the process has exited, as a zombie or completely."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True

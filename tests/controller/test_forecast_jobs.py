"""Workers that fit, fail, die and hang."""

import os
import time
from datetime import timedelta

import numpy as np
import pytest

from controller.forecast_jobs import FIT_EVERY_MINUTES, ForecastJobs, due
from forecasting.combined import Remembered

NOTHING = Remembered(0, np.empty((0, 3), np.float32), np.empty((0, 3), np.float32))


def wave(days: int) -> Remembered:
    clock = np.arange(days * 96)
    level = 10 + 8 * np.sin(2 * np.pi * clock / 96) + np.random.default_rng(3).normal(0, 0.3, len(clock))
    rows = np.stack([level - 1, level, level + 1], axis=1).astype(np.float32)
    return Remembered(1_900_000, rows, rows / 2)


def die(remembered: Remembered) -> None:
    if not len(remembered.peak):
        os._exit(1)


def hang(remembered: Remembered) -> None:
    if not len(remembered.peak):
        time.sleep(600)


def fail(remembered: Remembered) -> None:
    raise ZeroDivisionError


@pytest.fixture
async def start():
    begun = []

    def begin(*args, **kwargs) -> ForecastJobs:
        begun.append(ForecastJobs(*args, **kwargs))
        return begun[-1]

    yield begin
    for jobs in begun:
        await jobs.close()


async def test_a_worker_fits_tomorrow_like_the_days_before(start):
    fitted = await start().fit(wave(5))
    assert fitted is not None
    first = fitted.peak.first_bucket
    middle = fitted.peak.quantiles[:, 1]
    buckets = np.arange(first, first + len(middle)) - 1_900_000
    np.testing.assert_allclose(middle, 10 + 8 * np.sin(2 * np.pi * buckets / 96), atol=1.5)


async def test_too_little_history_is_no_failure(start):
    jobs = start()
    assert await jobs.fit(wave(1)) is None
    assert jobs.failures == 0


@pytest.mark.parametrize("trouble", [die, hang])
async def test_a_dead_or_hanging_worker_costs_its_fit_and_is_replaced(start, trouble):
    jobs = start(fit=trouble, patience=timedelta(seconds=20 if trouble is die else 3))
    assert await jobs.fit(NOTHING) is None
    assert jobs.failures == 1
    jobs._patience = timedelta(seconds=60)
    assert await jobs.fit(wave(1)) is None
    assert jobs.failures == 1


async def test_a_failing_fit_is_counted_and_raises_nothing(start):
    jobs = start(fit=fail)
    assert await jobs.fit(NOTHING) is None
    assert jobs.failures == 1


def test_each_pool_is_due_once_in_six_hours_and_not_all_at_once():
    names = [f"pool-{number}" for number in range(2000)]
    minutes = [[minute for minute in range(FIT_EVERY_MINUTES) if due(name, minute)] for name in names[:50]]
    assert all(len(found) == 1 for found in minutes)
    assert max(sum(due(name, minute) for name in names) for minute in range(0, FIT_EVERY_MINUTES, 20)) < 25

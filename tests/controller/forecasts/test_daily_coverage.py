"""Coverage of forecasts by day, as it is counted and stored."""

from datetime import date, timedelta

import numpy as np

from controller.forecasts.accuracy_tracker import ForecastAccuracy
from controller.forecasts.daily_coverage import NONE, Coverage, DailyCoverage, stored_coverage
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from forecasting.demand import minute_of
from tests.builders import NOON
from tests.controller.forecasts.test_accuracy_tracker import flat, peaks

FIRST = minute_of(NOON)
DAY, NEXT = date(2026, 3, 2), date(2026, 3, 3)


async def kept(folder, coverage, at=NOON):
    store = AsyncStore(Store(folder / "stoker.db"))
    try:
        await coverage.save(store, at)
        return {day: stored_coverage(store.store, day) for day in (DAY, NEXT)}
    finally:
        await store.close()


async def test_each_minute_counts_once_for_its_day(tmp_path):
    accuracy = ForecastAccuracy(["a", "b"])
    midnight = minute_of(NOON) + 12 * 60
    for name in ("a", "b"):
        accuracy.set_forecast(name, midnight - 2, flat(2, 5, 9))
    accuracy.score(["b", "a"], midnight - 2, np.array([[np.nan, np.nan, np.nan], [2, 6, 9]], np.float32))

    stored = await kept(tmp_path, accuracy.coverage)
    # demand 2 equals P50 and is below P90 and P99; 6 is below P99 only; 9 on the next day equals P99
    assert stored[DAY] == {"a": Coverage(2, (0, 1, 2), (1, 1, 2))}
    assert stored[NEXT] == {"a": Coverage(1, (0, 0, 0), (0, 0, 1))}


async def test_a_restart_continues_the_counts_of_the_day(tmp_path):
    first = ForecastAccuracy(["a"])
    first.set_forecast("a", FIRST, flat(2, 5, 9))
    first.score(["a"], FIRST, peaks(1, 6))
    await kept(tmp_path, first.coverage)

    second = ForecastAccuracy(["b", "a"])
    store = AsyncStore(Store(tmp_path / "stoker.db"))
    await second.coverage.load(store, NOON + timedelta(hours=13))      # after midnight: yesterday's minutes settle late
    second.set_forecast("a", FIRST, flat(2, 5, 9))
    second.score(["a"], FIRST + 2, peaks(9))
    await second.coverage.save(store, NOON)
    await store.close()

    with Store(tmp_path / "stoker.db") as store:
        assert stored_coverage(store, DAY) == {"a": Coverage(3, (1, 1, 2), (1, 1, 3))}


async def test_unchanged_days_are_not_written_again(tmp_path):
    coverage = DailyCoverage(["a"])
    coverage.add(FIRST, np.array([0]), np.array([[1, 2, 3]], np.float32), np.array([1], np.float32))
    await kept(tmp_path, coverage)
    with Store(tmp_path / "stoker.db") as store:
        store.save_blob(f"forecast-coverage-{DAY}", b"{}", NOON)
    assert await kept(tmp_path, coverage) == {DAY: {}, NEXT: {}}


def test_a_snapshot_of_another_format_is_no_coverage(tmp_path):
    with Store(tmp_path / "stoker.db") as store:
        for body in (b"[]", b"{", b'{"a": 3}', b'{"a": [1, 2]}'):
            store.save_blob(f"forecast-coverage-{DAY}", body, NOON)
            assert stored_coverage(store, DAY) == {}


def test_coverages_add_up():
    assert Coverage(2, (0, 1, 2), (1, 1, 2)) + Coverage(1, (1, 1, 1), (1, 1, 1)) == Coverage(3, (1, 2, 3), (2, 2, 3))
    assert NONE + NONE == NONE

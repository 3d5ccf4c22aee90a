"""Generated traffic."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from adapters.sandbox.traffic.generator import SHAPES, Shape, TrafficGenerator, demand, history_and_traffic

MONDAY = 29_540_160  # 2 March 2026, 00:00 UTC
DAY = 1440


def made(shape: Shape, days: int = 7, seed: int = 1):
    return demand(shape, np.random.default_rng(seed), MONDAY, days * DAY)


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_gives_valid_demand(name: str) -> None:
    series = made(SHAPES[name])
    assert series.known.all()
    assert series.invocations.sum() > 0
    assert (series.busy <= series.peak).all()
    assert (series.busy >= 0).all()
    assert np.array_equal(series.peak, np.round(series.peak))


def test_average_concurrency_is_rate_times_length() -> None:
    series = made(Shape(tasks_a_minute=60, night_share=1, weekend_share=1, bursts_a_day=0, fan_out=1, call_seconds=10), 2)
    assert series.invocations.mean() == pytest.approx(60, rel=0.03)
    assert series.busy.mean() == pytest.approx(10, rel=0.03)


def test_days_have_a_shape_and_weekends_another() -> None:
    days = made(Shape(bursts_a_day=0), 14).invocations.reshape(14, 24, 60).sum(axis=2)
    assert days[:, 14].sum() > 5 * days[:, 2].sum()
    assert days[[0, 1, 2, 3, 4]].mean() > 2 * days[[5, 6]].mean()


def test_a_batch_comes_by_the_clock() -> None:
    series = made(Shape(tasks_a_minute=0, batch_every=60, batch_tasks=10, fan_out=1), 1)
    assert np.flatnonzero(series.invocations).tolist() == list(range(0, DAY, 60))


def test_fan_out_makes_peaks_without_more_work() -> None:
    flat = Shape(tasks_a_minute=24, night_share=1, weekend_share=1, bursts_a_day=0, fan_out=1)
    wide = replace(flat, tasks_a_minute=3, fan_out=8)
    narrow_series, wide_series = made(flat), made(wide)
    assert wide_series.busy.mean() == pytest.approx(narrow_series.busy.mean(), rel=0.1)
    assert np.quantile(wide_series.peak, 0.95) > 1.3 * np.quantile(narrow_series.peak, 0.95)


def test_the_same_seed_gives_the_same_traffic_and_pieces_join() -> None:
    assert np.array_equal(made(Shape()).peak, made(Shape()).peak)
    assert not np.array_equal(made(Shape()).peak, made(Shape(), seed=2).peak)
    long_calls = Shape(tasks_a_minute=5, call_seconds=600, night_share=1)
    generator = TrafficGenerator(long_calls, np.random.default_rng(1), MONDAY)
    first, second = generator.take(60), generator.take(60)
    assert second.first_minute == first.end_minute
    assert second.busy[0] == pytest.approx(first.busy[-1], rel=0.5)
    assert second.busy[0] > 20


def test_iteration_gives_the_minutes_of_the_days() -> None:
    rows = list(islice(TrafficGenerator(Shape(), np.random.default_rng(3), MONDAY), 10))
    series = demand(Shape(), np.random.default_rng(3), MONDAY, DAY)
    assert [row.peak for row in rows] == series.peak[:10].tolist()


def test_history_and_continuation_are_one_series() -> None:
    history, coming = history_and_traffic(SHAPES["support"], np.random.default_rng(3), MONDAY, days=2)
    assert (history.end_minute, len(history)) == (MONDAY, 2 * DAY)
    rng = np.random.default_rng(3)
    generator = TrafficGenerator(SHAPES["support"], rng, MONDAY - 2 * DAY)
    generator.take(2 * DAY)
    assert list(islice(coming, 50)) == list(islice(iter(generator), 50))

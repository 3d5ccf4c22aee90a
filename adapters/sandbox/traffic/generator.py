"""Generated traffic: tasks with a daily and weekly shape, bursts and batches, which fan out into calls."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.sandbox.traffic.recorded import Minute
from forecasting.demand import MINUTES_PER_DAY, DemandSeries

Floats = NDArray[np.float64]
EPOCH_WEEKDAY = 3  # 1 January 1970 was a Thursday; Monday is 0


@dataclass(frozen=True, slots=True)
class Shape:
    """Parameters of one agent's traffic.

    `tasks_a_minute`: rate at the peak of a weekday, which is at `busiest_hour` (UTC) and `width_hours` wide. `night_share` of
    it remains at night, `weekend_share` at weekends. The rate is multiplied by `burst_factor` on average `bursts_a_day` times a
    day, for `burst_minutes` (minimum, maximum). Every `batch_every` minutes (0: never) `batch_tasks` start at once. A task makes
    on average `fan_out` calls at once, at least one. A call lasts `call_seconds` on average, with a log-normal distribution.
    """

    tasks_a_minute: float = 6.0
    busiest_hour: float = 14.0
    width_hours: float = 5.0
    night_share: float = 0.08
    weekend_share: float = 0.3
    bursts_a_day: float = 2.0
    burst_factor: float = 4.0
    burst_minutes: tuple[int, int] = (5, 25)
    batch_every: int = 0
    batch_tasks: int = 0
    fan_out: float = 1.5
    call_seconds: float = 12.0


SHAPES = {
    "support": Shape(),
    "research": Shape(tasks_a_minute=0.6, bursts_a_day=4, burst_factor=6, fan_out=8, call_seconds=25, busiest_hour=10),
    "batch": Shape(tasks_a_minute=0.2, bursts_a_day=0, batch_every=60, batch_tasks=12, fan_out=2, call_seconds=40),
    "rare": Shape(tasks_a_minute=0.02, bursts_a_day=0.5, burst_factor=20, fan_out=3, call_seconds=8),
}
"""Predefined shapes: office hours, bursts with a wide fan-out, hourly batches, rare tasks."""


class _Calls(NamedTuple):
    """Start and end of calls, in seconds after the start of the first minute."""

    start: Floats
    end: Floats


class TrafficGenerator:
    """Generator of traffic of one shape from `first_minute` (since the epoch) on.

    The same shape, random generator and sequence of `take` give the same traffic. Calls continue into the next `take`.
    """

    def __init__(self, shape: Shape, rng: np.random.Generator, first_minute: int) -> None:
        self._shape, self._rng, self._minute = shape, rng, first_minute
        self._running = _Calls(np.empty(0), np.empty(0))

    def take(self, minutes: int) -> DemandSeries:
        """Return the next `minutes` (1 or more) of traffic."""
        rates = self._rates(minutes)
        calls = self._calls(self._rng.poisson(rates) + self._batches(minutes))
        running = _Calls(np.r_[self._running.start, calls.start], np.r_[self._running.end, calls.end])
        series = DemandSeries(self._minute, *_by_minute(running, calls, minutes))
        rest = running.end > minutes * 60
        self._running = _Calls(running.start[rest] - minutes * 60, running.end[rest] - minutes * 60)
        self._minute += minutes
        return series

    def __iter__(self) -> Iterator[Minute]:
        """Yield unlimited traffic minute by minute; it is generated a day at a time."""
        while True:
            day = self.take(MINUTES_PER_DAY)
            for row in range(len(day)):
                yield Minute(float(day.invocations[row]), float(day.busy[row]), float(day.peak[row]))

    def _rates(self, minutes: int) -> Floats:
        """Return the expected tasks of each minute: shape of the day and week, times the bursts."""
        shape, rng = self._shape, self._rng
        at = self._minute + np.arange(minutes)
        away = np.abs((at / 60 - shape.busiest_hour + 12) % 24 - 12)
        day = shape.night_share + (1 - shape.night_share) * np.exp(-((away / shape.width_hours) ** 2))
        weekend = (at // MINUTES_PER_DAY + EPOCH_WEEKDAY) % 7 >= 5
        rates = shape.tasks_a_minute * day * np.where(weekend, shape.weekend_share, 1.0)
        for start in np.flatnonzero(rng.random(minutes) < shape.bursts_a_day / MINUTES_PER_DAY):
            rates[start : start + int(rng.integers(shape.burst_minutes[0], shape.burst_minutes[1] + 1))] *= shape.burst_factor
        return np.asarray(rates, np.float64)

    def _batches(self, minutes: int) -> NDArray[np.int64]:
        due = np.zeros(minutes, np.int64)
        if self._shape.batch_every > 0:
            due[-self._minute % self._shape.batch_every :: self._shape.batch_every] = self._shape.batch_tasks
        return due

    def _calls(self, tasks: NDArray[np.int64]) -> _Calls:
        shape, rng = self._shape, self._rng
        task_start = np.repeat(np.arange(len(tasks)) * 60.0, tasks) + 60 * rng.random(int(tasks.sum()))
        width = rng.geometric(1 / max(1.0, shape.fan_out), len(task_start))
        start = np.repeat(task_start, width)
        spread = 0.8  # standard deviation of the logarithm of a call's duration
        duration = shape.call_seconds * np.exp(spread * rng.standard_normal(len(start)) - spread**2 / 2)
        return _Calls(start, start + duration)


def demand(shape: Shape, rng: np.random.Generator, first_minute: int, minutes: int) -> DemandSeries:
    """Return `minutes` of traffic of one shape from `first_minute` on."""
    return TrafficGenerator(shape, rng, first_minute).take(minutes)


def history_and_traffic(shape: Shape, rng: np.random.Generator, now: int,
                        days: int = 14) -> tuple[DemandSeries, Iterator[Minute]]:
    """Return `days` of history up to the minute `now`, and unlimited traffic after it, for `Sandbox.add_function`."""
    generator = TrafficGenerator(shape, rng, now - days * MINUTES_PER_DAY)
    return generator.take(days * MINUTES_PER_DAY), iter(generator)


def _by_minute(calls: _Calls, new: _Calls, minutes: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return maximum and average of `calls` in flight, and the number of `new` calls that started, for each minute."""
    inside = np.minimum(calls.end, minutes * 60.0)
    times = np.r_[np.maximum(calls.start, 0.0), inside]
    steps = np.r_[np.ones(len(calls.start)), -np.ones(len(inside))]
    order = np.lexsort((steps, times))  # at one instant, ends come before starts
    times, level = times[order], np.cumsum(steps[order])
    edges = np.arange(minutes + 1) * 60.0
    before = np.searchsorted(times, edges, side="left")
    height = np.r_[0.0, level]
    peak = height[before[:-1]]
    minute = np.minimum((times // 60).astype(np.int64), minutes - 1)
    np.maximum.at(peak, minute, level)
    # The time integral of the level up to each edge, differenced, gives the average over each minute.
    last = np.r_[0.0, times]
    area = np.r_[0.0, np.cumsum(height[:-1] * np.diff(last))]
    busy = np.minimum(np.diff(area[before] + height[before] * (edges - last[before])) / 60.0, peak)
    started = np.bincount((new.start // 60).astype(np.int64), minlength=minutes)[:minutes]
    return peak.astype(np.float32), busy.astype(np.float32), started.astype(np.float32)

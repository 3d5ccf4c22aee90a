"""Generated agent traffic: requests with a start and a length each, so that peak and average are consistent."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import MINUTES_PER_DAY, DemandSeries

Reals = NDArray[np.float64]
SHORTEST_SECONDS = 0.5
EPOCH_WEEKDAY = 3
"""The Unix epoch started on a Thursday (Monday is 0)."""


@dataclass(frozen=True, slots=True)
class Span:
    """The minutes of generated traffic: `minutes` of them from `first_minute` (since the epoch)."""

    first_minute: int
    minutes: int

    @property
    def hour(self) -> Reals:
        """Hour of the day (UTC) at which each minute starts, float64[minutes]."""
        return (self.first_minute + np.arange(self.minutes)) % MINUTES_PER_DAY / 60.0

    @property
    def workday(self) -> Reals:
        """1 from Monday to Friday, else 0, float64[minutes]."""
        day = (self.first_minute + np.arange(self.minutes)) // MINUTES_PER_DAY
        return ((day + EPOCH_WEEKDAY) % 7 < 5).astype(np.float64)


def office_hours(span: Span, rng: np.random.Generator) -> DemandSeries:
    """Return demand of a support agent: requests from 09:00 to 17:30 on workdays, fewer at noon, very few at other times."""
    hour = span.hour
    morning = ramp(hour, 8.9, 9.3)
    evening = 1 - ramp(hour, 17.2, 17.9)
    lunch = 1 - 0.45 * ramp(hour, 12.0, 12.4) * (1 - ramp(hour, 13.0, 13.5))
    mood = np.repeat(rng.lognormal(0, 0.1, span.minutes // MINUTES_PER_DAY + 1), MINUTES_PER_DAY)[: span.minutes]
    return requests(span, 0.2 + 26 * morning * evening * lunch * span.workday * mood, 32, rng)


def fan_out(span: Span, rng: np.random.Generator, at: timedelta, agents: int) -> DemandSeries:
    """Return demand of a batch: about `agents` agents start at the time `at` on every workday; 60 % start a second one."""
    return batches(span, np.flatnonzero((span.hour == at.total_seconds() / 3600) & (span.workday > 0)), agents, rng)


def hourly(span: Span, rng: np.random.Generator, past: int, agents: int) -> DemandSeries:
    """Return demand of a batch `past` minutes after every full hour from 09:00 to 17:00 on workdays."""
    due = (np.round(span.hour * 60) % 60 == past) & (span.hour >= 9) & (span.hour < 17) & (span.workday > 0)
    return batches(span, np.flatnonzero(due), agents, rng)


def batches(span: Span, minutes: NDArray[np.int64], agents: int, rng: np.random.Generator) -> DemandSeries:
    """Return demand of batches at `minutes` (since the start of the span): about `agents` each, 60 % with a second."""
    starts, lengths = [np.empty(0)], [np.empty(0)]
    for minute in minutes:
        count = rng.poisson(agents)
        first = 60.0 * minute + rng.uniform(2, 25, count)
        works = rng.gamma(6, 40, count)
        second = rng.random(count) < 0.6
        starts += [first, (first + works)[second]]
        lengths += [works, rng.gamma(4, 30, int(second.sum()))]
    return series_of(span, np.concatenate(starts), np.concatenate(lengths))


def bursty(span: Span, rng: np.random.Generator) -> DemandSeries:
    """Return demand of a chat product: a daily cycle, and several bursts an hour of dozens of requests."""
    swell = 0.25 + 0.75 * np.maximum(0, np.sin((span.hour - 6) / 24 * 2 * np.pi)) ** 0.7
    bursts = np.zeros(span.minutes)
    for minute in np.flatnonzero(rng.random(span.minutes) < swell / 22):
        length = int(rng.integers(2, 7))
        bursts[minute : minute + length] += rng.uniform(15, 45)
    return requests(span, 7 * swell + bursts, 14, rng)


def steady_with_batches(span: Span, rng: np.random.Generator, past: int) -> DemandSeries:
    """Return demand of about 3 units all day, and of dozens for 2 min from `past` minutes after every full hour on."""
    minute = np.round(span.hour * 60) % 60
    return requests(span, 14.0 + 90.0 * ((minute == past) | (minute == past + 1)), 14, rng)


def ramp(hour: Reals, start: float, end: float) -> Reals:
    """Return a smooth ramp from 0 at the hour `start` to 1 at the hour `end`."""
    part = np.clip((hour - start) / (end - start), 0, 1)
    return part * part * (3 - 2 * part)


def requests(span: Span, rate: Reals, mean_seconds: float, rng: np.random.Generator) -> DemandSeries:
    """Return demand of independent requests at `rate` per minute, with log-normal lengths as of language model answers."""
    counts = rng.poisson(np.maximum(0, rate))
    starts = 60.0 * (np.repeat(np.arange(span.minutes), counts) + rng.random(int(counts.sum())))
    lengths = np.maximum(SHORTEST_SECONDS, rng.lognormal(np.log(mean_seconds) - 0.18, 0.6, len(starts)))
    return series_of(span, starts, lengths)


def series_of(span: Span, starts: Reals, lengths: Reals) -> DemandSeries:
    """Return demand of requests that start `starts` seconds after the start of the span and last `lengths` seconds."""
    edges = 60.0 * np.arange(span.minutes + 1)
    at = np.concatenate([edges, starts, starts + lengths])
    step = np.concatenate([np.zeros(len(edges)), np.ones(len(starts)), -np.ones(len(starts))])
    order = np.lexsort((step, at))  # at one instant: ends first, then the edge of the minute, then starts
    at, step = at[order], step[order]
    level = np.cumsum(step)
    edge = np.flatnonzero(step == 0)
    peak = np.maximum.reduceat(level, edge)[: span.minutes]
    area = np.concatenate([[0.0], np.cumsum(np.diff(at) * level[:-1])])
    busy = np.minimum(np.diff(area[edge]) / 60.0, peak)
    counts = np.bincount((starts // 60).astype(np.int64), minlength=span.minutes)[: span.minutes]
    return DemandSeries(span.first_minute, *(column.astype(np.float32) for column in (peak, busy, counts)))

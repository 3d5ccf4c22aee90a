"""What is played: the pools of a demo, each with its policy, its past, and the traffic that comes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from adapters.demand.history_file import HistoryError, open_history
from controller.demo.lever_settings import CLOUD_RUN, PING, PROVISIONED, URL, settings
from controller.demo.traffic import Span, bursty, fan_out, hourly, office_hours
from controller.preflight.history_check import check_known
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, instant_of, minute_of

PAST_DAYS = 14
START = datetime(2026, 3, 3, 8, 40, tzinfo=UTC)
"""A Tuesday, twenty minutes before the offices open and half an hour before the reports are made."""

ROOM = 1.5
"""A ceiling stands so far above the most that was ever seen."""


class SceneError(ValueError):
    """What was asked to be played cannot be. One line that names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Pool:
    """One function, service or URL of the emulated clouds. `series` holds its past and, from the scene's start on, what comes.
    `more`: what its policy says besides.
    """

    name: str
    title: str
    series: DemandSeries
    ceiling: int
    memory_mb: int
    init_seconds: float
    cold_start_cost_usd: float
    kind: str = PROVISIONED
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def policy(self) -> dict[str, Any]:
        """Its entry in the policy file."""
        return {
            "name": self.name, "lever": settings(self.kind, self.name), "mode": "active", "max": self.ceiling,
            "objective": {"cold_start_cost_usd": self.cold_start_cost_usd}, "init_seconds": self.init_seconds, **self.more,
        }


@dataclass(frozen=True, slots=True)
class Scenario:
    """Pools, and the instant at which the play begins; it lasts `lasting`."""

    start: datetime
    lasting: timedelta
    pools: tuple[Pool, ...]

    @property
    def policy(self) -> dict[str, Any]:
        """The policy file of this scene, as plain data."""
        return {"version": 1, "pools": [pool.policy for pool in self.pools]}


def invented(rng: np.random.Generator, lasting: timedelta) -> Scenario:
    """Three agents of different habits, with a fortnight behind them."""
    span = around(lasting)
    support, reports, chat = rng.spawn(3)
    at = timedelta(hours=9, minutes=15)
    return Scenario(START, lasting, (
        Pool("support-agent", "office hours", office_hours(span, support), 60, 1024, 8.0, 0.05),
        Pool("nightly-reports", "dozens at once, at 02:15 in Denver", fan_out(span, reports, at, 36), 80, 2048, 12.0, 0.02),
        Pool("chat", "bursts, whenever something is shared", bursty(span, chat), 80, 1024, 6.0, 0.03),
    ))


def every_lever(rng: np.random.Generator, lasting: timedelta) -> Scenario:
    """A pool for each lever. Nothing tells of the past of the URL, so its owner has said when it is busy."""
    span = around(lasting)
    support, reports, watch, chat = rng.spawn(4)
    at = timedelta(hours=9, minutes=15)
    watched = {"name": "market hours", "cron": "50 8 * * mon-fri", "duration": "9h", "min": 24}
    told = {"schedules": [watched], "on_missing_metrics": "floor", "memory_mb": 1024}
    return Scenario(START, lasting, (
        Pool("support-agent", "provisioned concurrency; office hours", office_hours(span, support), 60, 1024, 8.0, 0.05),
        Pool("nightly-reports", "pinged function; dozens at once at 09:15", fan_out(span, reports, at, 36), 80, 1024, 2.0, 0.02,
             PING),
        Pool("price-watch", "pinged URL; a batch at five past every hour", hourly(span, watch, 5, 16), 40, 1024, 2.0, 0.02, URL,
             told),
        Pool("chat", "Cloud Run minimum instances; office hours", office_hours(span, chat), 60, 1024, 8.0, 0.05, CLOUD_RUN),
    ))


def around(lasting: timedelta) -> Span:
    """The fortnight before the start, and the minutes that are played."""
    first = minute_of(START) - PAST_DAYS * MINUTES_PER_DAY
    return Span(first, PAST_DAYS * MINUTES_PER_DAY + int(lasting.total_seconds() // 60) + 5)


def recorded(path: Path, start_day: int | None, lasting: timedelta | None) -> Scenario:
    """A recorded pool: what lies before the start is its past, the rest comes as traffic.

    `start_day`: how many days into the recording the play begins; a day before its end when not given.
    """
    try:
        history = open_history(path)
        check_known(history)
    except HistoryError as error:
        raise SceneError(str(error)) from None
    series = history.series
    days = len(series) / MINUTES_PER_DAY
    if start_day is None:
        start_day = max(1, int(days) - 1)
    if not 0 < start_day * MINUTES_PER_DAY < len(series):
        raise SceneError(f"{path}: holds {days:.1f} days, so the play cannot begin on day {start_day}; "
                         f"give --start-day between 1 and {max(1, int(np.ceil(days)) - 1)}")
    first = series.first_minute + start_day * MINUTES_PER_DAY
    left = timedelta(minutes=series.end_minute - first)
    past = series.window(max(series.first_minute, first - PAST_DAYS * MINUTES_PER_DAY), series.end_minute)
    name = path.name.removesuffix(".gz").removesuffix(".csv")
    pool = Pool(pool_name(name), f"recorded in {path.name}", past, ceiling_of(past, first), 1024, 8.0, 0.05)
    return Scenario(instant_of(first), min(left, lasting) if lasting else left, (pool,))


def ceiling_of(series: DemandSeries, start_minute: int) -> int:
    """A `max` well above the most that was in flight before the play begins."""
    past = series.window(series.first_minute, start_minute)
    most = float(past.peak[past.known].max(initial=0.0))
    return max(10, int(np.ceil(ROOM * most / 10)) * 10)


def pool_name(text: str) -> str:
    """A name that a pool and a function may have."""
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in text).strip("-_")
    return kept[:60] or "recorded"

"""Scenarios of a demo: pools, each with its policy, its history and its traffic."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from adapters.demand.history_file import HistoryError, open_history
from controller.demo.lead_traffic import agent_with_tools, queue_with_workers
from controller.demo.lever_settings import CLOUD_RUN, LAYERS, PING, PROVISIONED, URL, levers
from controller.demo.traffic import Span, bursty, fan_out, hourly, office_hours, steady_with_batches
from controller.preflight.history_check import check_known
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, instant_of, minute_of

PAST_DAYS = 14
START = datetime(2026, 3, 3, 8, 40, tzinfo=UTC)
"""A Tuesday, 20 min before office hours and 35 min before the batch of reports."""

ROOM = 1.5
"""Ratio of a ceiling to the highest peak in the history."""


class SceneError(ValueError):
    """The demo cannot run with these options; one line that names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Pool:
    """One function, service or URL of the emulated clouds. `series`: its history, and its traffic from the start of the scenario.
    `more`: further keys of its policy.
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
    mode: str = "active"

    @property
    def policy(self) -> dict[str, Any]:
        """Entry of the pool in the policy file."""
        return {
            "name": self.name, **levers(self.kind, self.name), "mode": self.mode, "max": self.ceiling,
            "objective": {"cold_start_cost_usd": self.cold_start_cost_usd}, "init_seconds": self.init_seconds, **self.more,
        }


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of CloudWatch, and its values: the peaks of `series`."""

    namespace: str
    name: str
    dimensions: dict[str, str]
    series: DemandSeries

    @property
    def lead(self) -> dict[str, Any]:
        """Lead of a pool in the policy file."""
        return {"kind": "cloudwatch", "peak": {"namespace": self.namespace, "metric": self.name, "dimensions": self.dimensions,
                                               "statistic": "Maximum"}}


@dataclass(frozen=True, slots=True)
class Scenario:
    """Pools, the start of the demo, and its duration. `metrics`: other metrics of the emulated CloudWatch."""

    start: datetime
    lasting: timedelta
    pools: tuple[Pool, ...]
    metrics: tuple[Metric, ...] = ()

    @property
    def policy(self) -> dict[str, Any]:
        """Policy of the scenario as plain data."""
        return {"version": 1, "pools": [pool.policy for pool in self.pools]}


def invented(rng: np.random.Generator, lasting: timedelta) -> Scenario:
    """Return three agents with different traffic and 14 days of history."""
    span = around(lasting)
    support, reports, chat = rng.spawn(3)
    at = timedelta(hours=9, minutes=15)
    return Scenario(START, lasting, (
        Pool("support-agent", "office hours", office_hours(span, support), 60, 1024, 8.0, 0.05),
        Pool("nightly-reports", "dozens at once at 09:15", fan_out(span, reports, at, 36), 80, 2048, 12.0, 0.02),
        Pool("chat", "daily cycle with unpredictable bursts", bursty(span, chat), 80, 1024, 6.0, 0.03),
    ))


def every_lever(rng: np.random.Generator, lasting: timedelta) -> Scenario:
    """Return a pool for each lever, and one with two layers. The URL has no history, so its policy has a schedule."""
    span = around(lasting)
    support, reports, watch, chat, research = rng.spawn(5)
    at = timedelta(hours=9, minutes=15)
    schedule = {"name": "market hours", "cron": "50 8 * * mon-fri", "duration": "9h", "min": 24}
    more = {"schedules": [schedule], "on_missing_metrics": "floor", "memory_mb": 1024}
    return Scenario(START, lasting, (
        Pool("support-agent", "provisioned concurrency; office hours", office_hours(span, support), 60, 1024, 8.0, 0.05),
        Pool("nightly-reports", "pinged function; dozens at once at 09:15", fan_out(span, reports, at, 36), 80, 1024, 2.0, 0.02,
             PING),
        Pool("price-watch", "pinged URL; a batch at minute 5 of every hour", hourly(span, watch, 5, 16), 40, 1024, 2.0, 0.02, URL,
             more),
        Pool("chat", "Cloud Run minimum instances; office hours", office_hours(span, chat), 60, 1024, 8.0, 0.05, CLOUD_RUN),
        Pool("research-agent", "pings above provisioned concurrency; batches at minute 12",
             steady_with_batches(span, research, 12), 80, 1024, 2.0, 0.05, LAYERS),
    ))


def leading(rng: np.random.Generator, lasting: timedelta) -> Scenario:
    """Return an agent with the five tools that it calls, and the workers of a queue. Leads: the agent, and the queue's depth."""
    span = around(lasting)
    agents, messages = rng.spawn(2)
    called, queue = agent_with_tools(span, agents), queue_with_workers(span, messages)
    depth = Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": "documents"}, queue.depth)
    tools = [Pool(name, "tool of the planner", series, 80, 1024, 4.0, 0.03, more={"leads": [{"pool": "planner"}]})
             for name, series in called.tools.items()]
    return Scenario(START, lasting, (
        Pool("planner", "agent; dozens of sessions at random times", called.planner, 120, 1024, 4.0, 0.03), *tools,
        Pool("worker", "workers of a queue", queue.workers, 80, 1024, 4.0, 0.03, more={"leads": [depth.lead]}),
    ), (depth,))


def around(lasting: timedelta) -> Span:
    """Return the span of the 14 days before the start and the duration of the demo."""
    first = minute_of(START) - PAST_DAYS * MINUTES_PER_DAY
    return Span(first, PAST_DAYS * MINUTES_PER_DAY + int(lasting.total_seconds() // 60) + 5)


def recorded(path: Path, start_day: int | None, lasting: timedelta | None, kind: str = PROVISIONED) -> Scenario:
    """Return a scenario from a recording: rows before the start are history, the rest is traffic.

    `start_day`: start of the demo in days after the first row; by default one day before the end.
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
        raise SceneError(f"{path}: has {days:.1f} days, so the demo cannot start on day {start_day}; "
                         f"set --start-day to a value from 1 to {max(1, int(np.ceil(days)) - 1)}")
    first = series.first_minute + start_day * MINUTES_PER_DAY
    remaining = timedelta(minutes=series.end_minute - first)
    past = series.window(max(series.first_minute, first - PAST_DAYS * MINUTES_PER_DAY), series.end_minute)
    name = path.name.removesuffix(".gz").removesuffix(".csv")
    pool = Pool(pool_name(name), f"recorded in {path.name}", past, ceiling_of(past, first), 1024, 8.0, 0.05, kind)
    return Scenario(instant_of(first), min(remaining, lasting) if lasting else remaining, (pool,))


def ceiling_of(series: DemandSeries, start_minute: int) -> int:
    """Return a `max` of `ROOM` times the highest peak before the start."""
    past = series.window(series.first_minute, start_minute)
    highest = float(past.peak[past.known].max(initial=0.0))
    return max(10, int(np.ceil(ROOM * highest / 10)) * 10)


def pool_name(text: str) -> str:
    """Return `text` as a valid name of a pool and a function."""
    name = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in text).strip("-_")
    return name[:60] or "recorded"

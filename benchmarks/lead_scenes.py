"""Traffic with leading signals, made from a seed: agents that call tools, and jobs that wait in a queue.

Each scene is played second by second and summed up by minute: `peak` is the maximum and `busy` the mean of what is in flight.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import DemandSeries

DAYS, DAY_SECONDS, MINUTE_SECONDS = 10, 86_400, 60
FIRST_MINUTE = 29_584_800
"""1 April 2026, a Wednesday, 00:00 UTC, in minutes since the epoch."""

TOOLS = ("search", "browser", "code", "files", "mail")
CALLS = {"search": (0.9, 3.0), "browser": (0.5, 2.0), "code": (0.6, 2.0), "files": (0.3, 1.5), "mail": (0.15, 1.0)}
"""Of each tool, the share of sessions that call it, and the mean number of calls of such a session."""


class Scene(NamedTuple):
    """Demand by pool, and signals by name: float32[minutes] each, one value a minute."""

    demand: dict[str, DemandSeries]
    signals: dict[str, NDArray[np.float32]]


def in_flight(start: NDArray[np.float64], seconds: NDArray[np.float64], days: int) -> NDArray[np.float64]:
    """Return what is in flight in each second of the days."""
    change = np.zeros(days * DAY_SECONDS + 1)
    for at, sign in ((start, 1.0), (start + np.maximum(seconds, 1.0), -1.0)):
        np.add.at(change, np.clip(at.astype(np.int64), 0, days * DAY_SECONDS), sign)
    return np.cumsum(change)[:-1]


def minutes_of(start: NDArray[np.float64], seconds: NDArray[np.float64], days: int) -> DemandSeries:
    """Return the demand of requests, by minute."""
    each = in_flight(start, seconds, days).reshape(-1, MINUTE_SECONDS)
    count = np.bincount(np.clip(start / MINUTE_SECONDS, 0, len(each) - 1).astype(np.int64), minlength=len(each))
    return DemandSeries(FIRST_MINUTE, each.max(axis=1).astype(np.float32), each.mean(axis=1).astype(np.float32),
                        count.astype(np.float32))


def arrivals(rng: np.random.Generator, days: int, a_day: float) -> NDArray[np.float64]:
    """Return when something starts, in seconds: a Poisson process with a daily shape, less on every sixth and seventh day."""
    second = rng.uniform(0, days * DAY_SECONDS, rng.poisson(a_day * days))
    day, hour = second // DAY_SECONDS, second % DAY_SECONDS / 3600
    usual = np.exp(-0.5 * ((hour - 13.5) / 3.5) ** 2) * np.where(day % 7 >= 5, 0.3, 1.0) + 0.08
    return np.sort(second[rng.random(len(second)) < usual])


def fan_out(seed: int, first: float = 30, last: float = 180, days: int = DAYS) -> Scene:
    """Return a planner and five tools. Tool calls start `first` to `last` seconds after the session that makes them."""
    rng = np.random.default_rng(seed)
    group = arrivals(rng, days, 220)
    size = np.minimum(rng.geometric(0.35, len(group)), 12)  # a user often starts several sessions at once
    start = np.repeat(group, size) + rng.uniform(0, 20, size.sum())
    length = last + rng.uniform(0, 120, len(start))
    demand = {"planner": minutes_of(start, length, days)}
    for tool in TOOLS:
        share, calls = CALLS[tool]
        sessions = start[rng.random(len(start)) < share]
        count = 1 + rng.poisson(calls - 1, len(sessions))
        called = np.repeat(sessions, count) + rng.uniform(first, last, count.sum())
        demand[tool] = minutes_of(called, rng.lognormal(3.2, 0.6, len(called)), days)
    return Scene(demand, {"planner": demand["planner"].peak})


def slow_fan_out(seed: int) -> Scene:
    """Return a planner whose calls start 3 to 8 min after its sessions."""
    return fan_out(seed, 180, 480)


def queue(seed: int, days: int = DAYS) -> Scene:
    """Return workers and the depth of their queue. A dispatcher starts what waits every 5 min, 40 jobs a minute at most."""
    rng = np.random.default_rng(seed)
    batch = arrivals(rng, days, 60)
    size = np.minimum(rng.lognormal(2.3, 0.9, len(batch)).astype(np.int64) + 1, 150)
    queued = np.sort(np.repeat(batch, size) + rng.uniform(0, 90, size.sum()))
    due = np.ceil(queued / 300) * 300
    started = due.copy()
    for at in range(1, len(started)):  # 40 jobs a minute: at least 1.5 s apart
        started[at] = max(started[at], started[at - 1] + 1.5)
    depth = in_flight(queued, started - queued, days).reshape(-1, MINUTE_SECONDS).max(axis=1)
    workers = minutes_of(started, rng.lognormal(4.0, 0.5, len(started)), days)
    return Scene({"workers": workers}, {"queue": depth.astype(np.float32)})

"""Generated traffic that something else runs ahead of: tools that an agent calls, and workers that empty a queue."""

import heapq
from typing import NamedTuple

import numpy as np

from controller.demo.traffic import Reals, Span, series_of
from forecasting.demand import DemandSeries

TOOLS: dict[str, tuple[float, float]] = {
    "search": (1.6, 20.0), "fetch": (2.4, 15.0), "code-run": (0.8, 60.0), "retrieve": (1.2, 10.0), "summarise": (0.6, 45.0),
}
"""Mean of the calls of one session to each tool, and mean length of a call in seconds."""

CALLED_AFTER = (0.5, 3.0)
"""Minutes from the start of a session until its calls of tools start."""

WORKERS, MORE_WORKERS = 40, 4
"""Most workers of a queue, and how many start each minute while messages wait."""


class FanOut(NamedTuple):
    """Demand of an agent, and of each tool that it calls."""

    planner: DemandSeries
    tools: dict[str, DemandSeries]


class Queue(NamedTuple):
    """Messages that wait in a queue, and demand of its workers."""

    depth: DemandSeries
    workers: DemandSeries


def agent_with_tools(span: Span, rng: np.random.Generator) -> FanOut:
    """Return sessions of an agent: few all day, and dozens within minutes several times a day, at random times.

    Each session plans for about 1 min, and calls the tools 0.5 to 3 min after its start.
    """
    rate = np.full(span.minutes, 0.3)
    for minute in np.flatnonzero(rng.random(span.minutes) < 1 / 75):
        rate[minute : minute + int(rng.integers(4, 13))] += rng.uniform(5, 20)
    counts = rng.poisson(rate)
    starts = 60.0 * (np.repeat(np.arange(span.minutes), counts) + rng.random(int(counts.sum())))
    planner = series_of(span, starts, rng.gamma(4, 15, len(starts)))
    return FanOut(planner, {name: calls_of(span, starts, mean, seconds, each)
                            for (name, (mean, seconds)), each in zip(TOOLS.items(), rng.spawn(len(TOOLS)), strict=True)})


def calls_of(span: Span, sessions: Reals, mean: float, seconds: float, rng: np.random.Generator) -> DemandSeries:
    """Return demand of one tool: each of `sessions` (start in seconds) calls it `mean` times for `seconds` on average."""
    starts = np.repeat(sessions, rng.poisson(mean, len(sessions)))
    starts = starts + 60.0 * rng.uniform(*CALLED_AFTER, len(starts))
    starts = starts[starts < 60.0 * span.minutes]
    return series_of(span, starts, rng.gamma(3, seconds / 3, len(starts)))


def queue_with_workers(span: Span, rng: np.random.Generator) -> Queue:
    """Return a queue that several times a day gets hundreds of messages at once, and its workers, which start one by one.

    A worker handles a message in about 20 s. While messages wait, `MORE_WORKERS` start each minute, up to `WORKERS`.
    """
    minutes = np.flatnonzero(rng.random(span.minutes) < 1 / 90)
    bursts = [60.0 * minute + np.sort(rng.uniform(0, 45, int(rng.integers(150, 500)))) for minute in minutes]
    few = np.sort(rng.uniform(0, 60.0 * span.minutes, rng.poisson(0.2 * span.minutes)))
    arrivals = np.sort(np.concatenate([few, *bursts]))
    lengths = rng.gamma(4, 5, len(arrivals))
    starts = handled(arrivals, lengths)
    inside = starts < 60.0 * span.minutes
    return Queue(series_of(span, arrivals, np.minimum(starts, 60.0 * span.minutes) - arrivals),
                 series_of(span, starts[inside], lengths[inside]))


def handled(arrivals: Reals, lengths: Reals) -> Reals:
    """Return when each message is handled, in seconds: by the first free worker. `arrivals` are in order."""
    starts = np.empty(len(arrivals))
    free: list[float] = []
    """Times at which the running workers are free."""
    newest = -np.inf
    for at, (arrival, length) in enumerate(zip(arrivals.tolist(), lengths.tolist(), strict=True)):
        while free and free[0] <= arrival - 120.0:  # a worker without messages for 2 min stops
            heapq.heappop(free)
        if len(free) < WORKERS and (not free or free[0] > arrival):
            possible = max(arrival, newest + 60.0 / MORE_WORKERS)
            if not free or possible < free[0]:
                newest = starts[at] = possible
                heapq.heappush(free, possible + length)
                continue
        starts[at] = max(arrival, heapq.heappop(free))
        heapq.heappush(free, starts[at] + length)
    return starts

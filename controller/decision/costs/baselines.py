"""Baselines: policies that a user would run instead of Stoker, with the same metric delay and lead time. Pure.

Every function returns the capacity requested at each minute, int64[n], over the whole of a `JudgedDemand`. Where a rule looks
back over days, a day is 1440 rows from the first row of the history.
"""

from collections.abc import Callable

import numpy as np

from controller.decision.costs.bill import Amounts, Bill, JudgedDemand, Units, bill_of, earlier, trailing_max
from controller.decision.costs.cost_model import CostTerms
from forecasting.demand import MINUTES_PER_DAY as DAY

HOUR = 60
WEEK_DAYS = 7
TRACKING_UTILISATION = 0.7
"""Target in the example of the AWS documentation for provisioned concurrency, and the usual setting."""

UTILISATIONS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Targets that a careful user of target tracking compares."""

CONSTANTS = 40
"""Capacities compared to find the best constant, which are also the points of its curve."""

HINDSIGHT = ("best-constant*",)
"""Baselines that use future demand: a bound, not an alternative."""


def delayed(values: Units, terms: CostTerms) -> Units:
    """Return `values` as a policy reads them, the metric delay later."""
    return earlier(values, terms.metric_delay)


def without_stoker(demand: JudgedDemand, _: CostTerms) -> Units:
    """Return zero: nothing is kept warm."""
    return np.zeros(len(demand), np.int64)


def target_tracking(demand: JudgedDemand, terms: CostTerms, utilisation: float = TRACKING_UTILISATION) -> Units:
    """Replay AWS Application Auto Scaling on provisioned concurrency utilisation, statistic Maximum.

    Its alarms scale out after 3 min above the target and scale in after 15 min below 90 % of it; at least one unit stays.
    """
    out, capacity, high, low = np.zeros(len(demand), np.int64), 1, 0, 0
    for minute, peak in enumerate(delayed(demand.peak, terms).tolist()):
        used = min(1.0, peak / capacity)
        high, low = (high + 1 if used > utilisation else 0), (low + 1 if used < 0.9 * utilisation else 0)
        if high >= 3 or low >= 15:
            capacity, high, low = max(1, int(np.ceil(capacity * used / utilisation))), 0, 0
        out[minute] = capacity
    return out


def tuned_tracking(demand: JudgedDemand, terms: CostTerms) -> Units:
    """Replay target tracking at the cheapest utilisation before the accounting starts; without history, at the default."""
    if not demand.known[: demand.start].any():
        return target_tracking(demand, terms)
    past = demand.until(demand.start)
    best = min(UTILISATIONS, key=lambda share: bill_of(past, target_tracking(past, terms, share), terms).extra_usd)
    return target_tracking(demand, terms, best)


def weekly_schedule(demand: JudgedDemand, _: CostTerms) -> Units:
    """Replay a careful manual schedule: each hour at its 95th percentile over the last 7 days, updated daily."""
    out = np.zeros(len(demand), np.int64)
    for day in range(1, -(-len(demand) // DAY)):
        past = demand.peak[max(0, day - WEEK_DAYS) * DAY : day * DAY].reshape(-1, DAY // HOUR, HOUR)
        hours = np.ceil(np.quantile(past, 0.95, axis=(0, 2))).astype(np.int64)
        today = out[day * DAY : (day + 1) * DAY]
        today[:] = np.repeat(hours, HOUR)[: len(today)]
    return out


def schedule_and_tracking(demand: JudgedDemand, terms: CostTerms) -> Units:
    """Replay a schedule as the floor and target tracking above it, as AWS combines them."""
    return np.maximum(weekly_schedule(demand, terms), target_tracking(demand, terms))


def knative(demand: JudgedDemand, terms: CostTerms) -> Units:
    """Replay the Knative autoscaler in stable mode: average concurrency over its 60 s window at 70 % of a unit."""
    busy: Amounts = np.zeros_like(demand.busy)
    busy[terms.metric_delay :] = demand.busy[: len(demand) - terms.metric_delay]
    return np.ceil(busy / 0.7).astype(np.int64)


def last_hour(demand: JudgedDemand, terms: CostTerms) -> Units:
    """Return the maximum of the last hour."""
    return trailing_max(delayed(demand.peak, terms), HOUR)


def x_lambda(demand: JudgedDemand, terms: CostTerms, weight: float = 0.5) -> Units:
    """Replay X-Lambda: simple exponential smoothing of 5 min maxima, every 5 min."""
    maxima, out, level = trailing_max(delayed(demand.peak, terms), 5), np.zeros(len(demand), np.int64), 0.0
    for minute in range(0, len(demand), 5):
        level = weight * float(maxima[minute]) + (1 - weight) * level
        out[minute : minute + 5] = int(np.ceil(level))
    return out


def seasonal(demand: JudgedDemand, _: CostTerms, quantile: float = 0.99) -> Units:
    """Replay the seasonal naive rule: a quantile of the same 15 min, ±15 min, over up to 7 days before."""
    out = np.zeros(len(demand), np.int64)
    for first in range(DAY, len(demand), 15):
        days = range(1, min(WEEK_DAYS, first // DAY) + 1)
        past = [demand.peak[max(0, first - day * DAY - 15) : first - day * DAY + 30] for day in days]
        out[first : first + 15] = int(np.ceil(np.quantile(np.concatenate(past), quantile) - 1e-9))
    return out


def predictive_scaling(demand: JudgedDemand, terms: CostTerms) -> Units:
    """Replay an hourly approximation of AWS predictive scaling, in front of target tracking.

    From 24 h of history on, every 6 h: a forecast for each hour to come, here the mean of the same hour over up to 14 days, at
    the target utilisation. It applies from 5 min before its hour (the default buffer) and only raises capacity. AWS does not
    offer predictive scaling for Lambda: this is what it would do.
    """
    refresh, buffer, days = 6 * HOUR, 5, 14
    floor, peak = np.zeros(len(demand), np.float64), delayed(demand.peak, terms)
    for first in range(DAY, len(demand), refresh):
        past = peak[max(0, first - first % DAY - days * DAY) : first]
        hours = past[: len(past) - len(past) % HOUR].reshape(-1, HOUR).mean(axis=1)
        by_hour = np.array([hours[hour :: DAY // HOUR].mean() for hour in range(DAY // HOUR)])
        ahead = np.arange(first, min(first + refresh, len(demand)))
        hour, next_hour = (ahead // HOUR) % (DAY // HOUR), ((ahead + buffer) // HOUR) % (DAY // HOUR)
        floor[ahead] = np.maximum(by_hour[hour], by_hour[next_hour]) / TRACKING_UTILISATION
    return np.maximum(np.ceil(floor).astype(np.int64), target_tracking(demand, terms))


BASELINES: dict[str, Callable[[JudgedDemand, CostTerms], Units]] = {
    "without-stoker": without_stoker,
    "aws-target-tracking": target_tracking,
    "aws-target-tracking-tuned": tuned_tracking,
    "aws-predictive-scaling": predictive_scaling,
    "schedule": weekly_schedule,
    "schedule+tracking": schedule_and_tracking,
    "knative-kpa": knative,
    "last-hour-max": last_hour,
    "x-lambda": x_lambda,
    "seasonal-p99": seasonal,
}
"""Baselines by the name that tables show."""


def constants(demand: JudgedDemand, terms: CostTerms) -> list[tuple[int, Bill]]:
    """Return constant capacities from zero to the highest peak with their bills: the curve of the best constant."""
    levels = np.unique(np.linspace(0, demand.peak.max(initial=0), CONSTANTS).astype(np.int64)).tolist()
    return [(level, bill_of(demand, np.full(len(demand), level, np.int64), terms)) for level in levels]


def compare(demand: JudgedDemand, terms: CostTerms) -> dict[str, Bill]:
    """Return the bill of every baseline, and of the best constant in hindsight, by name."""
    bills = {name: bill_of(demand, baseline(demand, terms), terms) for name, baseline in BASELINES.items()}
    return bills | {"best-constant*": min((bill for _, bill in constants(demand, terms)), key=lambda bill: bill.extra_usd)}

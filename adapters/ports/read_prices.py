"""What the reads of a pool's demand are billed for, where a provider bills each metric of each call."""

from typing import NamedTuple

from config.model.policy import PoolPolicy

USD_PER_METRIC = 0.01 / 1000
"""Price of each metric of each GetMetricData call (CloudWatch pricing page); not in the free tier."""


class ReadPrices(NamedTuple):
    """Billed metrics of one pool: of a read of its peak, of a read of everything, and of a read of everything each minute, which
    may leave out what changes slowly. `usd`: list price of one. `wakes`: whether the source can wake a pool that sleeps.
    """

    peak: int
    whole: int
    each_minute: float
    usd: float = USD_PER_METRIC
    wakes: bool = False


LAMBDA = ReadPrices(1, 4, 2.4, wakes=True)
"""Metrics of a Lambda alias: concurrency alone, or also invocations, durations and throttles."""

LAMBDA_PINGED = LAMBDA._replace(peak=2)
"""The same with own pings, which the peak contains: only the number of invocations shows how many of them are users."""


def read_prices(pool: PoolPolicy) -> ReadPrices | None:
    """Return the prices of a pool's reads; None where they are free or so cheap that all is read each minute."""
    if (pool.lever.usual_demand if pool.demand is None else pool.demand.kind) == "cloudwatch-lambda":
        return LAMBDA_PINGED if pool.lever.pings or pool.top is not None else LAMBDA
    metrics = 0 if pool.demand is None else pool.demand.billed_metrics
    return ReadPrices(metrics, metrics, metrics) if metrics else None

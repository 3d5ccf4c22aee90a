"""What reading the metrics of a policy's pools can cost, before a daemon runs. Pure."""

from typing import NamedTuple

from adapters.ports.read_prices import read_prices
from config.model.policy import Policy
from controller.demand.reading.intervals import MINUTES_A_MONTH, QUARTER, UNWOKEN


class ReadingBill(NamedTuple):
    """Cost in USD per month at list price of `pools` whose reads are billed: while all sleep, read once a quarter of an hour, and
    read each minute. The metrics that the pools of a region share are not included.
    """

    pools: int
    asleep: float
    slowed: float
    each_minute: float


def reading_bill(policy: Policy) -> ReadingBill:
    """Return the bill of all pools."""
    prices = [each for pool in policy.pools if (each := read_prices(pool)) is not None]
    asleep = sum(each.usd * (each.peak / QUARTER if each.wakes else each.whole / UNWOKEN) for each in prices)
    slowed, most = (sum(each.usd * metrics for each, metrics in zip(prices, counts, strict=True))
                    for counts in ([each.whole / QUARTER for each in prices], [each.each_minute for each in prices]))
    return ReadingBill(len(prices), *(usd * MINUTES_A_MONTH for usd in (asleep, slowed, most)))


def bill_text(policy: Policy) -> str:
    """Return the bill as a sentence; empty where reads are free."""
    bill, limit = reading_bill(policy), policy.limits.metric_reads_usd_per_month
    if not bill.pools:
        return ""
    pools = "1 pool" if bill.pools == 1 else f"{bill.pools} pools"
    text = (f"{bill.asleep:.2f} USD per month while {pools} sleep, at most {bill.each_minute:.2f} USD with each minute read, at "
            "list price, plus at most 1.31 USD per region")
    if limit is None:
        return f"{text}; no limit (limits.metric_reads_usd_per_month)"
    least = f", but {bill.slowed:.2f} USD is the least while no pool sleeps" if limit < bill.slowed else ""
    return f"{text}; limit {limit:g} USD{least}"

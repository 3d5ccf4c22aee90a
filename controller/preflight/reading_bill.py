"""What reading the metrics of a policy's pools can cost, before a daemon runs. Pure."""

from typing import NamedTuple

from adapters.ports.read_prices import read_prices
from config.model.lead_policy import lead_policies
from config.model.policy import Policy
from controller.demand.reading.intervals import MINUTES_A_MONTH, QUARTER, UNWOKEN


class ReadingBill(NamedTuple):
    """Cost in USD per month at list price of `pools` whose reads are billed: while all sleep, read once a quarter of an hour, and
    read each minute. `leads`: pools with leading signals, pools that are one, and other signals, which are always read each
    minute. The metrics that the pools of a region share are not included.
    """

    pools: int
    leads: int
    asleep: float
    slowed: float
    each_minute: float


def reading_bill(policy: Policy) -> ReadingBill:
    """Return the bill of all pools and leading signals."""
    signals = lead_policies(policy.pools)
    always = {name for pool in policy.pools if pool.leads for name in (pool.name, *(lead.series for lead in pool.leads))}
    priced = [(pool.name in always, each) for pool in (*policy.pools, *signals) if (each := read_prices(pool)) is not None]
    asleep = sum(each.usd * (each.each_minute if led else each.peak / QUARTER if each.wakes else each.whole / UNWOKEN)
                 for led, each in priced)
    slowed = sum(each.usd * (each.each_minute if led else each.whole / QUARTER) for led, each in priced)
    most = sum(each.usd * each.each_minute for _, each in priced)
    leads = sum(led for led, _ in priced)
    return ReadingBill(len(priced) - leads, leads, *(usd * MINUTES_A_MONTH for usd in (asleep, slowed, most)))


def bill_text(policy: Policy) -> str:
    """Return the bill as a sentence; empty where reads are free."""
    bill, limit = reading_bill(policy), policy.limits.metric_reads_usd_per_month
    if not bill.pools + bill.leads:
        return ""
    pools = "1 pool" if bill.pools == 1 else f"{bill.pools} pools"
    led = f" and {bill.leads} with leads or as leads are read each minute" if bill.leads else ""
    text = (f"{bill.asleep:.2f} USD per month while {pools} sleep{led}, at most {bill.each_minute:.2f} USD with each minute "
            "read, at list price, plus at most 1.31 USD per region")
    if limit is None:
        return f"{text}; no limit (limits.metric_reads_usd_per_month)"
    least = f", but {bill.slowed:.2f} USD is the least while no pool sleeps" if limit < bill.slowed else ""
    return f"{text}; limit {limit:g} USD{least}"

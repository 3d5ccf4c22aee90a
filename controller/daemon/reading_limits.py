"""Application of the price of reading to a fleet: pools whose reads are not worth their price are slowed, once an hour."""

from collections.abc import Mapping
from datetime import timedelta

import structlog

from config.model.limits import Limits
from controller.demand.reading.budget import ReadCost, slowed_pools
from controller.fleet.fleet import Fleet

TICK = timedelta(minutes=1)
log = structlog.get_logger("stoker.fleet")


def limit_reads(fleet: Fleet, limits: Limits) -> None:
    """Set which pools are read once a quarter of an hour, and log each change."""
    costs, shared = dict[str, ReadCost](), 0.0
    for region in fleet.regions:
        reading, pools = region.collector.reading, region.collector.pools  # savings of retired ones are not used
        costs |= reading.costs(dict(zip(pools, region.proposer.savings().tolist(), strict=True)))
        shared += reading.total_usd_per_month(TICK) - sum(map(reading.usd_per_month, reading.prices))
    shared += sum(each.reading.total_usd_per_month(TICK) for each in (() if fleet.leads is None else fleet.leads.own))
    reasons = slowed_pools(costs, shared, limits.metric_reads_usd_per_month)
    before: Mapping[str, str] = {name: text for region in fleet.regions for name, text in region.collector.reading.slowed.items()}
    for region in fleet.regions:
        region.collector.reading.slow(reasons)
    for name in sorted(reasons.keys() - before.keys()):
        log.info("reads-slowed", pool=name, mode=fleet.reconcilers[name].policy.mode, text=reasons[name])
    for name in sorted(before.keys() - reasons.keys()):
        log.info("reads-resumed", pool=name, mode=fleet.reconcilers[name].policy.mode)

"""Demand of many pools over the last 14 days, read once: each source is read until every pool has data."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.ports.demand_source import DemandSource, Telemetry
from adapters.ports.errors import AdapterError
from adapters.ports.reports import is_reported
from forecasting.demand import DemandSeries, minute_of
from forecasting.plausible import plausible

HISTORY = timedelta(days=14)
MOST_ROUNDS = 100


Sources = Sequence[tuple[DemandSource, tuple[str, ...]]]


async def recent_demand(sources: Sources, now: datetime, since: datetime | None = None) -> AsyncIterator[tuple[str, Telemetry]]:
    """Yield the demand since an instant (default: of the last 14 days), pool by pool. Impossible minutes are unknown.

    The error of a source that cannot be read is yielded for all its pools. Nothing is yielded for a pool whose source has no
    history, as for demand that is reported.
    """
    for source, names in sources:
        if is_reported(source):
            continue
        pending = list(names)
        for _ in range(MOST_ROUNDS):
            try:
                collected = await source.collect(pending, dict.fromkeys(pending, since or now - HISTORY), now)
            except AdapterError as error:
                collected = {name: Telemetry(DemandSeries.empty(minute_of(now)), None, error) for name in pending}
            complete = [name for name in pending if len(collected[name].series) or collected[name].error is not None]
            for name in complete:
                yield name, replace(collected[name], series=plausible(collected[name].series))
            pending = [name for name in pending if name not in complete]
            if not pending or not complete:
                break

"""A fortnight of demand of many pools, read once: each source is asked until every pool has had its turn."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.ports.demand_source import DemandSource, Telemetry
from adapters.ports.errors import AdapterError
from forecasting.demand import DemandSeries, minute_of
from forecasting.plausible import plausible

FORTNIGHT = timedelta(days=14)
MOST_ROUNDS = 100


Sources = Sequence[tuple[DemandSource, tuple[str, ...]]]


async def fortnight(sources: Sources, now: datetime) -> AsyncIterator[tuple[str, Telemetry]]:
    """Yield what the last 14 days brought, pool by pool; minutes that cannot have been are unknown.

    A source that cannot be read at all gives all its pools the error.
    """
    for source, names in sources:
        left = list(names)
        for _ in range(MOST_ROUNDS):
            try:
                told = await source.collect(left, dict.fromkeys(left, now - FORTNIGHT), now)
            except AdapterError as error:
                told = {name: Telemetry(DemandSeries.empty(minute_of(now)), None, error) for name in left}
            answered = [name for name in left if len(told[name].series) or told[name].error is not None]
            for name in answered:
                yield name, replace(told[name], series=plausible(told[name].series))
            left = [name for name in left if name not in answered]
            if not left or not answered:
                break

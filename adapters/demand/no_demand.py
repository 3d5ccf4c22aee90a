"""Demand source of pools whose demand cannot be read: their floors, schedules and events set the capacity."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from numpy.random import Generator

from adapters.pinging.pinged import PingedPools
from adapters.ports.demand_source import Demands, DemandSource, Telemetry
from adapters.ports.diagnostics import Check
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import Clock
from forecasting.demand import DemandSeries, minute_of


class NoDemand:
    """Provider and source of unknown demand."""

    kind = "none"

    def __init__(self, clock: Clock, rng: Generator, sandbox_url: str | None = None, pinged: PingedPools | None = None) -> None:
        """Ignore all: nothing is read."""

    def sources(self, pools: Demands) -> list[tuple[DemandSource, tuple[str, ...]]]:
        """Return this source for all pools."""
        return [(self, tuple(pool.name for pool, _ in pools))]

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:  # noqa: ARG002
        """Return no known minute."""
        return {name: Telemetry(DemandSeries.empty(minute_of(until))) for name in pools}

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:  # noqa: ARG002
        """Return 0."""
        return 0.0

    def demand_checks(self, pools: Demands) -> list[Check]:  # noqa: ARG002
        """Return no check."""
        return []

    def call_counters(self) -> list[CallCounter]:
        """Return no counter."""
        return []

    async def close(self) -> None:
        """Do nothing."""

"""Reported demand of pools that have metrics as well: the metrics are the truth in hindsight, reports are the present."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from adapters.ports.demand_source import DemandSource, ReportsCost, Telemetry
from adapters.ports.errors import AdapterError, Unreachable
from adapters.push.demand_source import PushDemand
from adapters.runtime.clock import Clock, wait_at_most
from forecasting.demand import DemandSeries

METRICS_SECONDS = 10.0
"""Time that a collection waits for the metrics; it then returns what was reported, and the metrics with the next collection."""

Answer = Mapping[str, Telemetry]


class PushWithMetrics:
    """Reports of pools, and the source of their metrics. Metrics that hang or fail delay and remove no reported minute."""

    kind = "push"

    def __init__(self, push: PushDemand, metrics: DemandSource, clock: Clock) -> None:
        self._push, self._metrics, self._clock = push, metrics, clock
        self._reading: asyncio.Task[None] | None = None
        self._answer: Answer = {}
        self._due: dict[str, datetime] = {}
        """Start of the span of each pool that the metrics must still be read for."""

    @property
    def reports(self) -> PushDemand:
        """See `HasReports`."""
        return self._push

    @property
    def spent_usd(self) -> float:
        """Cost of all reads of the metrics in USD."""
        return self._metrics.spent_usd if isinstance(self._metrics, ReportsCost) else 0.0

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        """Return the monthly cost of the metrics in USD."""
        return self._metrics.monthly_cost_usd(pools, interval)

    async def close(self) -> None:
        """Cancel a reading of the metrics in progress."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Answer:
        """Return the minutes of the metrics, and the reported ones that the metrics do not have. See `DemandSource`."""
        for name in pools:
            self._due[name] = min(self._due.get(name, since[name]), since[name])
        metrics = await self._read(pools, until)
        found = {}
        for name in pools:
            reported, truth = self._push.reported(name, since[name], until), metrics.get(name)
            if truth is not None and truth.error is None:
                self._due.pop(name, None)
            found[name] = with_hindsight(reported, truth)
        return found

    async def _read(self, pools: Sequence[str], until: datetime) -> Answer:
        """Return the metrics, or their error for each pool. A reading that takes longer continues."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._collect(pools, dict(self._due), until), name="metrics of pushed demand")
        reading = self._reading
        await wait_at_most(self._clock, [reading], METRICS_SECONDS)
        if not reading.done():
            late = Unreachable(f"the metrics ({self._metrics.kind}) gave no answer within {METRICS_SECONDS:g} s, so only reports "
                               "count")
            return dict.fromkeys(pools, Telemetry(DemandSeries.empty(0), error=late))
        self._reading = None
        reading.result()  # raises what is no `AdapterError`
        return self._answer

    async def _collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> None:
        try:
            self._answer = await self._metrics.collect(pools, since, until)
        except AdapterError as error:
            self._answer = dict.fromkeys(pools, Telemetry(DemandSeries.empty(0), error=error))


def with_hindsight(reported: Telemetry, metrics: Telemetry | None) -> Telemetry:
    """Return the rows of the metrics, and reported rows elsewhere. A row of the metrics that is zero because it has no point
    replaces no reported demand.
    """
    if metrics is None or not len(metrics.series):
        error = reported.error if metrics is None or metrics.error is None else metrics.error
        return replace(reported, error=error, quiet="" if metrics is None else metrics.quiet)
    spans = [each for each in (metrics.series, reported.series) if len(each)]
    first, end = min(each.first_minute for each in spans), max(each.end_minute for each in spans)
    own, truth = reported.series.window(first, end), metrics.series.window(first, end)
    absent = np.zeros(end - first, bool)
    if metrics.absent is not None:
        absent[metrics.series.first_minute - first :][: len(metrics.absent)] = metrics.absent
    contradicted = absent & own.known & (own.peak > 0)
    used = truth.recorded & ~contradicted
    rows = (np.where(used, of_metrics, of_reports) for of_metrics, of_reports in
            ((truth.peak, own.peak), (truth.busy, own.busy), (truth.invocations, own.invocations)))
    return replace(metrics, series=DemandSeries(first, *rows), alive=metrics.alive or reported.alive,
                   absent=None if metrics.absent is None else absent & used, corrected=used & own.recorded)

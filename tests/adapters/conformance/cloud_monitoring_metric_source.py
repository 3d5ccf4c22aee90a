"""Metrics that are not Cloud Run's in the sandbox's Cloud Monitoring, read as a demand source."""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

import numpy as np

from adapters.gcp.metric_settings import CloudMonitoringMetricSettings, SeriesSettings
from adapters.ports.errors import AdapterError
from adapters.sandbox.gcp.world import PublishedSeries
from tests.adapters.conformance.cloud_monitoring_source import CloudMonitoringStage
from tests.adapters.conformance.source_stage import AFTER, BEFORE, POOLS, START, requests_of

MINUTES = np.arange(START - BEFORE, START + AFTER)
ALIGNERS = {"in_flight": "ALIGN_MAX", "requests": "ALIGN_SUM", "heartbeat": "ALIGN_COUNT"}


def series(pool: str, metric: str) -> SeriesSettings:
    """Return a metric of a pool."""
    text = f'metric.type = "custom.googleapis.com/{metric}" AND metric.labels.pool = "{pool}"'
    return SeriesSettings(filter=text, aligner=ALIGNERS[metric])


class CloudMonitoringMetricSource(CloudMonitoringStage):
    """Three metrics of each pool. A minute without requests has points of the heartbeat alone."""

    kind = "cloud-monitoring-metric"
    exempt: ClassVar[Mapping[str, str]] = {
        "test_a_counter_that_restarts_adds_no_demand": "Cloud Monitoring returns increases, not counters",
    }

    def __init__(self) -> None:
        super().__init__()
        for name in POOLS:
            requests = requests_of(name, MINUTES).astype(float)
            requests = np.where(requests > 0, requests, np.nan)
            for metric, values in {"in_flight": np.ceil(requests / 3), "requests": requests,
                                   "heartbeat": np.ones(len(MINUTES))}.items():
                for project in ("acme", "other"):
                    key = f"projects/{project}", series(name, metric).filter
                    self.world.published[key] = PublishedSeries(name, START - BEFORE, values.copy())

    def settings(self, pool: str, *, elsewhere: bool = False) -> CloudMonitoringMetricSettings:
        return CloudMonitoringMetricSettings(
            kind="cloud-monitoring-metric", project="other" if elsewhere else "acme", peak=series(pool, "in_flight"),
            requests=series(pool, "requests"), proof=series(pool, "heartbeat"))

    async def read(self, minutes: int = 0) -> Mapping[str, AdapterError]:
        if not minutes:
            await self.clock.advance(timedelta(seconds=1))  # each metric is a call, and their rate is limited
        return await super().read(minutes)

    def hide(self, pool: str | None = None) -> None:
        for name in POOLS if pool is None else (pool,):
            self.world.faults.metrics_outage(function=name)

    def lie(self, pool: str, value: float) -> int:
        minute = self.now - 4
        self.world.published["projects/acme", series(pool, "in_flight").filter].values[minute - (START - BEFORE)] = value
        return minute

    def fail_for(self, pool: str) -> None:
        del self.world.published["projects/acme", series(pool, "in_flight").filter]

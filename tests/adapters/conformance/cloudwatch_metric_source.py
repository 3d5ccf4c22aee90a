"""Metrics that are not Lambda's in the sandbox's CloudWatch, read as demand sources."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from adapters.aws.metric_settings import CloudWatchAlbSettings, CloudWatchMetricSettings
from forecasting.demand import DemandSeries
from tests.adapters.conformance.cloudwatch_lambda_source import CloudWatchStage
from tests.adapters.conformance.source_stage import AFTER, BEFORE, POOLS, START, requests_of

SUMS = "CloudWatch has sums by minute and no counters"
MINUTES = np.arange(START - BEFORE, START + AFTER)
SERVICE, BALANCER = "Service", "app/agents/50dc6c495c0c9188"


class CloudWatchMetrics(CloudWatchStage):
    """Metrics without points in minutes without requests, and one that proves them."""

    exempt: ClassVar[Mapping[str, str]] = {"test_a_counter_that_restarts_adds_no_demand": SUMS}

    def publish(self, namespace: str, metric: str, dimensions: Mapping[str, str], values: np.ndarray, *,
                always: bool = False) -> None:
        points = np.where((values > 0) | always, values, np.nan).astype(np.float32)
        key = namespace, metric, frozenset(dimensions.items())
        self.sandbox.published[key] = DemandSeries(START - BEFORE, points, points.copy(), points.copy())

    def hide(self, pool: str | None = None) -> None:
        for name in POOLS if pool is None else (pool,):
            self.sandbox.faults.metrics_outage(function=self.value_of(name))

    def value_of(self, pool: str) -> str:
        """Return the value of the dimension that only a pool's metrics have."""
        raise NotImplementedError

    def lie(self, pool: str, value: float) -> int:
        for (_, metric, dimensions), series in self.sandbox.published.items():
            if metric in ("InFlight", "RequestCount") and self.value_of(pool) in dict(dimensions).values():
                series.peak[self.now - 3 - series.first_minute] = value
        return self.now - 3

    def fail_for(self, pool: str) -> None:
        self.lie(pool, -1.0)


class CloudWatchMetricSource(CloudWatchMetrics):
    """A gauge, a count and a heartbeat of each service."""

    kind = "cloudwatch"

    def __init__(self) -> None:
        super().__init__()
        for name in POOLS:
            requests, dimensions = requests_of(name, MINUTES), {SERVICE: name}
            self.publish("Agents", "InFlight", dimensions, np.ceil(requests / 3))
            self.publish("Agents", "Average", dimensions, requests / 6)
            self.publish("Agents", "Requests", dimensions, requests)
            self.publish("Agents", "Heartbeat", dimensions, np.ones(len(MINUTES)), always=True)

    def value_of(self, pool: str) -> str:
        return pool

    def settings(self, pool: str, *, elsewhere: bool = False) -> CloudWatchMetricSettings:
        roles = {"peak": ("InFlight", "Maximum"), "busy": ("Average", "Average"), "requests": ("Requests", "Sum"),
                 "proof": ("Heartbeat", "SampleCount")}
        metrics = {role: {"namespace": "Agents", "metric": metric, "statistic": statistic, "dimensions": {SERVICE: pool}}
                   for role, (metric, statistic) in roles.items()}
        region = "eu-west-1" if elsewhere else "us-east-1"
        return CloudWatchMetricSettings.model_validate({"kind": "cloudwatch", "region": region} | metrics)


class CloudWatchAlbSource(CloudWatchMetrics):
    """A target group for each pool."""

    kind = "cloudwatch-alb"

    def __init__(self) -> None:
        super().__init__()
        for name in POOLS:
            requests = requests_of(name, MINUTES)
            dimensions = {"TargetGroup": self.value_of(name), "LoadBalancer": BALANCER}
            self.publish("AWS/ApplicationELB", "RequestCount", dimensions, requests)
            self.publish("AWS/ApplicationELB", "TargetResponseTime", dimensions, np.where(requests > 0, 10.0, np.nan))
            self.publish("AWS/ApplicationELB", "HealthyHostCount", dimensions, np.ones(len(MINUTES)), always=True)

    def value_of(self, pool: str) -> str:
        return f"targetgroup/{pool}/73e2d6bc24d8a067"

    def settings(self, pool: str, *, elsewhere: bool = False) -> CloudWatchAlbSettings:
        return CloudWatchAlbSettings(kind="cloudwatch-alb", region="eu-west-1" if elsewhere else "us-east-1",
                                     load_balancer=BALANCER, target_group=self.value_of(pool))

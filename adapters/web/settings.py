"""Policy settings of levers and demand sources on the web."""

from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import Field

from adapters.pinging.settings import Pause
from config.model.demand import DemandSettings
from config.model.lever import LeverSettings
from config.model.web import HEADER, Address, HeadersFrom

METRIC = r"^[A-Za-z_:][A-Za-z0-9_:]{0,200}$"


class HttpPingSettings(LeverSettings):
    """Pings to a URL: containers, functions and model servers of any platform that starts units on demand."""

    pings: ClassVar[bool] = True
    persists: ClassVar[bool] = False
    kind: Literal["http-ping"]
    url: Address = Field(examples=["https://agent.example.com/ping"])
    """URL to ping; without user, query or fragment."""
    method: Literal["GET", "HEAD", "POST"] = Field(default="GET", examples=["GET"])
    """The request's method. A POST has an empty body."""
    headers_from: HeadersFrom = Field(default_factory=dict, examples=[{"Authorization": "AGENT_PING_AUTHORIZATION"}])
    """Headers by name, each with the environment variable that holds its value."""
    status: int = Field(default=200, ge=100, le=599, examples=[200])
    """Status of a response to a ping; any other status stops the round."""
    opted_in: bool = Field(default=False, examples=[True])
    """Confirms that the URL answers pings and does no other work for them. Without it, no pings are sent."""
    unit_header: str | None = Field(default=None, pattern=HEADER, examples=["X-Unit"])
    """Response header with the unit's ID, constant while the unit runs. Without it, units are counted by overlapping pings."""
    hold_ms: int = Field(default=100, ge=1, le=5000, examples=[100])
    """Initial time that a unit holds a ping, in ms; sent as `?hold_ms=` and later learned."""
    cold_after_ms: int = Field(default=1000, ge=1, le=600_000, examples=[1000])
    """A first byte later than hold_ms plus this many ms counts as a cold start."""
    pause: Pause = Field(default=timedelta(minutes=4), examples=["4m"])
    """Initial time between two rounds; later learned from the responses."""
    longest_pause: Pause = Field(default=timedelta(minutes=15), examples=["15m"])
    """Maximum time between two rounds."""
    @property
    def resource(self) -> str:
        """Return the URL, without the ping settings."""
        return f"url={self.url}"


class HttpMetricsSettings(DemandSettings):
    """Page of metrics in Prometheus text format or OpenMetrics, read once a minute."""

    kind: Literal["http-metrics"]
    url: Address = Field(examples=["https://agent.example.com/metrics"])
    """URL of the page; without user, query or fragment."""
    headers_from: HeadersFrom = Field(default_factory=dict, examples=[{"Authorization": "AGENT_METRICS_AUTHORIZATION"}])
    """Headers by name, each with the environment variable that holds its value."""
    in_flight_metric: str = Field(default="requests_in_flight", pattern=METRIC, examples=["requests_in_flight"])
    """Gauge over all units: the maximum of requests in flight in the last minute, or the current number."""
    requests_metric: str = Field(default="requests_total", pattern=METRIC, examples=["requests_total"])
    """Counter, preferably with a label set per unit: total requests, including pings."""
    work_metric: str = Field(default="request_duration_seconds_sum", pattern=METRIC, examples=["request_duration_seconds_sum"])
    """Counter, preferably with a label set per unit: total duration of requests in seconds. Optional."""

    @property
    def resource(self) -> str:
        """Return the URL and the metrics, without the headers."""
        return f"url={self.url} {self.in_flight_metric} {self.requests_metric} {self.work_metric}"

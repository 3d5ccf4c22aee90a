"""What a policy says of levers on the web."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from adapters.pinging.settings import Pause
from config.lever import LeverSettings

URL = r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?$"
"""No user, no query, no fragment: what would be secret in them stands in a log before long."""

HEADER = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,80}$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,120}$"
METRIC = r"^[A-Za-z_:][A-Za-z0-9_:]{0,200}$"

Address = Annotated[str, Field(pattern=URL, max_length=500)]


class HttpPingSettings(LeverSettings):
    """Pings to a URL: containers, functions and model servers of any platform that starts units on demand."""

    outlasts: ClassVar[bool] = False
    kind: Literal["http-ping"]
    url: Address = Field(examples=["https://agent.example.com/ping"])
    """What is pinged; without user, query or fragment."""
    method: Literal["GET", "HEAD", "POST"] = Field(default="GET", examples=["GET"])
    """The request's method. A POST has an empty body."""
    headers_from: dict[Annotated[str, Field(pattern=HEADER)], Annotated[str, Field(pattern=VARIABLE)]] = Field(
        default_factory=dict, examples=[{"Authorization": "AGENT_PING_AUTHORIZATION"}])
    """Headers by name, each with the environment variable that holds its value."""
    status: int = Field(default=200, ge=100, le=599, examples=[200])
    """The status that means a ping was taken for one; any other ends the round."""
    opted_in: bool = Field(default=False, examples=[True])
    """Whoever owns the URL has said that it answers pings and does nothing else then. Without it, none are sent."""
    unit_header: str | None = Field(default=None, pattern=HEADER, examples=["X-Unit"])
    """The response header in which a unit names itself, the same as long as it lives. Without it, pings held together count."""
    hold_ms: int = Field(default=100, ge=1, le=5000, examples=[100])
    """For how long a unit holds a ping; it is asked for it by `?hold_ms=`."""
    cold_after_ms: int = Field(default=1000, ge=1, le=600_000, examples=[1000])
    """Beyond the hold, a first byte that comes later than this comes from a unit that had to be started."""
    pause: Pause = Field(default=timedelta(minutes=4), examples=["4m"])
    """Between two rounds, to begin with; then learnt from the answers."""
    longest_pause: Pause = Field(default=timedelta(minutes=15), examples=["15m"])
    """Never longer between two rounds, however long units are seen to live."""
    demand_url: Address | None = Field(default=None, examples=["https://agent.example.com/metrics"])
    """A page in Prometheus' text format or in OpenMetrics that has the demand; read once a minute. Without it demand is unknown.
    """
    in_flight_metric: str = Field(default="requests_in_flight", pattern=METRIC, examples=["requests_in_flight"])
    """A gauge on that page, over all units: the most requests at once within the last minute, or else those in flight now."""
    requests_metric: str = Field(default="requests_total", pattern=METRIC, examples=["requests_total"])
    """A counter on that page, best with a label set for each unit: requests so far, pings included."""
    work_metric: str = Field(default="request_duration_seconds_sum", pattern=METRIC, examples=["request_duration_seconds_sum"])
    """A counter on that page, best with a label set for each unit: seconds that requests have taken. Optional."""

    @property
    def resource(self) -> str:
        """The URL; how it is pinged is no part of its address."""
        return f"url={self.url}"

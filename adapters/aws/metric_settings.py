"""Policy settings of demand sources that read any metric of CloudWatch. Imports no AWS library."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.aws.settings import Region
from config.model.demand import DemandSettings, shortened

Word = Annotated[str, Field(pattern=r"^[ -9;-~][ -~]{0,254}$")]
"""Printable ASCII that does not start with a colon, at most 255 characters, as the API allows."""

Statistic = Annotated[str, Field(pattern=r"^(Sum|Average|Maximum|Minimum|SampleCount|p(100|\d{1,2}(\.\d{1,10})?))$")]
MOST_DIMENSIONS = 30


class MetricSettings(BaseModel):
    """One metric, read with a period of 1 min."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    namespace: Word = Field(examples=["AgentGateway"])
    """The metric's namespace."""
    metric: Word = Field(examples=["InFlight"])
    """The metric's name."""
    dimensions: Annotated[dict[Word, Word], Field(max_length=MOST_DIMENSIONS)] = Field(default_factory=dict,
                                                                                      examples=[{"Service": "chat"}])
    """All dimensions of the metric: CloudWatch does not add up the metrics of other combinations."""
    statistic: Statistic = Field(examples=["Maximum"])
    """The statistic of each minute."""

    def __str__(self) -> str:
        dimensions = ",".join(f"{name}={value}" for name, value in self.dimensions.items())
        return f"{self.namespace}:{self.metric}:{self.statistic}{f'({dimensions})' if dimensions else ''}"


class CloudWatchMetricSettings(DemandSettings):
    """Any metrics in CloudWatch."""

    of_lever: ClassVar[tuple[str, ...]] = ("region",)
    kind: Literal["cloudwatch"]
    region: Region | None = Field(default=None, examples=["us-east-1"])
    """The AWS region of the metrics; that of the lever when absent."""
    peak: MetricSettings = Field(examples=[{"namespace": "AgentGateway", "metric": "InFlight", "statistic": "Maximum"}])
    """The maximum of requests in flight at once."""
    busy: MetricSettings | None = Field(default=None, examples=[{"namespace": "AgentGateway", "metric": "InFlight",
                                                                 "statistic": "Average"}])
    """The average of requests in flight. Without it, the average counts as the peak."""
    requests: MetricSettings | None = Field(default=None, examples=[{"namespace": "AgentGateway", "metric": "Requests",
                                                                     "statistic": "Sum"}])
    """The requests that started. Without it, they are unknown."""
    proof: MetricSettings | None = Field(default=None, examples=[{"namespace": "AgentGateway", "metric": "Heartbeat",
                                                                  "statistic": "SampleCount"}])
    """A metric that has a point in every minute in which the others would have been published. In such a minute, an absent point
    means zero; without it, an absent point is unknown."""

    @property
    def label(self) -> str:
        """Return the metric of the peak."""
        return shortened(str(self.peak))


class CloudWatchAlbSettings(DemandSettings):
    """Requests of an Application Load Balancer."""

    of_lever: ClassVar[tuple[str, ...]] = ("region",)
    estimates_peak: ClassVar[bool] = True
    kind: Literal["cloudwatch-alb"]
    region: Region | None = Field(default=None, examples=["us-east-1"])
    """The AWS region of the load balancer; that of the lever when absent."""
    load_balancer: Annotated[str, Field(pattern=r"^app/[A-Za-z0-9-]{1,32}/[0-9a-f]{8,32}$")] = Field(
        examples=["app/agents/50dc6c495c0c9188"])
    """The last part of the load balancer's ARN."""
    target_group: Annotated[str, Field(pattern=r"^targetgroup/[A-Za-z0-9-]{1,32}/[0-9a-f]{8,32}$")] | None = Field(
        default=None, examples=["targetgroup/chat/73e2d6bc24d8a067"])
    """The last part of the target group's ARN. Without it, the requests of all target groups count, and an absent point is
    unknown, because only the health checks of a target group prove that metrics are published."""

"""Policy settings of demand sources that read any metric of CloudWatch. Imports no AWS library."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.aws.expressions import WrongExpression, parsed
from adapters.aws.settings import AwsDemandSettings, Region
from config.model.demand import shortened

Word = Annotated[str, Field(pattern=r"^[ -9;-~][ -~]{0,254}$")]
"""Printable ASCII that does not start with a colon, at most 255 characters, as the API allows."""

Statistic = Annotated[str, Field(pattern=r"^(Sum|Average|Maximum|Minimum|SampleCount|p(100|\d{1,2}(\.\d{1,10})?))$")]
MOST_DIMENSIONS, MOST_METRICS = 30, 10
METRIC_KEYS = ("namespace", "metric", "statistic")


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


class NamedMetricSettings(MetricSettings):
    """A metric of an expression."""

    id: str = Field(pattern=r"^[a-z][A-Za-z0-9_]{0,99}$", examples=["running"])
    """Its name in the expression."""


class MeasureSettings(BaseModel):
    """A metric, or an expression of several."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    namespace: Word | None = Field(default=None, examples=["AgentGateway"])
    """The metric's namespace."""
    metric: Word | None = Field(default=None, examples=["InFlight"])
    """The metric's name."""
    dimensions: Annotated[dict[Word, Word], Field(max_length=MOST_DIMENSIONS)] = Field(default_factory=dict,
                                                                                      examples=[{"Service": "chat"}])
    """All dimensions of the metric: CloudWatch does not add up the metrics of other combinations."""
    statistic: Statistic | None = Field(default=None, examples=["Maximum"])
    """The statistic of each minute."""
    expression: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(default=None,
                                                                                    examples=["(running + waiting) / 16"])
    """In place of a metric: a calculation with those of `metrics`, in the syntax of CloudWatch's metric math."""
    metrics: Annotated[tuple[NamedMetricSettings, ...], Field(max_length=MOST_METRICS)] = Field(default=(), strict=False)
    """The metrics of the expression."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.expression is None:
            for key in METRIC_KEYS:
                if getattr(self, key) is None:
                    raise PydanticCustomError("metric", "the key {key} is missing: write a metric, or expression and metrics",
                                              {"key": key, "at": (key,)})
            if self.metrics:
                raise PydanticCustomError("metric", "metrics without an expression: add it", {"at": ("metrics",)})
            return self
        if given := [key for key in (*METRIC_KEYS, "dimensions") if getattr(self, key)]:
            raise PydanticCustomError("metric", "{key} is given beside an expression: move it to metrics",
                                      {"key": given[0], "at": (given[0],)})
        names = [each.id for each in self.metrics]
        if len(set(names)) < len(names):
            raise PydanticCustomError("metric", "two metrics have the same id: name each once", {"at": ("metrics",)})
        try:
            parsed(self.expression, names)
        except WrongExpression as fault:
            raise PydanticCustomError("expression", "{fault}", {"fault": str(fault), "at": ("expression",)}) from None
        return self

    @property
    def inputs(self) -> dict[str, MetricSettings]:
        """Return the metrics by name in the expression; for a metric alone, by an empty name."""
        if self.expression is not None:
            return {each.id: each for each in self.metrics}
        return {"": MetricSettings.model_validate(self.model_dump(exclude={"expression", "metrics"}))}

    def __str__(self) -> str:
        if self.expression is None:
            return str(self.inputs[""])
        return f"{''.join(self.expression.split())}[{','.join(f'{name}={each}' for name, each in self.inputs.items())}]"


class CloudWatchMetricSettings(AwsDemandSettings):
    """Any metrics in CloudWatch."""

    of_lever: ClassVar[tuple[str, ...]] = ("region",)
    kind: Literal["cloudwatch"]
    region: Region | None = Field(default=None, examples=["us-east-1"])
    """The AWS region of the metrics; that of the lever when absent."""
    peak: MeasureSettings = Field(examples=[{"namespace": "AgentGateway", "metric": "InFlight", "statistic": "Maximum"}])
    """The maximum of requests in flight at once."""
    busy: MeasureSettings | None = Field(default=None, examples=[{"namespace": "AgentGateway", "metric": "InFlight",
                                                                  "statistic": "Average"}])
    """The average of requests in flight. Without it, the average counts as the peak."""
    requests: MeasureSettings | None = Field(default=None, examples=[{"namespace": "AgentGateway", "metric": "Requests",
                                                                      "statistic": "Sum"}])
    """The requests that started. Without it, they are unknown."""
    proof: MetricSettings | None = Field(default=None, examples=[{"namespace": "AgentGateway", "metric": "Heartbeat",
                                                                  "statistic": "SampleCount"}])
    """A metric that has a point in every minute in which the others would have been published. In such a minute, an absent point
    means zero; without it, an absent point is unknown."""

    @property
    def measures(self) -> dict[str, MeasureSettings]:
        """Return what is read by role, without the proof."""
        found = {"peak": self.peak, "busy": self.busy, "requests": self.requests}
        return {role: each for role, each in found.items() if each is not None}

    @property
    def label(self) -> str:
        """Return the metric of the peak."""
        return shortened(str(self.peak))

    @property
    def billed_metrics(self) -> int:
        """Number of metrics that each read is billed for; one that several roles use is read once."""
        read = {str(metric) for measure in self.measures.values() for metric in measure.inputs.values()}
        return len(read if self.proof is None else read | {str(self.proof)})


class CloudWatchAlbSettings(AwsDemandSettings):
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

    @property
    def billed_metrics(self) -> int:
        """Number of metrics that each read is billed for: requests, response time, and with a target group its health checks."""
        return 2 if self.target_group is None else 3

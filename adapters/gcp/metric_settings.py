"""Policy settings of the demand source that reads any metric of Cloud Monitoring. Imports no Google library."""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from adapters.gcp.settings import GoogleDemandSettings, Project

ONE_METRIC = re.compile(r"\bmetric\.type\s*=")
LONGEST_FILTER = 2048

Aligner = Literal["ALIGN_MAX", "ALIGN_MEAN", "ALIGN_MIN", "ALIGN_SUM", "ALIGN_COUNT", "ALIGN_PERCENTILE_99",
                  "ALIGN_PERCENTILE_95", "ALIGN_PERCENTILE_50"]
"""Aligners that give a number, and none for a minute without points."""

Reducer = Literal["REDUCE_SUM", "REDUCE_MAX", "REDUCE_MEAN", "REDUCE_MIN"]


def _of_one_metric(text: str) -> str:
    if len(ONE_METRIC.findall(text)) != 1:
        raise PydanticCustomError("filter", 'a filter names one metric, by metric.type = "…"')
    return text


Filter = Annotated[str, Field(min_length=1, max_length=LONGEST_FILTER), AfterValidator(_of_one_metric)]


class SeriesSettings(BaseModel):
    """Time series of one metric, as one number a minute."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    filter: Filter = Field(examples=['metric.type = "custom.googleapis.com/in_flight"'])
    """Filter of Cloud Monitoring that names one metric, and if needed labels of the metric and of its resource."""
    aligner: Aligner = Field(examples=["ALIGN_MAX"])
    """What makes one number of the points of a series within a minute."""
    reducer: Reducer = Field(default="REDUCE_SUM", examples=["REDUCE_SUM"])
    """What makes one number of all series that match the filter."""

    def __str__(self) -> str:
        return f"{self.reducer}({self.aligner}({' '.join(self.filter.split())}))"


class CloudMonitoringMetricSettings(GoogleDemandSettings):
    """Any metrics in Cloud Monitoring."""

    of_lever: ClassVar[tuple[str, ...]] = ("project",)
    kind: Literal["cloud-monitoring-metric"]
    project: Project | None = Field(default=None, examples=["acme"])
    """The ID of the project whose metrics are read; that of the lever when absent."""
    peak: SeriesSettings = Field(examples=[{"filter": 'metric.type = "custom.googleapis.com/in_flight"', "aligner": "ALIGN_MAX"}])
    """The maximum of requests in flight at once."""
    busy: SeriesSettings | None = Field(default=None, examples=[{"filter": 'metric.type = "custom.googleapis.com/in_flight"',
                                                                 "aligner": "ALIGN_MEAN"}])
    """The average of requests in flight. Without it, the average counts as the peak."""
    requests: SeriesSettings | None = Field(default=None, examples=[{"filter": 'metric.type = "custom.googleapis.com/requests"',
                                                                     "aligner": "ALIGN_SUM"}])
    """The requests that started. Without it, they are unknown."""
    proof: SeriesSettings | None = Field(default=None, examples=[{"filter": 'metric.type = "custom.googleapis.com/heartbeat"',
                                                                  "aligner": "ALIGN_COUNT"}])
    """A metric that has a point in every minute in which the others would have been published. In such a minute, an absent point
    means zero; without it, an absent point is unknown."""

    @property
    def series(self) -> dict[str, SeriesSettings]:
        """Return what is read, by role."""
        roles = {"peak": self.peak, "busy": self.busy, "requests": self.requests, "proof": self.proof}
        return {role: each for role, each in roles.items() if each is not None}

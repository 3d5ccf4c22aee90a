"""Policy settings of pushed demand."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from config.loading.wording import unknown, wording
from config.model.demand import DemandSettings
from config.model.duration import Duration, format_duration
from config.model.lever import LeverSettings

SHORTEST_SILENCE, LONGEST_SILENCE = timedelta(seconds=5), timedelta(minutes=5)
Attribute = Annotated[str, Field(min_length=1, max_length=200)]
WITHOUT_METRICS = ("push", "none")


class PushSettings(DemandSettings):
    """Requests in flight, as applications, gateways or sidecars report them to the daemon's HTTP API."""

    kind: Literal["push"]
    silence: Duration = Field(default=timedelta(seconds=30), examples=["30s"])
    """Time without a report after which the requests in flight of a sender are unknown; from 5s to 5m."""
    match: dict[Attribute, str] | None = Field(default=None, min_length=1, examples=[{"service.name": "support-agent"}])
    """Attributes of OpenTelemetry metrics and spans that belong to the pool; by default `service.name` with the pool's name."""
    metrics: SerializeAsAny[DemandSettings] | None = Field(default=None, examples=[{"kind": "cloudwatch-lambda"}])
    """Another demand source of the pool. Its minutes replace the reported ones once it has them."""

    @field_validator("silence")
    @classmethod
    def _silence_is_sane(cls, value: timedelta) -> timedelta:
        if not SHORTEST_SILENCE <= value <= LONGEST_SILENCE:
            raise PydanticCustomError("duration", "{span} is not from 5s to 5m", {"span": format_duration(value)})
        return value

    @field_validator("metrics", mode="before")
    @classmethod
    def _settings_of_their_kind(cls, value: object, info: ValidationInfo) -> object:
        """Return the settings of the metrics. The context of the validation has the kinds of demand sources."""
        if not isinstance(value, dict):
            return value
        kinds = {kind: model for kind, model in (info.context or {}).items() if kind not in WITHOUT_METRICS}
        kind = value.get("kind")
        if kind not in kinds:
            raise misplaced(unknown("kind of metrics", str(kind), list(kinds)), ("kind",) if "kind" in value else ())
        try:
            return kinds[kind].model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            raise misplaced(wording(first, kinds[kind]), first["loc"]) from None

    @property
    def resource(self) -> str:
        """Return the series of the metrics: reported demand has no history to read again."""
        return "" if self.metrics is None else f"metrics: {self.metrics.kind} {self.metrics.resource}"

    @property
    def hindsight(self) -> DemandSettings | None:
        """The source of the metrics."""
        return self.metrics

    def completed(self, lever: LeverSettings) -> "PushSettings":
        """Return the settings with those of the metrics completed. Raise `ValueError` if `lever` lacks a key."""
        return self if self.metrics is None else self.model_copy(update={"metrics": self.metrics.completed(lever)})


def misplaced(text: str, at: tuple[int | str, ...]) -> PydanticCustomError:
    """Return the error of a value at the path `at` within the field."""
    context: dict[str, Any] = {"text": text, "at": at}
    return PydanticCustomError("metrics", "{text}", context)

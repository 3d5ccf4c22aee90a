"""Notification sinks, and the codes of the notifications that they receive."""

from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

NoticeCode = Literal[
    "started", "stopping", "leader-changed", "store-failing", "store-recovered",
    "write-failed", "write-recovered", "metrics-stale", "metrics-back", "capacity-unknown", "capacity-known",
    "foreign-write", "foreign-write-over", "other-autoscaler", "other-autoscaler-gone", "quota-reached", "quota-eased",
    "budget-near", "budget-reached", "budget-eased", "override-set", "override-ended",
    "orphan", "orphan-gone", "policy-reloaded", "policy-refused", "select-failed", "select-left-out",
    "event-no-effect", "fault", "fault-over", "weekly-report", "test",
]
"""Codes of all notifications; docs/notifications.md describes each. `test` is sent only by `stoker notify-test`."""

NOTICE_CODES: tuple[str, ...] = get_args(NoticeCode)
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"


class Sink(BaseModel):
    """A URL to which notifications are sent by POST."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True,
        json_schema_extra={"oneOf": [{"required": ["url"]}, {"required": ["url_env"]}]},
    )

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$", examples=["on-call"])
    """Its name in logs and metrics; unique."""
    kind: Literal["webhook", "cloudevents", "slack"] = Field(examples=["slack"])
    """webhook: Stoker's own JSON. cloudevents: CloudEvents 1.0, structured. slack: a message for an incoming webhook."""
    url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$", max_length=2048)] | None = Field(
        default=None, examples=["https://hooks.example.com/stoker"])
    """URL of the sink, if it is not a secret. The URL of a Slack webhook is a secret: set url_env instead."""
    url_env: Annotated[str, Field(pattern=VARIABLE)] | None = Field(default=None, examples=["STOKER_SLACK_URL"])
    """Environment variable that holds the URL."""
    secret_env: Annotated[str, Field(pattern=VARIABLE)] | None = Field(default=None, examples=["STOKER_HOOK_SECRET"])
    """Environment variable that holds the secret for signing messages (HMAC-SHA256); not allowed for slack."""
    reasons: tuple[NoticeCode, ...] | None = Field(default=None, strict=False, min_length=1, examples=[["write-failed"]])
    """Codes of the notifications to send; all when absent."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise PydanticCustomError("sink", "give exactly one of url and url_env")
        if self.kind == "slack" and self.url_env is None:
            raise PydanticCustomError("sink", "the URL of a Slack webhook is a secret: use url_env instead")
        if self.kind == "slack" and self.secret_env is not None:
            raise PydanticCustomError("sink", "Slack does not check signatures: remove secret_env")
        return self

    def wants(self, code: str) -> bool:
        """Return whether notifications with this code are sent to the sink."""
        return code == "test" or self.reasons is None or code in self.reasons


class WeeklyReport(BaseModel):
    """When the weekly report is sent to the sinks. Times are UTC."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    weekday: Weekday = Field(default="mon", examples=["mon"])
    """Day on which the report is sent."""
    hour: int = Field(default=8, ge=0, le=23, examples=[8])
    """Hour (UTC) from which the report is sent, 0 to 23."""


class Notify(BaseModel):
    """The `notify` section of the policy."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    notify: tuple[Sink, ...] = Field(default=(), strict=False, max_length=20)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [sink.name for sink in self.notify]
        if len(set(names)) < len(names):
            raise PydanticCustomError("sink", "two sinks have the same name: names are unique")
        return self

"""Who is told when something changes that an operator wants to know of."""

from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

NoticeCode = Literal[
    "started", "stopping", "leader-changed", "store-failing", "store-recovered",
    "write-failed", "write-recovered", "metrics-stale", "metrics-back", "capacity-unknown", "capacity-known",
    "foreign-write", "foreign-write-over", "other-autoscaler", "other-autoscaler-gone", "quota-reached", "quota-eased",
    "budget-near", "budget-reached", "budget-eased", "override-set", "override-ended",
    "event-no-effect", "fault", "fault-over", "test",
]
"""Everything that can be told, in fixed words; docs/notifications.md says what each means. `test` is sent by hand alone."""

NOTICE_CODES: tuple[str, ...] = get_args(NoticeCode)
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"


class Sink(BaseModel):
    """Where notices go: a URL that takes a POST."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True,
        json_schema_extra={"oneOf": [{"required": ["url"]}, {"required": ["url_env"]}]},
    )

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$", examples=["on-call"])
    """What logs and metrics call it; unique."""
    kind: Literal["webhook", "cloudevents", "slack"] = Field(examples=["slack"])
    """webhook: Stoker's own JSON. cloudevents: CloudEvents 1.0, structured. slack: a message for an incoming webhook."""
    url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$", max_length=2048)] | None = Field(
        default=None, examples=["https://hooks.example.com/stoker"])
    """Where it is posted, when that is no secret. The URL of a Slack webhook is one: give url_env."""
    url_env: Annotated[str, Field(pattern=VARIABLE)] | None = Field(default=None, examples=["STOKER_SLACK_URL"])
    """The environment variable that holds the URL."""
    secret_env: Annotated[str, Field(pattern=VARIABLE)] | None = Field(default=None, examples=["STOKER_HOOK_SECRET"])
    """The environment variable that holds the secret with which each message is signed (HMAC-SHA256); not for slack."""
    reasons: tuple[NoticeCode, ...] | None = Field(default=None, strict=False, min_length=1, examples=[["write-failed"]])
    """Only these; all when absent."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise PydanticCustomError("sink", "give exactly one of url and url_env")
        if self.kind == "slack" and self.url_env is None:
            raise PydanticCustomError("sink", "the URL of a Slack webhook is a secret: give url_env")
        if self.kind == "slack" and self.secret_env is not None:
            raise PydanticCustomError("sink", "Slack checks no signature: leave secret_env out")
        return self

    def wants(self, code: str) -> bool:
        """Whether it is told of this."""
        return code == "test" or self.reasons is None or code in self.reasons


class Notify(BaseModel):
    """The policy's `notify`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    notify: tuple[Sink, ...] = Field(default=(), strict=False, max_length=20)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [sink.name for sink in self.notify]
        if len(set(names)) < len(names):
            raise PydanticCustomError("sink", "two sinks have one name: names are unique")
        return self

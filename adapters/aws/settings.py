"""Policy settings of levers on AWS. Imports no AWS library, so that a policy can be validated without one."""

from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.aws.names import ALIAS, FUNCTION, REGION, alias_name, function_name, region_name
from adapters.pinging.settings import Pause
from config.model.credentials import Cloud
from config.model.demand import DemandSettings
from config.model.lever import LeverSettings

Region = Annotated[str, Field(pattern=REGION), BeforeValidator(region_name)]
FunctionName = Annotated[str, Field(pattern=FUNCTION), BeforeValidator(function_name)]
Alias = Annotated[str, Field(pattern=ALIAS, max_length=128), BeforeValidator(alias_name)]


class AwsDemandSettings(DemandSettings):
    """Demand source that is read with an identity of AWS."""

    @property
    def cloud(self) -> Cloud | None:
        """See `DemandSettings`."""
        return "aws"


class CloudWatchLambdaSettings(AwsDemandSettings):
    """Metrics of a Lambda alias in CloudWatch."""

    of_lever: ClassVar[tuple[str, ...]] = ("region", "function", "alias")
    kind: Literal["cloudwatch-lambda"]
    region: Region | None = Field(default=None, examples=["us-east-1"])
    """The AWS region of the function; that of the lever when absent."""
    function: FunctionName | None = Field(default=None, examples=["support-agent"])
    """The function's name; that of the lever when absent."""
    alias: Alias | None = Field(default=None, examples=["live"])
    """The alias that callers use; that of the lever when absent."""


class LambdaProvisionedConcurrencySettings(LeverSettings):
    """Provisioned concurrency of a Lambda alias."""

    cloud: ClassVar[Cloud | None] = "aws"
    usual_demand: ClassVar[str] = "cloudwatch-lambda"
    place_keys: ClassVar[tuple[str, ...]] = ("region",)
    resource_keys: ClassVar[tuple[str, ...]] = ("function", "alias")
    schedules_fallback: ClassVar[bool] = True
    deletes_at_zero: ClassVar[bool] = True
    measures_init: ClassVar[bool] = False
    stacks_under: ClassVar[frozenset[str]] = frozenset({"lambda-ping"})
    kind: Literal["lambda-provisioned-concurrency"]
    region: Region = Field(examples=["us-east-1"])
    """The AWS region of the function."""
    function: FunctionName = Field(examples=["support-agent"])
    """The function's name; not its ARN."""
    alias: Alias = Field(examples=["live"])
    """The alias that callers use; not $LATEST and not a version number. AWS does not provision $LATEST, and a version number
    changes with every deployment."""


class LambdaPingSettings(LeverSettings):
    """Pings to a Lambda alias whose handler recognises them."""

    cloud: ClassVar[Cloud | None] = "aws"
    usual_demand: ClassVar[str] = "cloudwatch-lambda"
    place_keys: ClassVar[tuple[str, ...]] = ("region",)
    resource_keys: ClassVar[tuple[str, ...]] = ("function", "alias")
    pings: ClassVar[bool] = True
    persists: ClassVar[bool] = False
    kind: Literal["lambda-ping"]
    region: Region = Field(examples=["us-east-1"])
    """The AWS region of the function."""
    function: FunctionName = Field(examples=["support-agent"])
    """The function's name; not its ARN."""
    alias: Alias = Field(examples=["live"])
    """The alias that callers use; not $LATEST and not a version number."""
    handler: Literal["stoker", "lambda-warmer", "serverless-plugin-warmup", "custom"] = Field(examples=["lambda-warmer"])
    """Ping format that the handler recognises: Stoker's helper, one of the two libraries, or your own `payload`."""
    opted_in: bool = Field(default=False, examples=[True])
    """Confirms that the handler answers pings and does no other work for them. Without it, no pings are sent."""
    payload: dict[str, Any] | None = Field(default=None, examples=[{"ping": True}])
    """With handler `custom`: the event of a ping."""
    answer: Any = Field(default=None, examples=["warmed"])
    """The handler's response to a ping. Pinging stops after any other response."""
    hold_ms: int = Field(default=75, ge=1, le=5000, examples=[75])
    """How long the handler holds a ping, in ms: initial value with Stoker's helper, later learned; a library has its own."""
    pause: Pause = Field(default=timedelta(minutes=4), examples=["4m"])
    """Initial time between two rounds; later learned from the responses."""
    longest_pause: Pause = Field(default=timedelta(minutes=15), examples=["15m"])
    """Maximum time between two rounds."""

    @property
    def resource(self) -> str:
        """Return region, function and alias, without the ping settings."""
        return f"region={self.region} function={self.function} alias={self.alias}"

    @model_validator(mode="after")
    def _payload_for_custom_alone(self) -> Self:
        if (self.handler == "custom") != (self.payload is not None):
            raise PydanticCustomError("payload", "handler custom needs payload, and payload needs handler custom")
        return self

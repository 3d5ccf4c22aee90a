"""What a policy says of levers on AWS. Imports no AWS library: a policy can be checked without one."""

from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.aws.names import ALIAS, FUNCTION, REGION, alias_name, function_name, region_name
from adapters.pinging.settings import Pause
from config.lever import LeverSettings

Region = Annotated[str, Field(pattern=REGION), BeforeValidator(region_name)]
FunctionName = Annotated[str, Field(pattern=FUNCTION), BeforeValidator(function_name)]
Alias = Annotated[str, Field(pattern=ALIAS, max_length=128), BeforeValidator(alias_name)]


class LambdaProvisionedConcurrencySettings(LeverSettings):
    """Provisioned concurrency of a Lambda alias."""

    decays: ClassVar[bool] = True
    deletes_at_zero: ClassVar[bool] = True
    kind: Literal["lambda-provisioned-concurrency"]
    region: Region = Field(examples=["us-east-1"])
    """The AWS region of the function."""
    function: FunctionName = Field(examples=["support-agent"])
    """The function's name; not its ARN."""
    alias: Alias = Field(examples=["live"])
    """The alias that callers use. $LATEST and bare version numbers cannot stand here: AWS provisions no $LATEST, and a
    version number would have to change with every deployment."""


class LambdaPingSettings(LeverSettings):
    """Pings to a Lambda alias whose handler knows them for what they are."""

    outlasts: ClassVar[bool] = False
    kind: Literal["lambda-ping"]
    region: Region = Field(examples=["us-east-1"])
    """The AWS region of the function."""
    function: FunctionName = Field(examples=["support-agent"])
    """The function's name; not its ARN."""
    alias: Alias = Field(examples=["live"])
    """The alias that callers use; not $LATEST and not a version number."""
    handler: Literal["stoker", "lambda-warmer", "serverless-plugin-warmup", "custom"] = Field(examples=["lambda-warmer"])
    """Whose pings the handler understands: Stoker's helper, one of the two libraries, or your own `payload`."""
    opted_in: bool = Field(default=False, examples=[True])
    """Whoever owns the function has said that its handler answers such pings and does nothing else then. Without it, none are."""
    payload: dict[str, Any] | None = Field(default=None, examples=[{"ping": True}])
    """With handler `custom`: the event that is a ping."""
    answer: Any = Field(default=None, examples=["warmed"])
    """What the handler returns to a ping. If it ever returns something else, pinging stops."""
    hold_ms: int = Field(default=75, ge=1, le=5000, examples=[75])
    """For how long the handler holds a ping. Stoker's helper is asked for it; a library does what it is configured to."""
    pause: Pause = Field(default=timedelta(minutes=4), examples=["4m"])
    """Between two rounds, to begin with; then learnt from the answers."""
    longest_pause: Pause = Field(default=timedelta(minutes=15), examples=["15m"])
    """Never longer between two rounds, however long environments are seen to live."""

    @property
    def resource(self) -> str:
        """The alias; how it is pinged is no part of its address."""
        return f"region={self.region} function={self.function} alias={self.alias}"

    @model_validator(mode="after")
    def _payload_for_custom_alone(self) -> Self:
        if (self.handler == "custom") != (self.payload is not None):
            raise PydanticCustomError("payload", "payload goes with handler custom, and handler custom with a payload")
        return self

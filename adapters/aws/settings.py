"""What a policy says of levers on AWS. Imports no AWS library: a policy can be checked without one."""

from typing import Literal

from pydantic import Field

from config.lever import LeverSettings

FUNCTION = r"^[A-Za-z0-9_-]{1,140}$"
ALIAS = r"^[0-9]*[A-Za-z_-][A-Za-z0-9_-]*$"
REGION = r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$"


class LambdaProvisionedConcurrencySettings(LeverSettings):
    """Provisioned concurrency of a Lambda alias."""

    kind: Literal["lambda-provisioned-concurrency"]
    region: str = Field(pattern=REGION, examples=["us-east-1"])
    """The AWS region of the function."""
    function: str = Field(pattern=FUNCTION, examples=["support-agent"])
    """The function's name; not its ARN."""
    alias: str = Field(pattern=ALIAS, max_length=128, examples=["live"])
    """The alias that callers use. $LATEST and bare version numbers cannot stand here: AWS provisions no $LATEST, and a
    version number would have to change with every deployment."""

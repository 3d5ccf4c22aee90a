"""What a policy says of levers on Google Cloud. Imports no Google library: a policy can be checked without one."""

from typing import Literal

from pydantic import Field

from config.lever import LeverSettings

PROJECT = r"^([a-z0-9][a-z0-9.-]*:)?[a-z][a-z0-9-]{2,28}[a-z0-9]$"
LOCATION = r"^[a-z]+(-[a-z]+)+[0-9]+$"
SERVICE = r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"


class CloudRunMinInstancesSettings(LeverSettings):
    """Minimum instances of a Cloud Run service, set at the service and not at a revision."""

    kind: Literal["cloud-run-min-instances"]
    project: str = Field(pattern=PROJECT, examples=["acme"])
    """The ID of the Google Cloud project; not its number and not its display name."""
    location: str = Field(pattern=LOCATION, examples=["europe-west1"])
    """The region of the service, such as europe-west1."""
    service: str = Field(pattern=SERVICE, examples=["chat"])
    """The service's name. Of a Cloud Run function: the name of the service underneath it."""

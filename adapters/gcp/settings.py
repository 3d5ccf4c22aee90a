"""What a policy says of levers on Google Cloud. Imports no Google library: a policy can be checked without one."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from adapters.gcp.names import LOCATION, PROJECT, SERVICE, location_name, project_id, service_name
from config.lever import LeverSettings

Project = Annotated[str, Field(pattern=PROJECT), BeforeValidator(project_id)]
Location = Annotated[str, Field(pattern=LOCATION), BeforeValidator(location_name)]
Service = Annotated[str, Field(pattern=SERVICE), BeforeValidator(service_name)]


class CloudRunMinInstancesSettings(LeverSettings):
    """Minimum instances of a Cloud Run service, set at the service and not at a revision."""

    kind: Literal["cloud-run-min-instances"]
    project: Project = Field(examples=["acme"])
    """The ID of the Google Cloud project; not its number and not its display name."""
    location: Location = Field(examples=["europe-west1"])
    """The region of the service, such as europe-west1."""
    service: Service = Field(examples=["chat"])
    """The service's name. Of a Cloud Run function: the name of the service underneath it."""
    concurrency_target: float = Field(default=0.6, ge=0.1, le=1.0, allow_inf_nan=False, examples=[0.6])
    """The share of its concurrency up to which Cloud Run uses an instance before it starts another: the service's
    --scaling-concurrency-target, 0.6 where none is set, 1 where it is disabled. Demand in instances is counted by it."""

    @property
    def resource(self) -> str:
        """The service; how full its instances get is no part of its address."""
        return f"project={self.project} location={self.location} service={self.service}"

"""Policy settings of levers on Google Cloud. No Google library is imported, so that a policy can be validated without one."""

from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from adapters.gcp.names import LOCATION, PROJECT, SERVICE, location_name, project_id, service_name
from config.model.credentials import Cloud
from config.model.demand import DemandSettings
from config.model.lever import LeverSettings

Project = Annotated[str, Field(pattern=PROJECT), BeforeValidator(project_id)]
Location = Annotated[str, Field(pattern=LOCATION), BeforeValidator(location_name)]
Service = Annotated[str, Field(pattern=SERVICE), BeforeValidator(service_name)]

COMPARED = 30
"""Characters of a service's name that are compared with a URL: Cloud Run can shorten longer names in its URLs."""


class GoogleDemandSettings(DemandSettings):
    """Demand source that is read with an identity of Google Cloud."""

    @property
    def cloud(self) -> Cloud | None:
        """See `DemandSettings`."""
        return "google"


class CloudMonitoringSettings(GoogleDemandSettings):
    """Metrics of a Cloud Run service in Cloud Monitoring."""

    estimates_peak: ClassVar[bool] = True
    of_lever: ClassVar[tuple[str, ...]] = ("project", "location", "service", "concurrency_target")
    kind: Literal["cloud-monitoring"]
    project: Project | None = Field(default=None, examples=["acme"])
    """The ID of the Google Cloud project; that of the lever when absent."""
    location: Location | None = Field(default=None, examples=["europe-west1"])
    """The region of the service; that of the lever when absent."""
    service: Service | None = Field(default=None, examples=["chat"])
    """The service's name; that of the lever when absent."""
    concurrency_target: float | None = Field(default=None, ge=0.1, le=1.0, allow_inf_nan=False, examples=[0.6])
    """Share of an instance's concurrency that Cloud Run uses before it starts another instance; that of the lever when absent."""


class CloudRunMinInstancesSettings(LeverSettings):
    """Minimum instances of a Cloud Run service, set on the service and not on a revision."""

    cloud: ClassVar[Cloud | None] = "google"
    usual_demand: ClassVar[str] = "cloud-monitoring"
    place_keys: ClassVar[tuple[str, ...]] = ("project", "location")
    resource_keys: ClassVar[tuple[str, ...]] = ("service",)
    stacks_under: ClassVar[frozenset[str]] = frozenset({"http-ping"})
    kind: Literal["cloud-run-min-instances"]
    project: Project = Field(examples=["acme"])
    """The ID of the Google Cloud project, not its number or display name."""
    location: Location = Field(examples=["europe-west1"])
    """The region of the service, such as europe-west1."""
    service: Service = Field(examples=["chat"])
    """The service's name. For a Cloud Run function: the name of its service."""
    concurrency_target: float = Field(default=0.6, ge=0.1, le=1.0, allow_inf_nan=False, examples=[0.6])
    """Share of an instance's concurrency that Cloud Run uses before it starts another instance: the service's
    --scaling-concurrency-target, 0.6 when it is not set, 1 when it is disabled. Demand in instances is computed from it."""

    @property
    def resource(self) -> str:
        """Project, location and service, without the concurrency target."""
        return f"project={self.project} location={self.location} service={self.service}"

    def conflict(self, top: LeverSettings) -> tuple[str, str] | None:
        """See `LeverSettings`. A URL on another domain than `run.app` can be an address of any service."""
        host = urlsplit(getattr(top, "url", "")).hostname or ""
        name = host.partition(".")[0].rpartition("---")[2]  # Cloud Run puts a traffic tag and three dashes before the service
        if not host.endswith(".run.app") or name.startswith(f"{self.service}-"[:COMPARED]):
            return None
        return "url", f"write a URL of the service {self.service}"

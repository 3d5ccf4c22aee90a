"""Policy settings of the demand source `prometheus`. No field holds a secret: they name variables and files."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.prometheus.promql import expanded, proof_fault, text_fault
from config.model.credentials import Cloud
from config.model.demand import DemandSettings, shortened
from config.model.web import Address, HeadersFrom, Variable

QUERIES = ("peak", "busy", "requests", "proof")
AUTHENTICATIONS = ("bearer_file", "bearer_env", "basic", "sigv4", "google", "azure")
REGION = r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$"
NAME = r"^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$"
"""A GUID or a domain name."""

File = Annotated[str, Field(min_length=1, max_length=1000)]
PromQL = Annotated[str, Field(min_length=1, max_length=5000)]


class Settings(BaseModel):
    """Immutable, strict about types and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)


class BasicSettings(Settings):
    """Basic authentication."""

    username: str = Field(pattern=r"^[^:\x00-\x1f]{1,200}$", examples=["stoker"])
    """User name; without a colon."""
    password_env: Variable | None = Field(default=None, examples=["PROMETHEUS_PASSWORD"])
    """Environment variable that holds the password."""
    password_file: File | None = Field(default=None, examples=["/run/secrets/prometheus-password"])
    """File that holds the password; read again for each collection."""

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if (self.password_env is None) == (self.password_file is None):
            raise PydanticCustomError("password", "give exactly one of password_env and password_file")
        return self


class TlsSettings(Settings):
    """TLS connections; the files are read again when they change."""

    ca_file: File | None = Field(default=None, examples=["/etc/stoker/prometheus-ca.pem"])
    """Certificates in PEM format that are trusted in place of those of the machine."""
    cert_file: File | None = Field(default=None, examples=["/etc/stoker/client.pem"])
    """Client certificate in PEM format, for mutual TLS."""
    key_file: File | None = Field(default=None, examples=["/etc/stoker/client-key.pem"])
    """Key of the client certificate, without a passphrase; that of cert_file when absent."""
    server_name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]{1,253}$", examples=["prometheus.example.com"])
    """Name in the certificate of the server; the host of the URL when absent."""

    @model_validator(mode="after")
    def _key_of_a_certificate(self) -> Self:
        if self.key_file is not None and self.cert_file is None:
            raise PydanticCustomError("key", "key_file needs cert_file, its certificate")
        return self


class SigV4Settings(Settings):
    """Signatures of AWS, with the credentials that the AWS library finds."""

    region: str = Field(pattern=REGION, examples=["us-east-1"])
    """AWS region of the workspace."""
    service: Literal["aps"] = Field(default="aps", examples=["aps"])
    """The service that requests are signed for: Amazon Managed Service for Prometheus."""


class AzureSettings(Settings):
    """Access tokens of Microsoft Entra ID for an application, which Stoker fetches and renews."""

    tenant_id: str | None = Field(default=None, pattern=NAME, examples=["11111111-2222-3333-4444-555555555555"])
    """The tenant of the application; AZURE_TENANT_ID when absent."""
    client_id: str | None = Field(default=None, pattern=NAME, examples=["66666666-7777-8888-9999-000000000000"])
    """The ID of the application, or of the managed identity of a workload identity; AZURE_CLIENT_ID when absent."""
    client_secret_env: Variable | None = Field(default=None, examples=["AZURE_CLIENT_SECRET"])
    """Environment variable that holds the client secret."""
    client_secret_file: File | None = Field(default=None, examples=["/run/secrets/azure-client-secret"])
    """File that holds the client secret; read again for each token."""
    federated_token_file: File | None = Field(default=None, examples=["/var/run/secrets/azure/tokens/azure-identity-token"])
    """File that holds the token of a workload identity; AZURE_FEDERATED_TOKEN_FILE when absent and there is no client secret."""

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        given = [name for name in ("client_secret_env", "client_secret_file", "federated_token_file") if getattr(self, name)]
        if len(given) > 1:
            raise PydanticCustomError("azure", "{given} are given: give one", {"given": " and ".join(given)})
        return self


class PrometheusSettings(DemandSettings):
    """PromQL queries to Prometheus or a server with its HTTP API."""

    kind: Literal["prometheus"]
    url: Address = Field(examples=["https://prometheus.example.com"])
    """URL of the server, with its path prefix if it has one; without user, query or fragment."""
    peak: PromQL = Field(examples=['sum(max_over_time(requests_in_flight{app="{pool}"}[1m]))'])
    """Query for the maximum of requests in flight at once in the last minute. `{pool}` within quotes is the pool's name."""
    busy: PromQL | None = Field(default=None, examples=['sum(avg_over_time(requests_in_flight{app="{pool}"}[1m]))'])
    """Query for the average of requests in flight in the last minute; the peak when absent."""
    requests: PromQL | None = Field(default=None, examples=['sum(increase(requests_total{app="{pool}"}[1m]))'])
    """Query for the requests that started in the last minute; unknown when absent."""
    proof: PromQL | None = Field(default=None, examples=['min_over_time(up{job="{pool}"}[1m])'])
    """Query whose values are all above 0 in minutes in which the metrics of the pool were collected; `peak` when absent."""
    headers_from: HeadersFrom = Field(default_factory=dict, examples=[{"X-Scope-OrgID": "PROMETHEUS_TENANT"}])
    """Headers by name, each with the environment variable that holds its value."""
    bearer_file: File | None = Field(default=None, examples=["/run/secrets/prometheus-token"])
    """File that holds a bearer token; read again for each collection."""
    bearer_env: Variable | None = Field(default=None, examples=["PROMETHEUS_TOKEN"])
    """Environment variable that holds a bearer token."""
    basic: BasicSettings | None = Field(default=None, examples=[{"username": "stoker", "password_env": "PROMETHEUS_PASSWORD"}])
    """Basic authentication."""
    tls: TlsSettings | None = Field(default=None, examples=[{"ca_file": "/etc/stoker/prometheus-ca.pem"}])
    """TLS connections: trusted certificates and the client's certificate."""
    sigv4: SigV4Settings | None = Field(default=None, examples=[{"region": "us-east-1"}])
    """Signatures of AWS, for Amazon Managed Service for Prometheus. Needs the extra `aws`."""
    google: Literal[True] | None = Field(default=None, examples=[True])
    """Access tokens of the Application Default Credentials, for Google Cloud Managed Service for Prometheus. Needs the extra
    `gcp`."""
    azure: AzureSettings | None = Field(default=None, examples=[{"client_secret_env": "AZURE_CLIENT_SECRET"}])
    """Access tokens of Microsoft Entra ID, for an Azure Monitor workspace. `{}`: the workload identity of the pod."""

    @property
    def resource(self) -> str:
        """Return the URL and the queries, without what authenticates."""
        queries = ((name, getattr(self, name)) for name in QUERIES)
        return " ".join((f"url={self.url}", *(f"{name}={' '.join(query.split())}" for name, query in queries if query)))

    @property
    def cloud(self) -> Cloud | None:
        """See `DemandSettings`."""
        return "aws" if self.sigv4 is not None else "google" if self.google else None

    @property
    def label(self) -> str:
        """Return the query for the peak."""
        return shortened(" ".join(self.peak.split()))

    def of_pool(self, name: str) -> Self:
        """Return the settings with `name` for each `{pool}` in the queries."""
        queries = {key: getattr(self, key) for key in QUERIES}
        return self.model_copy(update={key: query and expanded(query, name) for key, query in queries.items()})

    @property
    def connection(self) -> str:
        """Return the settings of the connection as text: pools with the same text share connections."""
        return self.model_dump_json(exclude={"kind", *QUERIES})

    @model_validator(mode="after")
    def _queries_can_work(self) -> Self:
        for name in QUERIES:
            fault = text_fault(getattr(self, name) or "")
            if fault is not None:
                raise PydanticCustomError("query", "{fault}", {"fault": fault, "at": (name,)})
        fault = proof_fault(self.proof or self.peak)
        if fault is not None:
            proving, remedy = ("proof", "write it like min_over_time(up{job=\"…\"}[1m])") if self.proof else (
                "peak", "write it like max_over_time(…[1m]), or add a proof query")
            raise PydanticCustomError("proof", "{fault}: {remedy}", {"fault": fault, "remedy": remedy, "at": (proving,)})
        return self

    @model_validator(mode="after")
    def _one_authentication(self) -> Self:
        given = [name for name in AUTHENTICATIONS if getattr(self, name) is not None]
        given += [f"headers_from {name}" for name in self.headers_from if name.lower() == "authorization"]
        if len(given) > 1:
            raise PydanticCustomError("authentication", "{given} are given: give one", {"given": " and ".join(given)})
        if self.tls is not None and not self.url.startswith("https://"):
            raise PydanticCustomError("tls", "tls needs a URL with https://", {"at": ("url",)})
        return self

"""Policy settings of demand sources that sample a store with a password. No field holds a secret."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from config.model.demand import DemandSettings
from config.model.web import Variable

HOST = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$|^[0-9A-Fa-f:]{2,39}$"
File = Annotated[str, Field(min_length=1, max_length=1000)]
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class StoreTls(BaseModel):
    """TLS connections to a store. The certificate of the server must be valid for `host`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    ca_file: File | None = Field(default=None, examples=["/etc/stoker/store-ca.pem"])
    """Certificates in PEM format that are trusted in place of those of the machine."""
    cert_file: File | None = Field(default=None, examples=["/etc/stoker/client.pem"])
    """Client certificate in PEM format, for mutual TLS."""
    key_file: File | None = Field(default=None, examples=["/etc/stoker/client-key.pem"])
    """Key of the client certificate, without a passphrase."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.key_file is None) != (self.cert_file is None):
            raise PydanticCustomError("key", "cert_file and key_file need each other: give both or none")
        return self


class StoreSettings(DemandSettings):
    """A number in a store. Pools with the same connection share it."""

    number: ClassVar[tuple[str, ...]]
    """Keys that say which number is read."""

    host: str = Field(pattern=HOST, examples=["store.example.com"])
    """Name or IP address of the server."""
    port: int = Field(ge=1, le=65535)
    """Port of the server."""
    username: str | None = Field(default=None, pattern=r"^[^\x00-\x1f]{1,200}$", examples=["stoker"])
    """User name."""
    password_env: Variable | None = Field(default=None, examples=["STORE_PASSWORD"])
    """Environment variable that holds the password."""
    tls: StoreTls | None = Field(default=None, examples=[{"ca_file": "/etc/stoker/store-ca.pem"}])
    """TLS connections; `{}` for the trusted certificates of the machine. Without it, connections are not encrypted."""

    @property
    def place(self) -> str:
        """Return the server, as display text."""
        return f"{self.kind} at {self.host}:{self.port}"

    @property
    def connection(self) -> str:
        """Return the settings of the connection as text."""
        return self.model_dump_json(exclude={"kind", *self.number})

    @property
    def resource(self) -> str:
        """Return the server and the number, without what authenticates."""
        hidden = ("kind", "username", "password_env", "tls")
        values: dict[str, Any] = {name: value for name, value in self if name not in hidden and value is not None}
        return " ".join(f"{name}={' '.join(str(value).split())}" for name, value in values.items())

    @property
    def unprotected(self) -> bool:
        """Return whether a password is sent over a network without TLS."""
        return self.password_env is not None and self.tls is None and self.host not in LOOPBACK

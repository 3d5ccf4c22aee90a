"""Settings of the receiver of StatsD datagrams."""

import ipaddress
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

LONGEST_PATH = 100
"""Linux allows 107 bytes for the path of a UNIX socket."""


class StatsD(BaseModel):
    """Where the daemon receives StatsD datagrams, for pools whose demand is pushed. Absent: nowhere."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True,
                              json_schema_extra={"anyOf": [{"required": ["address"]}, {"required": ["socket"]}]})

    address: str | None = Field(default=None, examples=["127.0.0.1:8125"])
    """IP address and UDP port to listen on. UDP has no authentication: an address other than loopback needs `open`."""
    socket: str | None = Field(default=None, pattern=r"^/[^\x00]+$", max_length=LONGEST_PATH,
                               examples=["/run/stoker/statsd.sock"])
    """Absolute path of a UNIX datagram socket to listen on. User and group of the daemon may write to it."""
    open: bool = False
    """Whether any host that reaches `address` may report: set it only where the network limits who can."""

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                place_of(value)
            except ValueError:
                text = "{value} is not an IP address and a port, such as 127.0.0.1:8125 or [::1]:8125"
                raise PydanticCustomError("address", text, {"value": repr(value)}) from None
        return value

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.address is None and self.socket is None:
            raise PydanticCustomError("address", "set address, socket or both")
        if self.address is not None and not self.open and not ipaddress.ip_address(place_of(self.address)[0]).is_loopback:
            text = "{value} is not loopback, and UDP has no authentication: listen on 127.0.0.1, or set open: true"
            raise PydanticCustomError("address", text, {"value": self.address})
        return self


def place_of(address: str) -> tuple[str, int]:
    """Return IP address and port. Raise `ValueError`. Port 0 takes a free one."""
    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise ValueError(address)
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if ":" in bare and bare == host:
        raise ValueError(address)
    return str(ipaddress.ip_address(bare)), int(port)

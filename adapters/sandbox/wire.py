"""Requests to the emulated services and their responses, independent of the wire format."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

Json = dict[str, Any]
_SCOPE = re.compile(r"Credential=(?P<key>[^/\s]+)/(?P<date>\d{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Call:
    """One request: `service`, `operation` and `region`, the time `at` on the sandbox's clock, the caller's access key."""

    service: str
    operation: str
    at: datetime
    caller: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    headers: Mapping[str, str]
    region: str = ""

    @property
    def function(self) -> str:
        """Name of the function in the request, without ARN and qualifier; empty without one."""
        return function_and_qualifier(self.path.get("function", ""))[0]

    @property
    def qualifier(self) -> str | None:
        """Version or alias from the query, the path, or the end of the function's ARN; None without one."""
        return self.query.get("Qualifier") or self.path.get("name") or function_and_qualifier(self.path.get("function", ""))[1]


@dataclass(frozen=True, slots=True)
class Reply:
    """Successful response. `body` is JSON unless it is bytes; None: no body. It is sent `after_seconds` of the sandbox's time."""

    body: Json | bytes | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    after_seconds: float = 0.0


class Scope(NamedTuple):
    """Credential scope of a signature: access key, region and service."""

    key: str
    region: str
    service: str


def scope_of(authorization: str) -> Scope | None:
    """Return the credential scope of a Signature Version 4 header; None without one. The signature itself is not verified."""
    match = _SCOPE.search(authorization)
    return None if match is None else Scope(match["key"], match["region"], match["service"])


def function_and_qualifier(reference: str) -> tuple[str, str | None]:
    """Return name and qualifier of `name`, `name:qualifier`, a full ARN or a partial one (`account:function:name`)."""
    parts = reference.split(":")
    if "function" in parts[:-1]:
        parts = parts[parts.index("function") + 1 :]
    return parts[0], parts[1] if len(parts) > 1 else None

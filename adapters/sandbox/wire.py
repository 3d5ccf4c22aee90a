"""A request as the emulated services see it, and an answer before it takes a wire format."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

Json = dict[str, Any]
_SCOPE = re.compile(r"Credential=(?P<key>[^/\s]+)/(?P<date>\d{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Call:
    """One request: what is asked of which service in which region, when (on the sandbox's clock), and by whose access key."""

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
        """The function that the request names, without ARN or qualifier; empty when it names none."""
        return function_and_qualifier(self.path.get("function", ""))[0]

    @property
    def qualifier(self) -> str | None:
        """A version or alias from the query, the path, or the end of the function's ARN."""
        return self.query.get("Qualifier") or self.path.get("name") or function_and_qualifier(self.path.get("function", ""))[1]


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer. `body` is JSON unless it is bytes; None: no body. It leaves `after_seconds` of the sandbox's time."""

    body: Json | bytes | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    after_seconds: float = 0.0


class Scope(NamedTuple):
    """What the signature says of the caller: access key, region and service."""

    key: str
    region: str
    service: str


def scope_of(authorization: str) -> Scope | None:
    """The credential scope of a Signature Version 4 header; None when there is none. The signature itself is not checked."""
    match = _SCOPE.search(authorization)
    return None if match is None else Scope(match["key"], match["region"], match["service"])


def function_and_qualifier(reference: str) -> tuple[str, str | None]:
    """Name and qualifier out of `name`, `name:qualifier`, a full ARN or a partial one (`account:function:name`)."""
    parts = reference.split(":")
    if "function" in parts[:-1]:
        parts = parts[parts.index("function") + 1 :]
    return parts[0], parts[1] if len(parts) > 1 else None

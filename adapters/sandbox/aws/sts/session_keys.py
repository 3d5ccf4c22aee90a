"""Temporary credentials of the emulated STS."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """Temporary credentials, valid with `token` until they expire on the sandbox's clock. `arn`: the assumed role."""

    access_key: str
    token: str
    arn: str
    expires: datetime

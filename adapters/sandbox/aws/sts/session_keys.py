"""Temporary credentials that the sandbox's STS gave out."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """Accepted with their token, and until they expire by the sandbox's clock. `arn`: whom they stand for."""

    access_key: str
    token: str
    arn: str
    expires: datetime

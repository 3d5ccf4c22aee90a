"""Discovery of provider resources that can be pools, and of those that cannot, with the reason. Read-only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from config.model.credentials import Credentials
from config.model.lever import LeverSettings

S = TypeVar("S", bound=LeverSettings)
Where = Mapping[str, str]
"""Where to search, by the keys of the lever's settings: a region, or a project and a location."""


@dataclass(frozen=True, slots=True)
class Found:
    """Resource that can be a pool. `facts`: other properties, as display text. `alias`: of a function; empty for others.

    `tags`: tags of AWS or labels of Google Cloud; None when they were not read. `credentials`: those that it was found with.
    """

    name: str
    lever: LeverSettings
    facts: str
    alias: str = ""
    tags: Mapping[str, str] | None = None
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """Resource that cannot be a pool, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Survey:
    """All resources found in one place."""

    found: tuple[Found, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """Active account of an organization. `own`: it is the account of the daemon's own identity."""

    account: str
    name: str
    own: bool


def settings_or_why(kind: type[S], settings: Mapping[str, str]) -> S | str:
    """Return the lever settings of a resource by its provider name, or why a policy cannot contain them."""
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        return f"a policy cannot contain it: {'.'.join(map(str, wrong['loc']))} {str(wrong['input'])[:80]!r}: {wrong['msg']}"

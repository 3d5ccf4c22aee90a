"""Discovery of provider resources that can be pools, and of those that cannot, with the reason. Read-only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from config.model.credentials import Credentials
from config.model.lever import LeverSettings

S = TypeVar("S", bound=LeverSettings)
Where = Mapping[str, str]
"""Where to search, by the keys of the lever's settings: a region, or a project and a location."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filter of a survey. `accepts`: whether a resource may be wanted, by its name and its tags or labels. `reads_tags`: whether
    tags decide, which must be read separately at AWS.
    """

    accepts: Callable[[str, Mapping[str, str]], bool]
    reads_tags: bool = False


@dataclass(frozen=True, slots=True)
class Size:
    """Properties of a unit that its price depends on; None where they are unknown."""

    memory_mb: int | None = None
    architecture: str | None = None
    vcpus: float | None = None
    billing: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Resource that can be a pool. `facts`: other properties, as display text. `alias`: of a function; empty for others.

    `tags`: tags of AWS or labels of Google Cloud; None when they were not read. `credentials`: those that it was found with.
    `size`: of a unit, for its price; unknown when it was not read.
    """

    name: str
    lever: LeverSettings
    facts: str
    alias: str = ""
    tags: Mapping[str, str] | None = None
    credentials: Credentials | None = None
    size: Size = field(default_factory=Size)


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

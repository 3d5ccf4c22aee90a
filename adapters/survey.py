"""What a provider has that could be a pool, and what it has that could not, with the reason. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from config.lever import LeverSettings

S = TypeVar("S", bound=LeverSettings)
Where = Mapping[str, str]
"""Where to look, by the names that a lever's settings have for it: a region, or a project and a location."""


@dataclass(frozen=True, slots=True)
class Found:
    """A resource that could be a pool. `facts`: what else was seen of it, for people."""

    name: str
    lever: LeverSettings
    facts: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A resource that could not be one, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Survey:
    """All that was seen in one place."""

    found: tuple[Found, ...]
    skipped: tuple[Skipped, ...]


def settings_or_why(kind: type[S], settings: Mapping[str, str]) -> S | str:
    """The settings of a lever for a resource as the provider names it, or why a policy cannot have them."""
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        return f"a policy cannot name it: {'.'.join(map(str, wrong['loc']))} {str(wrong['input'])[:80]!r}: {wrong['msg']}"

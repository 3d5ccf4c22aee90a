"""What a provider has that could be a pool, and what it has that could not, with the reason. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from config.lever import LeverSettings

Where = Mapping[str, str]
"""Where to look, by the names that a lever's settings have for it: a region, or a project and a location."""


@dataclass(frozen=True, slots=True)
class Found:
    """A resource that could be a pool. `facts`: what else was seen of it, for people. `keep_alive`: how long one of its units
    usually stays warm after use.
    """

    name: str
    lever: LeverSettings
    facts: str
    keep_alive: timedelta


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

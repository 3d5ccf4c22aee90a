"""Entries of `select`: which resources become pools, in which places, with which settings, and the bounds."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, model_validator
from pydantic_core import PydanticCustomError

from config.model.credentials import Credentials
from config.model.demand import DemandSettings
from config.model.lead import Lead
from config.model.lever import LeverSettings

MOST_SELECTED = 500
"""Pools that one entry adds at most, where it names no other bound."""

SAMPLE = "sample"
"""Name of the pool that an entry's settings are checked with."""


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Pattern = Annotated[str, Field(min_length=1, max_length=256)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str]),
                     Field(strict=False, min_length=1)]
"""Patterns with `*`, `?` and `[abc]`, of which one must match the whole text; case counts."""


def fits(text: str, patterns: Iterable[str]) -> bool:
    """Return whether a text matches one of the patterns."""
    return any(fnmatchcase(text, pattern) for pattern in patterns)


class Match(BaseModel):
    """Properties of a resource: its name, its alias, and its tags (AWS) or labels (Google Cloud)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    name: Patterns | None = Field(default=None, examples=["agent-*"])
    """Pattern of the name of the function or service, or a list of patterns of which one must match."""
    alias: Patterns | None = Field(default=None, examples=["live"])
    """Pattern of the alias of a function, or a list of patterns."""
    tags: Mapping[str, Patterns] | None = Field(default=None, examples=[{"team": "agents"}])
    """Tags of a function: for each key, a pattern of its value, or a list of patterns."""
    labels: Mapping[str, Patterns] | None = Field(default=None, examples=[{"team": "agents"}])
    """Labels of a Cloud Run service: for each key, a pattern of its value, or a list of patterns."""

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not any((self.name, self.alias, self.tags, self.labels)):
            text = "empty: give name, alias, tags or labels (name: '*' matches every resource)"
            raise PydanticCustomError("match", "{text}", {"text": text})
        return self

    @property
    def marks(self) -> Mapping[str, tuple[str, ...]]:
        """Return the patterns of tags or labels by key."""
        return {**(self.tags or {}), **(self.labels or {})}

    def verdicts(self, name: str, alias: str | None, marks: Mapping[str, str]) -> Iterable[bool]:
        """Yield for each property that is given whether the resource has it. `alias` None: not known yet, so not compared.

        `marks`: the tags or labels of the resource.
        """
        if self.name is not None:
            yield fits(name, self.name)
        if self.alias is not None and alias is not None:
            yield fits(alias, self.alias)
        for key, patterns in self.marks.items():
            yield key in marks and fits(marks[key], patterns)


class Listing(BaseModel):
    """One place in which resources are listed, and the identity that lists them."""

    model_config = ConfigDict(frozen=True)

    where: Mapping[str, str]
    """Keys of the lever that name the place: a region, or a project and a location."""
    credentials: Credentials | None = None

    @property
    def key(self) -> str:
        """Return the place and the identity as one line, which no other listing has."""
        who = {} if self.credentials is None else self.credentials.model_dump(exclude_none=True)
        return " ".join(f"{key}={value}" for key, value in (*self.where.items(), *who.items()))

    @property
    def title(self) -> str:
        """Return the place and the account for messages."""
        place = " ".join(self.where.values())
        account = None if self.credentials is None else self.credentials.account or self.credentials.impersonate
        return place if account is None else f"{place} of {account}"


class Selection(BaseModel):
    """Keys of an entry that a pool does not have."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    include: Match = Field(examples=[{"tags": {"team": "agents"}}])
    """Resources that become pools: every key that is given must match."""
    exclude: Match | None = None
    """Resources that do not become pools: one key that matches is enough."""
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(default=None, examples=["{account}-{function}"])
    """Template of the names of the pools; the name of the function or service when absent."""
    most: Annotated[int, Field(ge=1, le=1_000_000)] = Field(default=MOST_SELECTED, examples=[250])
    """Maximum pools of this entry. At this bound no pool is added."""
    most_usd_per_month: Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)] | None = Field(default=None, examples=[4000])
    """Maximum list price of the warm capacity of this entry's pools, each at its `max` for a month, in USD. At this bound no pool
    is added.
    """


class Select(BaseModel):
    """Entry that adds a pool for each resource that matches."""

    model_config = ConfigDict(frozen=True)

    keys: Selection
    listings: tuple[Listing, ...]
    lever: SerializeAsAny[LeverSettings]
    """Lever of a sample resource; the keys that name the resource are replaced."""
    top: SerializeAsAny[LeverSettings] | None = None
    demand: SerializeAsAny[DemandSettings] | None = None
    leads: tuple[Lead, ...] = ()
    settings: Mapping[str, Any]
    """Other keys of the pools, with the file's defaults merged in."""
    events: tuple[Any, ...] = Field(default=(), exclude=True)
    """Announced events, with their calendars."""

    @property
    def template(self) -> str:
        """Return the template of the pools' names."""
        return self.keys.name or f"{{{self.lever.resource_keys[0]}}}"

    def takes(self, name: str, alias: str | None, marks: Mapping[str, str]) -> bool:
        """Return whether a resource matches; `alias` None: whether one of its aliases may match."""
        include, exclude = self.keys.include, self.keys.exclude
        return all(include.verdicts(name, alias, marks)) and not (exclude and any(exclude.verdicts(name, alias, marks)))

    @property
    def needs_marks(self) -> bool:
        """Return whether tags or labels decide."""
        return any(each is not None and each.marks for each in (self.keys.include, self.keys.exclude))

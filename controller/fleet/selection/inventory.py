"""Resources that listings have found, with those of an earlier listing where the newest one failed. Pure."""

import json
from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace

from adapters.ports.discovery import Found, Size, Survey
from adapters.ports.errors import AdapterError

LISTINGS_WITHOUT = 2
"""Successful listings in a row that do not find a resource, after which it counts as removed."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Resource as it was found last. `keys`: those that name it, by the keys of the lever's settings. `absent`: the successful
    listings since then that did not find it.
    """

    name: str
    keys: Mapping[str, str]
    marks: Mapping[str, str]
    size: Size = field(default_factory=Size)
    absent: int = 0

    @classmethod
    def of(cls, found: Found) -> "Resource":
        """Return the resource of a survey."""
        keys = {key: str(getattr(found.lever, key)) for key in found.lever.resource_keys}
        return cls(keys[found.lever.resource_keys[0]], keys, dict(found.tags or {}), found.size)

    @property
    def alias(self) -> str | None:
        """Return the alias of a function; None for other resources."""
        return self.keys.get("alias")

    @property
    def title(self) -> str:
        """Return the resource's name at its place."""
        return ":".join(self.keys.values())


@dataclass(frozen=True, slots=True)
class Inventory:
    """Known resources by listing (`Listing.key`); one that has never succeeded is absent. `errors`: why the newest failed."""

    resources: Mapping[str, tuple[Resource, ...]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    def after(self, outcomes: Mapping[str, Survey | AdapterError]) -> "Inventory":
        """Return the inventory after a listing of the places in `outcomes`."""
        resources, errors = dict(self.resources), {key: text for key, text in self.errors.items() if key not in outcomes}
        for key, outcome in outcomes.items():
            if isinstance(outcome, Survey):
                resources[key] = merged(self.resources.get(key, ()), [Resource.of(found) for found in outcome.found])
            else:
                errors[key] = str(outcome)
        return Inventory(resources, errors)

    def within(self, keys: Container[str]) -> "Inventory":
        """Return what is known of these places."""
        return Inventory({key: found for key, found in self.resources.items() if key in keys},
                         {key: text for key, text in self.errors.items() if key in keys})

    def dumped(self) -> bytes:
        """Return the resources as JSON, for the store."""
        return json.dumps({key: [asdict(each) for each in found] for key, found in self.resources.items()}).encode()

    @classmethod
    def loaded(cls, body: bytes | None) -> "Inventory":
        """Return the stored inventory; an empty one for None, or for what another version has stored."""
        try:
            stored = {} if body is None else json.loads(body)
            return cls({key: tuple(Resource(**{**each, "size": Size(**each["size"])}) for each in found)
                        for key, found in stored.items()})
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()


def merged(known: Iterable[Resource], found: Iterable[Resource]) -> tuple[Resource, ...]:
    """Return the found resources, and the known ones that too few listings in a row have not found."""
    now = {each.title: each for each in found}
    missing = [replace(each, absent=each.absent + 1) for each in known if each.title not in now]
    kept = [each for each in missing if each.absent < LISTINGS_WITHOUT]
    return tuple(sorted((*now.values(), *kept), key=lambda each: each.title))

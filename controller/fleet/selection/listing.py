"""Listing of the resources that the entries of `select` may match: each place once, also for several entries."""

import asyncio
from collections.abc import Container, Iterable, Mapping
from typing import Protocol

from adapters.ports.discovery import Survey, Wanted, Where
from adapters.ports.errors import AdapterError
from config.model.credentials import Credentials
from config.model.select import Listing, Select

Outcomes = dict[str, Survey | AdapterError]


class Surveys(Protocol):
    """What lists resources: `adapters.registry.Registry`."""

    async def survey(self, where: Where, credentials: Credentials | None = None, wanted: Wanted | None = None) -> Survey:
        """Return the resources at `where` that `wanted` accepts. Raise `AdapterError`."""


async def listed(entries: Iterable[Select], surveys: Surveys, only: Container[str] | None = None) -> Outcomes:
    """Return the outcome of each place of the entries, by `Listing.key`; with `only`, of these places. All are listed at the
    same time.
    """
    places: dict[str, tuple[Listing, list[Select]]] = {}
    for entry in entries:
        for listing in entry.listings if only is None else (each for each in entry.listings if each.key in only):
            places.setdefault(listing.key, (listing, []))[1].append(entry)
    outcomes = await asyncio.gather(*(outcome_of(listing, users, surveys) for listing, users in places.values()))
    return dict(zip(places, outcomes, strict=True))


async def outcome_of(listing: Listing, users: list[Select], surveys: Surveys) -> Survey | AdapterError:
    """Return the resources of one place that one of the entries may match, or why they cannot be listed."""
    def accepts(name: str, marks: Mapping[str, str]) -> bool:
        return any(entry.takes(name, None, marks) for entry in users)

    try:
        wanted = Wanted(accepts, any(entry.needs_marks for entry in users))
        return await surveys.survey(listing.where, listing.credentials, wanted)
    except AdapterError as error:
        return error

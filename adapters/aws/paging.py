"""Answers that come in pages."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeVar

from adapters.aws.clients import Answer, Digest

T = TypeVar("T")
Page = tuple[list[T], str | None]


class Mark(NamedTuple):
    """How an API names the place from which the next page goes on: in its answer, and in the call for that page."""

    answered: str
    asked: str


TOKEN = Mark("NextToken", "NextToken")
MARKER = Mark("NextMarker", "Marker")
"""Lambda's."""


async def all_pages(ask: Callable[[Mapping[str, object], Digest[Page[T]]], Awaitable[Page[T]]], parameters: Mapping[str, object],
                    digest: Digest[list[T]], mark: Mark = TOKEN) -> list[T]:
    """What `digest` finds in each page, in order. `ask` makes the call for one page with the parameters it is given; what it
    raises ends the listing: part of one is never taken for all.
    """
    def page(answer: Answer) -> Page[T]:
        return digest(answer), answer.get(mark.answered) or None

    found, place = await ask(parameters, page)
    while place is not None:
        items, place = await ask({**parameters, mark.asked: place}, page)
        found += items
    return found

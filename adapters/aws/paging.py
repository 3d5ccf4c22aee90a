"""Answers that come in pages."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeVar

from adapters.aws.clients import Answer, Digest

T = TypeVar("T")
Page = tuple[list[T], object]
"""Items, and the place of the next page; None when this is the last one."""


class Mark(NamedTuple):
    """How an API names the place from which the next page goes on: in its answer, and in the call for that page."""

    answered: str
    asked: str


TOKEN = Mark("NextToken", "NextToken")
MARKER = Mark("NextMarker", "Marker")
"""Lambda's."""

KEY = Mark("LastEvaluatedKey", "ExclusiveStartKey")
"""DynamoDB's."""


async def all_pages(ask: Callable[[Mapping[str, object], Digest[Page[T]]], Awaitable[Page[T]]], parameters: Mapping[str, object],
                    digest: Digest[list[T]], mark: Mark = TOKEN) -> list[T]:
    """What `digest` finds in each page, in order. `ask` makes the call for one page with the parameters it is given; what it
    raises ends the listing: part of one is never taken for all. So does a page that names its own place as the next one.
    """
    def page(answer: Answer) -> Page[T]:
        following = answer.get(mark.answered) or None
        if following is not None and following == place:
            raise ValueError(f"{mark.answered} is the same as that of the page before")
        return digest(answer), following

    place: object = None
    found, place = await ask(parameters, page)
    while place is not None:
        items, place = await ask({**parameters, mark.asked: place}, page)
        found += items
    return found

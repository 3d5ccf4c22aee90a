"""Reads of paginated answers."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeVar

from adapters.aws.clients import Answer, Digest

T = TypeVar("T")
Page = tuple[list[T], object]
"""Items of a page, and the marker of the next page; None on the last page."""


class MarkerNames(NamedTuple):
    """Names of an API for the marker of the next page: in the answer, and in the parameters of the call for that page."""

    in_answer: str
    in_call: str


TOKEN = MarkerNames("NextToken", "NextToken")
MARKER = MarkerNames("NextMarker", "Marker")
"""Names of Lambda."""

PAGINATION = MarkerNames("PaginationToken", "PaginationToken")
"""Names of the tagging API, whose last page has an empty token."""

KEY = MarkerNames("LastEvaluatedKey", "ExclusiveStartKey")
"""Names of DynamoDB."""


async def all_pages(read: Callable[[Mapping[str, object], Digest[Page[T]]], Awaitable[Page[T]]], parameters: Mapping[str, object],
                    digest: Digest[list[T]], names: MarkerNames = TOKEN) -> list[T]:
    """Return the items that `digest` finds in every page, in order. `read` makes the call for one page with the given parameters.

    Raise what `read` raises: an incomplete list is never returned. Raise also when a page has its own marker as the next one.
    """
    def page(answer: Answer) -> Page[T]:
        following = answer.get(names.in_answer) or None
        if following is not None and following == marker:
            raise ValueError(f"{names.in_answer} is the same as on the page before")
        return digest(answer), following

    marker: object = None
    found, marker = await read(parameters, page)
    while marker is not None:
        items, marker = await read({**parameters, names.in_call: marker}, page)
        found += items
    return found

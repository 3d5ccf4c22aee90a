"""Queries of one collection: those of many pools over the same minutes are sent as one request.

Each query gets a label with its number and all are joined by `or`, which any server with PromQL supports. When a joined request
fails, its queries are sent one by one, so that a wrong query is the error of its pool alone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from adapters.ports.errors import AdapterError
from adapters.prometheus.access import Access
from adapters.prometheus.answers import Series
from adapters.prometheus.client import Answer, NoResponse, PrometheusClient

NUMBER = "stoker_query"
"""Label with the number of the query."""

MOST_JOINED, LONGEST_JOINED = 25, 180
"""Queries of one request, and minutes of each: an answer then has at most 150 KB for one series each."""

MOST_UNANSWERED = 3
"""Requests without a response after which a collection sends no more."""


class Page(NamedTuple):
    """One query over the minutes from `first` up to `end`."""

    query: str
    first: int
    end: int


class PageReader:
    """Reader of the pages of one server. It joins fewer queries after a request without a response, which may take too long
    together, and one more after each collection without such a request.
    """

    def __init__(self, client: PrometheusClient) -> None:
        self._client = client
        self._joined = MOST_JOINED
        self._unanswered: list[NoResponse] = []

    async def read(self, access: Access, pages: Mapping[Page, str]) -> dict[Page, Answer | AdapterError]:
        """Return the answer to each page, or its error. `pages`: page -> setting and pool, for error messages."""
        self._unanswered = []
        groups: dict[object, list[Page]] = {}
        for page in pages:
            short = page.end - page.first <= LONGEST_JOINED
            groups.setdefault((page.first, page.end) if short else page, []).append(page)
        size = self._joined
        parts = [members[at : at + size] for members in groups.values() for at in range(0, len(members), size)]
        found = await asyncio.gather(*(self._part(access, {page: pages[page] for page in part}) for part in parts))
        if not self._unanswered:
            self._joined = min(MOST_JOINED, self._joined + 1)
        return {page: answer for part in found for page, answer in part.items()}

    async def _part(self, access: Access, part: Mapping[Page, str]) -> dict[Page, Answer | AdapterError]:
        """Return the answers to pages over the same minutes."""
        if len(part) > 1:
            try:
                answer = await self._sent(access, f"{len(part)} queries", Page(joined([page.query for page in part]),
                                                                              *next(iter(part))[1:]))
                return dict(zip(part, separated(answer, len(part)), strict=True))
            except NoResponse:
                self._joined = max(1, self._joined // 2)
            except AdapterError:
                pass  # the queries are sent one by one
        return {page: await self._single(access, what, page) for page, what in part.items()}

    async def _single(self, access: Access, what: str, page: Page) -> Answer | AdapterError:
        try:
            return await self._sent(access, what, page)
        except AdapterError as error:
            return error

    async def _sent(self, access: Access, what: str, page: Page) -> Answer:
        """Return the answer to one request, unless too many have had no response."""
        async with self._client.slots:
            if len(self._unanswered) >= MOST_UNANSWERED:
                raise self._unanswered[-1]
            try:
                return await self._client.range_query(access, what, *page)
            except NoResponse as error:
                self._unanswered.append(error)
                raise


def joined(queries: Sequence[str]) -> str:
    """Return one query with the series of all `queries`, each labelled with its number. A query may end with a comment."""
    return "\nor ".join(f'label_replace(({query}\n), "{NUMBER}", "{number}", "", "")' for number, query in enumerate(queries))


def separated(answer: Answer, queries: int) -> list[Answer]:
    """Return the answer of each joined query. Series that have no number are left out."""
    parts: list[list[Series]] = [[] for _ in range(queries)]
    by_number = {str(number): part for number, part in enumerate(parts)}
    for series in answer.series:
        number = series.labels.get(NUMBER, "")
        if number in by_number:
            labels = {name: value for name, value in series.labels.items() if name != NUMBER}
            by_number[number].append(Series(labels, series.values))
    return [Answer(part, answer.end) for part in parts]

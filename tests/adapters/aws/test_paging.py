"""Paginated reads return all items in order, or raise."""

import pytest

from adapters.aws.paging import MARKER, TOKEN, all_pages
from adapters.ports.errors import Unreachable


class Api:
    """Fake API: returns `pages` in order, each with the marker of the next."""

    def __init__(self, names, *pages):
        self.names, self.pages, self.calls = names, pages, []
        self.following = ""

    async def read(self, parameters, digest):
        self.calls.append(parameters)
        at = int(parameters.get(self.names.in_call, 0))
        page = self.pages[at]
        if isinstance(page, Exception):
            raise page
        following = {self.names.in_answer: self.following or (str(at + 1) if at + 1 < len(self.pages) else "")}
        return digest({"Items": page} | following)


@pytest.mark.parametrize("names", [TOKEN, MARKER])
async def test_every_page_is_read_once_and_items_keep_their_order(names):
    api, parameters = Api(names, ["a", "b"], [], ["c"]), {"Name": "agent"}

    assert await all_pages(api.read, parameters, lambda answer: list(answer["Items"]), names) == ["a", "b", "c"]
    assert api.calls == [{"Name": "agent"}, {"Name": "agent", names.in_call: "1"}, {"Name": "agent", names.in_call: "2"}]
    assert parameters == {"Name": "agent"}


async def test_a_page_with_its_own_marker_as_the_next_one_raises():
    """The reads would never end."""
    api = Api(TOKEN, ["a"], ["b"])
    api.following = "1"

    with pytest.raises(ValueError, match="NextToken is the same"):
        await all_pages(api.read, {}, lambda answer: list(answer["Items"]))
    assert len(api.calls) == 2


async def test_a_failed_page_raises_instead_of_an_incomplete_list():
    api = Api(TOKEN, ["a"], Unreachable("gone"), ["c"])

    with pytest.raises(Unreachable):
        await all_pages(api.read, {}, lambda answer: list(answer["Items"]))

"""Listings in pages: all of them, in order, or none."""

import pytest

from adapters.aws.paging import MARKER, TOKEN, all_pages
from adapters.ports.errors import Unreachable


class Api:
    """Answers with one of `pages` after the other, each naming the place of the next."""

    def __init__(self, mark, *pages):
        self.mark, self.pages, self.calls = mark, pages, []
        self.following = ""

    async def ask(self, parameters, digest):
        self.calls.append(parameters)
        at = int(parameters.get(self.mark.asked, 0))
        page = self.pages[at]
        if isinstance(page, Exception):
            raise page
        following = {self.mark.answered: self.following or (str(at + 1) if at + 1 < len(self.pages) else "")}
        return digest({"Items": page} | following)


@pytest.mark.parametrize("mark", [TOKEN, MARKER])
async def test_every_page_is_asked_for_once_and_the_items_keep_their_order(mark):
    api, parameters = Api(mark, ["a", "b"], [], ["c"]), {"Name": "agent"}

    assert await all_pages(api.ask, parameters, lambda answer: list(answer["Items"]), mark) == ["a", "b", "c"]
    assert api.calls == [{"Name": "agent"}, {"Name": "agent", mark.asked: "1"}, {"Name": "agent", mark.asked: "2"}]
    assert parameters == {"Name": "agent"}


async def test_a_page_that_names_its_own_place_as_the_next_ends_the_listing():
    """It would be asked for without end."""
    api = Api(TOKEN, ["a"], ["b"])
    api.following = "1"

    with pytest.raises(ValueError, match="NextToken is the same"):
        await all_pages(api.ask, {}, lambda answer: list(answer["Items"]))
    assert len(api.calls) == 2


async def test_a_page_that_fails_leaves_no_part_of_a_listing():
    api = Api(TOKEN, ["a"], Unreachable("gone"), ["c"])

    with pytest.raises(Unreachable):
        await all_pages(api.ask, {}, lambda answer: list(answer["Items"]))

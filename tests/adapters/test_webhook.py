from datetime import timedelta

import pytest

from adapters.ports.errors import PermissionDenied, Throttled, Unreachable, Unsupported
from adapters.webhook import Poster
from tests.patience import PATIENCE_SECONDS
from tests.receivers import receiving


@pytest.fixture
async def poster():
    one = Poster(PATIENCE_SECONDS)
    yield one
    await one.close()


@pytest.fixture
async def hasty():
    one = Poster(whole_seconds=0.2)
    yield one
    await one.close()


async def post(poster, url):
    await poster.post("ops", url, b"{}", {"Content-Type": "application/json"})


async def test_a_message_is_posted_once(poster):
    async with receiving() as receiver:
        await post(poster, receiver.url)

    assert receiver.bodies == [{}]
    assert receiver.tries == 1


@pytest.mark.parametrize(("answer", "error"), [
    (500, Unreachable), (503, Unreachable), (408, Unreachable), ("reset", Unreachable), (429, Throttled),
    (401, PermissionDenied), (403, PermissionDenied), (404, Unsupported), (400, Unsupported), (410, Unsupported),
])
async def test_what_goes_wrong_is_told_without_the_url(poster, answer, error):
    async with receiving() as receiver:
        receiver.answers = [answer]
        with pytest.raises(error) as caught:
            await post(poster, receiver.url)

    assert "ops" in str(caught.value)
    assert "T0KEN" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_receiver_that_hangs_may_answer_another_time(hasty):
    async with receiving() as receiver:
        receiver.answers = ["hang"]
        with pytest.raises(Unreachable, match="ops"):
            await post(hasty, receiver.url)


async def test_a_redirect_is_not_followed(poster):
    async with receiving() as elsewhere, receiving() as receiver:
        receiver.answers = [(307, {"Location": elsewhere.url})]
        with pytest.raises(Unsupported):
            await post(poster, receiver.url)
        assert elsewhere.tries == 0


@pytest.mark.parametrize(("after", "wait"), [("7", timedelta(seconds=7)), ("999999", timedelta(hours=1)), ("soon", None),
                                             ("9" * 40, None), ("²", None)])
async def test_a_receiver_says_when_to_come_again(poster, after, wait):
    async with receiving() as receiver:
        receiver.answers = [(429, {"Retry-After": after})]
        with pytest.raises(Throttled) as caught:
            await post(poster, receiver.url)

    assert caught.value.retry_after == wait


async def test_nobody_there_may_pass(poster):
    with pytest.raises(Unreachable):
        await post(poster, "http://127.0.0.1:1/x")


@pytest.mark.parametrize("url", ["http://", "http://[", "https://exa mple/"])
async def test_a_url_that_is_none_is_told(poster, url):
    with pytest.raises((Unsupported, Unreachable)):
        await post(poster, url)

"""Answers that wait: at once when something is new, at the end of the span when nothing is, and nothing left behind."""

import asyncio
from datetime import timedelta

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.services import TOKEN, serving

PIN = {"kind": "pin", "units": 12, "for": "2h", "reason": "launch", "by": "ana"}
PATHS = ["/status", "/v1/pools/a"]


async def until(condition):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def asked(here, path, tag=None):
    """A request that waits, once it does; its status and tag when it is done."""
    async def ask():
        headers = {} if tag is None else {"If-None-Match": tag}
        async with here.session.get(here.service.url + path, headers=headers) as answer:
            await answer.read()
            return answer.status, answer.headers["ETag"]
    before = here.service.runtime.published.long_poll.waiting
    task = asyncio.create_task(ask())
    await until(lambda: here.service.runtime.published.long_poll.waiting > before or task.done())
    return task


async def tag_of(here, path):
    async with here.session.get(here.service.url + path) as answer:
        return answer.headers["ETag"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("named", [True, False])
async def test_it_returns_at_the_next_change(tmp_path, path, named):
    async with serving(tmp_path) as here:
        await here.ticks(3)
        tag = await tag_of(here, path)
        task = await asked(here, f"{path}?wait=30s", tag if named else None)
        assert not task.done()
        await here.components.active_overrides.add("a", order())
        await asyncio.wait_for(here.service.runtime.tick.run(), PATIENCE_SECONDS)
        status, new = await asyncio.wait_for(task, PATIENCE_SECONDS)

        assert (status, new != tag, here.service.runtime.published.long_poll.waiting) == (200, True, 0)


def order():
    from controller.overrides.parsing import parse_override
    from tests.builders import NOON

    return parse_override(PIN, NOON)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("named", "status"), [(True, 304), (False, 200)])
async def test_without_a_change_it_returns_at_the_end_of_the_wait(tmp_path, path, named, status):
    async with serving(tmp_path) as here:
        tag = await tag_of(here, path)
        task = await asked(here, f"{path}?wait=30s", tag if named else None)
        await here.clock.advance(timedelta(seconds=29))
        assert not task.done()
        await here.clock.advance(timedelta(seconds=2))

        assert await asyncio.wait_for(task, PATIENCE_SECONDS) == (status, tag)


@pytest.mark.parametrize("path", PATHS)
async def test_a_client_with_an_older_version_gets_an_answer_at_once(tmp_path, path):
    async with serving(tmp_path) as here:
        task = await asked(here, f"{path}?wait=60s", '"another"')

        assert (await asyncio.wait_for(task, PATIENCE_SECONDS))[0] == 200


async def test_an_override_wakes_only_requests_for_its_pool(tmp_path):
    async with serving(tmp_path) as here:
        mine, other = [await asked(here, f"/v1/pools/{name}?wait=30s") for name in ("a", "b")]
        await here.ask("POST", "/v1/pools/a/overrides", TOKEN, json=PIN)

        assert (await asyncio.wait_for(mine, PATIENCE_SECONDS))[0] == 200
        assert not other.done()
        other.cancel()


async def test_changes_of_cost_demand_and_ages_wake_no_request(tmp_path):
    async with serving(tmp_path) as here:
        await here.ticks(4)
        task = await asked(here, "/v1/pools/a?wait=60s")
        await asyncio.wait_for(here.service.runtime.tick.run(), PATIENCE_SECONDS)
        await asyncio.sleep(0.05)
        assert not task.done()
        task.cancel()


async def test_a_disconnected_client_ends_its_wait(tmp_path):
    async with serving(tmp_path) as here:
        task = await asked(here, "/status?wait=60s")
        assert here.service.runtime.published.long_poll.waiting == 1
        task.cancel()

        await until(lambda: here.service.runtime.published.long_poll.waiting == 0)


async def test_one_request_above_the_maximum_is_refused(tmp_path):
    async with serving(tmp_path) as here:
        here.service.runtime.published.long_poll._most = 3
        tasks = [await asked(here, "/status?wait=60s") for _ in range(3)]
        status, answer, headers = await here.ask("GET", "/v1/pools/a?wait=60s")
        assert (status, "without wait" in answer["error"], headers["Retry-After"]) == (503, True, "1")
        assert (await here.ask("GET", "/status"))[0] == 200
        await here.ticks()

        assert [(await task)[0] for task in tasks] == [200] * 3
        assert here.service.runtime.published.long_poll.waiting == 0


async def test_close_ends_waits_at_once(tmp_path):
    async with serving(tmp_path) as here:
        task = await asked(here, "/status?wait=60s")
        here.service.runtime.published.long_poll.close()

        assert (await asyncio.wait_for(task, PATIENCE_SECONDS))[0] == 200
        assert (await here.ask("GET", "/status?wait=60s"))[0] == 200
    assert (await task)[0] == 200


async def test_a_stopping_daemon_answers_waiting_requests(tmp_path):
    async with serving(tmp_path) as here:
        task = await asked(here, "/status?wait=60s")
        here.stop.set()

        assert (await asyncio.wait_for(task, PATIENCE_SECONDS))[0] == 200


@pytest.mark.parametrize("wait", ["61s", "1m", "1h", "soon", "-1s", "1.5s", "", "999999d", "wait"])
async def test_an_invalid_or_too_long_wait_is_refused(tmp_path, wait):
    async with serving(tmp_path) as here:
        for path in PATHS:
            status, answer, _ = await here.ask("GET", f"{path}?wait={wait}")
            assert (status, "wait" in answer["error"]) == (400, True)

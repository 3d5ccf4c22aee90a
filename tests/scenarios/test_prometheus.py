"""A fleet whose demand is read from a server that fails or lies: capacity is held. When traffic ends, capacity comes down."""

import json
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from forecasting.demand import minute_of
from tests.adapters.prometheus.fake_prometheus import PEAK, UP, stage
from tests.fakes import FakeLever
from tests.worlds import world

MINE, UNITS = PEAK.replace("{pool}", "agent"), 6
BEFORE, DURING, DAYS = 10, 25, 2
"""Minutes before and during a lie, and days of history."""


@asynccontextmanager
async def governed(folder):
    """Yield the server, the lever and a function that runs minutes. The pool has had steady traffic for days."""
    async with stage(proof=UP) as (fake, source, clock):
        start = minute_of(clock.now())
        for query, value in ((MINE, UNITS), (UP, 1)):
            fake.data[query] = [dict.fromkeys(range(start - DAYS * 1440, start + 200), value)]
        lever = FakeLever(clock)
        async with world(clock, folder, {"agent": None}, sources=[source], levers={"agent": lever}) as here:
            await here.minutes(BEFORE)
            yield fake, lever, here


def answering(values, text=None, status=200, late=timedelta(0), **more):
    """Return an answer with these values for any query, made of (minute -> value)."""
    def made(fake):
        async def answer(request):
            form = await request.post()
            start, end = int(form["start"]), int(form["end"])
            series = [{"metric": {"n": str(number)}, "values": [[at, str(value)] for at in range(start, end + 1, 60)]}
                      for number, value in enumerate(values)]
            body = {"status": "success", "data": {"resultType": "matrix", "result": series}} | more
            return web.Response(text=json.dumps(body) if text is None else text, status=status,
                                headers={"Date": format_datetime(fake.clock.now() + late, usegmt=True)})
        return answer
    return made


def aborting(fake):
    async def answer(request):
        request.transport.abort()
        return web.Response()
    return answer


def scrapes_end_while_the_value_is_repeated(fake):
    now = minute_of(fake.clock.now())
    fake.data[UP] = [{minute: 1 for minute in fake.data[UP][0] if minute < now}]
    fake.data[MINE] = [{minute: 0 if minute >= now else UNITS for minute in fake.data[MINE][0]}]


def one_scrape_fails(fake):
    fake.data[UP].append(dict.fromkeys(fake.data[UP][0], 0))
    fake.data[MINE] = [dict.fromkeys(fake.data[MINE][0], 1)]


def all_series_end(fake):
    fake.data = {}


LIES = {
    "broken connections": aborting, "server errors": answering([], status=500), "refusals": answering([], status=403),
    "truncated": answering([], text='{"status":"success","data":{"resultType":"matrix","result":[]'),
    "partial": answering([1], warnings=["a store is unavailable"]), "negative": answering([-5]), "NaN": answering(["NaN"]),
    "two series": answering([1, 0]), "clock behind": answering([1], late=timedelta(minutes=-30)),
    "clock ahead": answering([1], late=timedelta(minutes=30)),
}
CHANGES = (scrapes_end_while_the_value_is_repeated, one_scrape_fails, all_series_end)


@pytest.mark.parametrize("lie", [*LIES, *CHANGES], ids=lambda lie: lie if isinstance(lie, str) else lie.__name__)
async def test_a_server_that_fails_or_lies_lowers_nothing_and_leaves_no_zero(tmp_path, lie):
    async with governed(tmp_path) as (fake, lever, here):
        began = minute_of(here.clock.now())
        if isinstance(lie, str):
            fake.answer = LIES[lie](fake)
        else:
            lie(fake)
        await here.minutes(DURING)
        stored = (await here.store.load_demand(["agent"], began - BEFORE, began + DURING))[0].peak

        assert lever.writes == [UNITS]
        assert not (stored < UNITS).any()


async def test_when_traffic_ends_capacity_comes_down(tmp_path):
    async with governed(tmp_path) as (fake, lever, here):
        now = minute_of(here.clock.now())
        fake.data[MINE] = [{minute: UNITS for minute in fake.data[MINE][0] if minute < now}]
        assert lever.writes == [UNITS]
        await here.minutes(90)

        assert lever.writes[-1] == 0

"""Demand from a server that speaks Prometheus' HTTP API, also where it is late, partial or wrong."""

import asyncio
import json
from datetime import timedelta
from email.utils import format_datetime

import numpy as np
import pytest
from aiohttp import web

from adapters.pinging.own_traffic import OwnTraffic
from adapters.ports.errors import (
    Malformed,
    Misconfigured,
    NotFound,
    PermissionDenied,
    Throttled,
    Unreachable,
    Unsupported,
)
from adapters.prometheus.client import MOST_BYTES
from adapters.prometheus.pages import MOST_UNANSWERED
from forecasting.demand import instant_of
from tests.adapters.prometheus.fake_prometheus import PEAK, START, UP, stage
from tests.builders import NOON

MINE = PEAK.replace("{pool}", "agent")


def last(minutes, value=1.0):
    """Return a series with `value` in each of the last `minutes` minutes."""
    return dict.fromkeys(range(START - minutes, START), value)


async def read(source, clock, minutes=15, pools=("agent",)):
    until = clock.now()
    return await source.collect(list(pools), dict.fromkeys(pools, until - timedelta(minutes=minutes)), until)


async def collected(fake_answer=None, minutes=5, data=None, **changes):
    """Return the telemetry of one collection of a pool."""
    async with stage(**changes) as (fake, source, clock):
        fake.answer, fake.data = fake_answer, data or {}
        return (await read(source, clock, minutes))["agent"]


def of_text(text, status=200, **headers):
    async def answer(request):
        return web.Response(text=text, status=status, headers={"Date": format_datetime(NOON, usegmt=True)} | headers)

    return answer


def matrix(*values, **more):
    return of_text(json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [
        {"metric": {}, "values": list(values)}]}} | more))


def at(back, value, offset=0):
    """Return the point of the minute that is `back` minutes before noon."""
    return [(START - back + 1) * 60 + offset, value]


async def test_reading_is_free_by_list_price():
    async with stage() as (_, source, _):
        assert source.monthly_cost_usd(10, timedelta(minutes=1)) == 0


async def test_the_point_at_the_end_of_a_minute_is_that_of_the_minute():
    found = await collected(data={MINE: [{START - 2: 3, START - 1: 4}]})

    assert found.series.first_minute == START - 5
    assert found.series.peak.tolist()[3:] == [3.0, 4.0]
    assert np.isnan(found.series.peak[:3]).all()


async def test_without_a_proof_query_a_minute_without_a_point_is_unknown_and_a_zero_is_known():
    found = await collected(data={MINE: [{START - 3: 0, START - 1: 2}]})

    assert found.series.known.tolist() == [False, False, True, False, True]
    assert (found.series.peak[2], found.series.busy[2]) == (0, 0)
    assert np.isnan(found.series.invocations).all()


async def test_with_a_proof_query_a_minute_is_zero_only_where_it_has_a_point():
    up = dict.fromkeys(range(START - 3, START), 1)
    found = await collected(proof=UP, data={MINE: [{START - 5: 7, START - 1: 2}], UP: [up]})

    assert found.series.known.tolist() == [False, False, True, True, True]  # the 7 may be a repeated value
    assert found.series.peak.tolist()[2:] == [0.0, 0.0, 2.0]
    assert found.absent.tolist() == [False, True, True, True, False]


async def test_a_failed_scrape_of_one_of_two_targets_makes_the_minute_unknown():
    data = {MINE: [last(5, 4)], UP: [last(5), last(5) | {START - 2: 0}]}

    assert (await collected(proof=UP, data=data)).series.known.tolist() == [True, True, True, False, True]


async def test_a_scrape_of_one_of_two_targets_that_is_not_a_number_makes_the_minute_unknown():
    data = {MINE: [last(2, 4)], UP: [last(2), last(2) | {START - 2: "NaN"}]}

    assert (await collected(minutes=2, proof=UP, data=data)).series.known.tolist() == [False, True]


async def test_a_metric_that_does_not_exist_is_unknown():
    found = await collected(minutes=15)

    assert (found.error, found.alive, found.series.known.any()) == (None, False, False)


async def test_points_that_came_late_and_points_that_changed_replace_earlier_ones():
    async with stage() as (fake, source, clock):
        fake.data = {MINE: [last(5, 2)]}
        first = (await read(source, clock))["agent"]
        fake.data = {MINE: [last(15, 3)]}
        second = (await read(source, clock))["agent"]

    assert first.series.known.sum() == 5
    assert second.series.peak.tolist() == [3.0] * 15


@pytest.mark.parametrize("value", ["-1", "NaN", "+Inf", "-Inf"])
async def test_a_point_that_cannot_be_demand_is_unknown_and_not_zero(value):
    found = await collected(proof=UP, data={MINE: [last(5, 2) | {START - 2: value}], UP: [last(5)]})

    assert found.series.known.tolist() == [True, True, True, False, True]
    assert not found.absent.any()


async def test_work_and_requests_raise_a_peak_that_was_sampled_too_low():
    data = {MINE: [{START - 4: 1, START - 3: 0, START - 2: 0, START - 1: 5}], "busy": [{START - 4: 2.3, START - 2: 0}],
            "requests": [{START - 3: 30, START - 1: 12}]}
    series = (await collected(minutes=4, busy="busy", requests="requests", data=data)).series

    assert series.peak.tolist() == [3.0, 1.0, 0.0, 5.0]
    assert series.busy.tolist() == [pytest.approx(2.3), 1.0, 0.0, 5.0]
    assert series.invocations.tolist()[1:] == [30.0, 0.0, 12.0]
    assert np.isnan(series.invocations[0])
    assert not np.signbit([series.peak, series.busy]).any()


async def test_an_absent_peak_is_not_zero_while_requests_come():
    data = {UP: [last(2)], "requests": [{START - 2: 9, START - 1: 0}]}

    assert (await collected(minutes=2, proof=UP, requests="requests", data=data)).series.known.tolist() == [False, True]


async def test_fourteen_days_are_read_in_pages():
    minutes = 14 * 1440
    values = {minute: minute % 7 for minute in range(START - minutes, START)}
    async with stage() as (fake, source, clock):
        fake.data = {MINE: [values]}
        found = (await read(source, clock, minutes))["agent"]

    assert fake.asked == [MINE] * 3
    assert found.series.peak.tolist() == [float(values[minute]) for minute in range(START - minutes, START)]


async def test_one_collection_reads_the_history_of_200_pools_and_the_next_one_that_of_others():
    pools = [f"p{number}" for number in range(201)]
    async with stage(pools) as (_, source, clock):
        found = await read(source, clock, 200, pools)
        rest = await read(source, clock, 200, [name for name in pools if not len(found[name].series)])

    assert sum(len(each.series) > 0 for each in found.values()) == 200
    assert all(len(each.series) for each in rest.values())


async def test_pools_that_failed_before_are_the_last_of_which_history_is_read():
    pools = [f"p{number}" for number in range(201)]
    async with stage(pools) as (fake, source, clock):
        fake.data = {MINE.replace("agent", "p0"): [last(5), last(5)]}
        await read(source, clock, 200, pools)
        second = await read(source, clock, 200, pools)

    assert [name for name, each in second.items() if not len(each.series)] == ["p0"]
    assert second["p0"].error is None, "it was not asked"


async def test_minutes_after_now_are_not_read():
    async with stage() as (fake, source, clock):
        fake.data, fake.date = {MINE: [dict.fromkeys(range(START - 15, START + 15), 1)]}, "unknown"
        found = await source.collect(["agent"], {"agent": clock.now() - timedelta(minutes=5)}, clock.now() + timedelta(minutes=5))

    assert found["agent"].series.end_minute == START


async def test_several_series_are_refused_with_the_labels_that_differ():
    error = (await collected(data={MINE: [last(5), last(5)]})).error

    assert isinstance(error, Unsupported)
    assert "peak of pool agent" in str(error)
    assert "differ in pod: aggregate them to one, for example with sum(…)" in str(error)


@pytest.mark.parametrize(("answer", "kind", "words"), [
    (of_text("{", 200), Malformed, "truncated"),
    (of_text("<html>sign in</html>", 200), Malformed, "login page"),
    (of_text('{"status":"success","data":{"resultType":"vector","result":[]}}'), Malformed, "vector"),
    (of_text('{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"histograms":[]}]}}'), Malformed,
     "native histograms"),
    (matrix(at(2, "1"), at(2, "1")), Malformed, "repeated"),
    (matrix(at(2, "1", 17)), Malformed, "not requested"),
    (matrix(at(-60, "1")), Malformed, "not requested"),
    (matrix(at(7, "1")), Malformed, "not requested"),
    (matrix(at(2, None)), Malformed, "cannot be used"),
    (matrix(at(2, "1"), warnings=["store 10.0.0.1 is unavailable"]), Unreachable, "may be partial"),
    (of_text('{"status":"error","errorType":"bad_data","error":"parse error at char 5"}', 400), Unsupported,
     "parse error at char 5"),
    (of_text('{"status":"error","errorType":"execution","error":"too many samples"}', 422), Unsupported, "too many samples"),
    (of_text('{"status":"error","errorType":"timeout","error":"query timed out"}', 503), Unreachable, "query timed out"),
    (of_text("", 401), PermissionDenied, "bearer_file"),
    (of_text("", 404), NotFound, "path prefix"),
    (of_text("", 302, Location="http://127.0.0.1:1/hidden"), Unsupported, "redirects (302), which is not followed"),
    (of_text("", 429, **{"Retry-After": "7"}), Throttled, "limits the rate"),
    (of_text("", 502), Unreachable, "502"),
    (of_text("", 204), Unsupported, "204"),
])
async def test_an_answer_that_cannot_be_used_is_the_error_of_the_pool(answer, kind, words):
    found = await collected(answer)

    assert type(found.error) is kind
    assert words in str(found.error)
    assert "hidden" not in str(found.error)
    assert not len(found.series)


async def test_a_remark_about_the_query_is_no_warning():
    found = await collected(matrix(at(2, "1"), warnings=["PromQL info: metric might not be a counter"], infos=["another"]))

    assert (found.error, found.series.known.sum()) == (None, 1)


async def test_an_answer_of_any_size_is_limited():
    error = (await collected(of_text(" " * (MOST_BYTES + 1)))).error

    assert isinstance(error, Unsupported)
    assert "more than 8 MB" in str(error)


async def test_an_answer_that_is_cut_off_is_unreachable():
    async def answer(request):
        reply = web.StreamResponse()
        reply.content_length = 1000
        await reply.prepare(request)
        await reply.write(b'{"status":"success","data":{"resultType":"matrix","result":[')
        request.transport.abort()
        return reply

    assert isinstance((await collected(answer)).error, Unreachable)


async def test_a_server_that_hangs_ends_the_collection_after_a_few_requests():
    never, pools = asyncio.Event(), [f"p{number}" for number in range(40)]

    async def answer(request):
        await never.wait()

    async with stage(pools, seconds=0.05) as (fake, source, clock):
        fake.answer = answer
        found = await read(source, clock, pools=pools)
        asked = len(fake.asked)
        never.set()

    assert all("no complete response within" in str(each.error) for each in found.values())
    assert MOST_UNANSWERED <= asked <= MOST_UNANSWERED + 16


async def test_a_query_that_pools_share_is_sent_once():
    async with stage(("agent", "other"), proof=UP) as (fake, source, clock):
        fake.data = {UP: [last(15)]}
        found = await read(source, clock, pools=("agent", "other"))

    assert [query.count(UP) for query in fake.asked] == [1]
    assert all(each.series.peak.tolist() == [0.0] * 15 for each in found.values())


async def test_one_failing_query_fails_its_pool_alone():
    async with stage(("agent", "other")) as (fake, source, clock):
        fake.data = {MINE: [last(15)], MINE.replace("agent", "other"): [last(15), last(15)]}
        found = await read(source, clock, pools=("agent", "other"))

    assert found["agent"].error is None
    assert found["agent"].series.known.all()
    assert isinstance(found["other"].error, Unsupported)


async def test_minutes_that_the_servers_clock_has_not_completed_are_left_out():
    async with stage() as (fake, source, clock):
        fake.data = {MINE: [last(15)]}
        fake.clock = type(clock)(NOON - timedelta(seconds=70))
        found = (await read(source, clock))["agent"]

    assert (found.error, found.series.end_minute, len(found.absent)) == (None, START - 2, 13)


@pytest.mark.parametrize("seconds", [-300, 300])
async def test_a_clock_that_is_minutes_off_is_an_error(seconds):
    async with stage() as (fake, source, clock):
        fake.data = {MINE: [last(15)]}
        fake.clock = type(clock)(NOON + timedelta(seconds=seconds))
        found = (await read(source, clock))["agent"]

    assert isinstance(found.error, Unreachable)
    assert "clock is 300 s" in str(found.error)


async def test_own_pings_are_subtracted():
    ledger = OwnTraffic()
    ledger.note(START - 2, 3, 30.0)
    data = {MINE: [last(3, 4)], "busy": [last(3, 1)], "requests": [last(3, 10)]}
    series = (await collected(minutes=3, busy="busy", requests="requests", ledgers={"agent": ledger}, data=data)).series

    assert series.invocations.tolist() == [10.0, 7.0, 10.0]
    assert series.busy.tolist() == [1.0, 0.5, 1.0]


async def test_a_secret_that_cannot_be_read_fails_the_collection_and_names_the_variable():
    async with stage(bearer_env="TOKEN") as (_, source, clock):
        with pytest.raises(Misconfigured, match="variable TOKEN of bearer_env is not set"):
            await read(source, clock)


async def test_each_collection_ends_at_the_instant_that_it_is_given():
    async with stage() as (fake, source, _):
        fake.data = {MINE: [last(15)]}
        found = (await source.collect(["agent"], {"agent": instant_of(START - 9)}, instant_of(START - 4)))["agent"]

    assert (found.series.first_minute, found.series.end_minute, found.alive) == (START - 9, START - 4, None)

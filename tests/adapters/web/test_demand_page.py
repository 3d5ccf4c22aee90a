"""Demand from a page of metrics."""

import asyncio
import threading
from datetime import timedelta

import numpy as np
import pytest
from aiohttp import web

from adapters.ports.errors import Malformed
from adapters.runtime.clock import ManualClock
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from adapters.web import demand_page
from adapters.web.client import Client
from adapters.web.demand_page import PageDemand, PageReading, PageReadings
from adapters.web.exposition import Value
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.conformance.ping_stage import metrics_page
from tests.builders import NOON
from tests.web_servers import served

MINUTE = timedelta(minutes=1)


def looked(*looks) -> PageReadings:
    """Return readings of one unit: minute, in flight, total requests, and total work in seconds if the page has it."""
    made = PageReadings()
    for minute, in_flight, requests, work in looks:
        made.add(PageReading(minute * 60.0, in_flight, {frozenset(): Value(requests)}, work and {frozenset(): Value(work)}))
    return made


def test_a_minute_is_known_from_two_readings():
    series = looked((10, 0, 100, 50.0), (11, 4, 130, 110.0)).series(9, 12)

    assert series.peak.tolist()[1] == 4
    assert (series.busy[1], series.invocations[1]) == (1.0, 30.0)
    assert series.known.tolist() == [False, True, False]


def test_a_minute_without_a_reading_is_unknown():
    assert not looked((10, 1, 100, 1.0), (12, 1, 130, 2.0)).series(9, 13).known.any()


def test_a_counter_that_fell_has_restarted():
    assert looked((10, 1, 100, 60.0), (11, 1, 7, 30.0)).series(10, 11).invocations.tolist() == [7.0]


def test_without_a_work_metric_busy_is_the_peak():
    assert looked((10, 1, 100, None), (11, 3, 107, None)).series(10, 11).busy.tolist() == [3.0]


def test_requests_between_two_readings_have_a_peak_of_1():
    series = looked((10, 0, 100, 5.0), (11, 0, 130, 35.0)).series(10, 11)

    assert (series.peak[0], series.busy[0]) == (1.0, 0.5)


async def collected(pages, *, kind="text/plain; version=0.0.4", minutes=None, **changes):
    """Read one of `pages` a minute over HTTP. Return the last telemetry and the headers of the requests."""
    clock, asked, left = ManualClock(NOON), [], list(pages)

    async def page(request):
        asked.append(dict(request.headers))
        return web.Response(body=left.pop(0).encode(), headers={"Content-Type": kind})

    async with served(page) as url:
        client, settings = Client(), metrics_page(f"{url}/metrics", **changes)
        source = PageDemand(client, clock, {"agent": settings})
        try:
            for _ in pages:
                told = (await source.collect(["agent"], {"agent": NOON}, clock.now()))["agent"]
                await clock.advance(MINUTE)
        finally:
            await client.close()
    return told, asked


def body(**units) -> str:
    """Return a page of units by name: requests in flight, total requests and total seconds."""
    return "".join(f"""requests_in_flight{{unit="{unit}"}} {flying}
requests_total{{unit="{unit}",route="/sessions/{{id}}"}}{total}
request_duration_seconds_sum{{unit="{unit}"}} {work}
""" for unit, (flying, total, work) in units.items())


async def test_demand_is_the_sum_of_all_label_sets():
    told, asked = await collected([body(health=(1, 10, 1), chat=(7, 9000, 100)), body(health=(1, 20, 2), chat=(7, 9040, 220))])

    assert (told.series.peak.tolist(), told.series.invocations.tolist()) == ([8.0], [50.0])
    assert told.series.busy.tolist() == [pytest.approx(121 / 60)]
    assert asked[0]["Accept"].startswith("text/plain;version=0.0.4,application/openmetrics-text")


async def test_a_unit_that_stops_does_not_change_the_increase_of_others():
    told, _ = await collected([body(a=(1, 100_000, 5000), b=(2, 100_050, 5000), c=(1, 100_000, 5000)),
                               body(a=(2, 100_020, 5010), b=(2, 100_080, 5020))])

    assert (told.series.peak.tolist(), told.series.invocations.tolist()) == ([4.0], [50.0])
    assert told.series.busy.tolist() == [0.5]


async def test_a_minute_in_which_all_units_are_replaced_is_unknown():
    told, _ = await collected([body(a=(1, 100_000, 50)), body(b=(3, 40, 10)), body(b=(3, 60, 20))])

    assert told.series.known.tolist() == [True]
    assert (told.series.first_minute, told.series.invocations.tolist()) == (minute_of(NOON) + 1, [20.0])


async def test_routes_with_braces_in_their_labels_count():
    def page(busy, calls):
        return (f'requests_in_flight{{route="/health"}} 1\nrequests_in_flight{{route="/sessions/{{id}}/messages"}} {busy}\n'
                f'requests_total{{route="/health"}} 10\nrequests_total{{route="/sessions/{{id}}/messages"}} {calls}\n')

    told, _ = await collected([page(7, 9000), page(7, 9060)])

    assert told.error is None
    assert (told.series.peak.tolist(), told.series.invocations.tolist()) == ([8.0], [60.0])


async def test_an_unreadable_line_fails_the_reading():
    told, _ = await collected([body(a=(1, 10, 1), b=(5, 10, 1)), body(a=(1, 20, 2), b=("five", 30, 3))])

    assert isinstance(told.error, Malformed)
    assert "requests_in_flight in line 4" in str(told.error)
    assert told.alive is False
    assert not told.series.known.any()


async def test_after_a_failed_reading_the_next_minute_is_known():
    good = [body(a=(1, 10 * minute, minute)) for minute in range(5)]
    told, _ = await collected([good[0], "requests_in_flight{", good[2], good[3]])

    assert (told.error, told.series.first_minute, told.series.invocations.tolist()) == (None, minute_of(NOON) + 2, [10.0])


@pytest.mark.parametrize(("end", "fails"), [("", True), ("\n", False)])
async def test_a_page_that_may_be_truncated_is_refused(end, fails):
    async def sends(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.0 200 OK\r\n\r\nrequests_in_flight 1\nrequests_total 90{end}".encode())
        writer.close()

    server = await asyncio.start_server(sends, "127.0.0.1", 0)
    client, page = Client(), metrics_page(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/metrics")
    async with server:
        source = PageDemand(client, ManualClock(NOON), {"agent": page})
        told = (await source.collect(["agent"], {"agent": NOON}, NOON))["agent"]
        await client.close()

    assert (told.error is not None and "Content-Length" in str(told.error)) is fails


async def test_openmetrics_is_read_by_its_content_type():
    def page(minute, total):
        return ("# TYPE requests_in_flight gauge\nrequests_in_flight 2\n# TYPE requests counter\n"
                f'requests_total {total} # {{trace_id="x"}} 1.0\nrequests_created {NOON.timestamp() + minute}\n# EOF\n')
    told, _ = await collected([page(-500, 100), page(30, 20)], kind="application/openmetrics-text; version=1.0.0; charset=utf-8")

    assert (told.series.peak.tolist(), told.series.invocations.tolist()) == ([2.0], [20.0])


async def test_a_page_is_parsed_in_a_thread(monkeypatch):
    threads, parse = [], demand_page.metrics_of
    monkeypatch.setattr(demand_page, "metrics_of", lambda *given: threads.append(threading.current_thread()) or parse(*given))
    await collected([body(a=(1, 1, 1))])

    assert threads
    assert threading.main_thread() not in threads


async def test_a_missing_metric_is_named():
    clock = ManualClock(NOON)
    sandbox = Sandbox(clock)
    sandbox.add_container("agent.test")
    page = metrics_page("http://agent.test/metrics", requests_metric="calls_total")
    async with SandboxServer(sandbox) as server:
        client = Client(server.url)
        told = await PageDemand(client, clock, {"agent": page}).collect(["agent"], {"agent": NOON}, NOON)
        await client.close()

    assert isinstance(told["agent"].error, Malformed)
    assert "calls_total" in str(told["agent"].error)
    assert told["agent"].alive is False


async def test_replaced_units_do_not_change_demand():
    clock, hours = ManualClock(NOON), 2
    sandbox = Sandbox(clock)
    peaks = np.array([1.0 + minute % 3 for minute in range(60 * hours)], np.float32)
    traffic = DemandSeries(minute_of(NOON), peaks, peaks / 2, peaks * 20)
    sandbox.add_container("agent.test", traffic)
    page = metrics_page("http://agent.test/metrics")
    merged = DemandSeries.empty(minute_of(NOON))
    async with SandboxServer(sandbox) as server:
        client = Client(server.url)
        source = PageDemand(client, clock, {"agent": page})
        for minute in range(60 * hours):
            told = (await source.collect(["agent"], {"agent": NOON}, clock.now()))["agent"]
            merged = merged.updated(told.series)
            if minute % 7 == 6:
                sandbox.pages["agent.test"].replace_oldest(clock.now().timestamp())
            await clock.advance(MINUTE)
        await client.close()
    real = traffic.window(merged.first_minute, merged.end_minute)

    assert merged.known.all()
    assert merged.invocations.tolist() == real.invocations.tolist()
    assert np.allclose(merged.busy, real.busy, atol=0.02)

"""A page of counters: what is on it, and what it proves of each minute."""

import numpy as np
import pytest

from adapters.clock import ManualClock
from adapters.errors import Unreachable
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from adapters.web.client import Client
from adapters.web.demand_page import Look, Looks, PageDemand, total
from tests.adapters.conformance.ping_stage import http_pool
from tests.builders import NOON

PAGE = """# HELP requests_total So far.
# TYPE requests_total counter
requests_total{unit="a",path="/x y"} 12
requests_total{unit="b"} 3.5e1 1772452800000
requests_totals 99
not_a_number NaN
endless +Inf
"""


@pytest.mark.parametrize(("name", "expected"), [
    ("requests_total", 47.0), ("requests_totals", 99.0), ("requests", None), ("not_a_number", None), ("endless", None),
])
def test_a_metric_is_summed_over_its_labels(name, expected):
    assert total(PAGE, name) == expected


def looked(*looks) -> Looks:
    made = Looks()
    made.taken.extend(Look(*look) for look in looks)
    return made


def test_a_minute_is_known_from_the_looks_around_it():
    series = looked((10, 0, 100, 50.0), (11, 4, 130, 110.0)).series(9, 12)

    assert series.peak.tolist()[1] == 4
    assert (series.busy[1], series.invocations[1]) == (1.0, 30.0)
    assert series.known.tolist() == [False, True, False]


def test_a_minute_in_which_nobody_looked_is_unknown():
    assert not looked((10, 1, 100, 1.0), (12, 1, 130, 2.0)).series(9, 13).known.any()


def test_a_counter_that_fell_has_begun_anew():
    assert looked((10, 1, 100, 60.0), (11, 1, 7, 30.0)).series(10, 11).invocations.tolist() == [7.0]


def test_work_is_what_was_in_flight_where_the_page_does_not_tell_it():
    assert looked((10, 1, 100, np.nan), (11, 3, 107, np.nan)).series(10, 11).busy.tolist() == [3.0]


async def test_a_metric_that_is_not_there_is_named():
    clock = ManualClock(NOON)
    sandbox = Sandbox(clock)
    sandbox.add_container("agent.test")
    pool = http_pool(demand_url="http://agent.test/metrics", requests_metric="calls_total")
    async with SandboxServer(sandbox) as server:
        client = Client(server.url)
        told = await PageDemand(client, clock, {"agent": pool.lever}).collect(["agent"], {"agent": NOON}, NOON)
        await client.close()

    assert isinstance(told["agent"].error, Unreachable)
    assert "calls_total" in str(told["agent"].error)
    assert told["agent"].alive is False

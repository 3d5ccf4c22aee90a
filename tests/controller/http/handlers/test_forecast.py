"""What the daemon says of the hours ahead, from the outside."""

import asyncio
import contextlib
from datetime import timedelta

import aiohttp
import numpy as np
import pytest

from adapters.runtime.clock import ManualClock
from controller.daemon.daemon import Daemon
from controller.store.state_dir import URL_NAME
from tests import services
from tests.builders import NOON, pool_policy
from tests.fakes import FakeProviders, FakeSource, steady
from tests.patience import PATIENCE_SECONDS
from tests.worlds import policy_of

MINUTE = timedelta(minutes=1)


class Running(services.Running):
    async def planned(self, *names):
        """Until the rotation has looked at these pools. Time stands still while a worker works, however slow the machine."""
        forecasts = self.service.runtime.components.forecasts
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not all(forecasts.rotation.capacity_forecast(name, self.clock.now()).at for name in names):
                if not forecasts._workers._free.locked():
                    await self.clock.advance(timedelta(seconds=1))
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def running(folder, hours=30, jobs=None):
    """A service on fakes that knows so many hours, after two ticks. `jobs`: in place of worker processes."""
    clock = ManualClock(NOON)
    source = FakeSource({"a": steady(3), "b": steady(8)}, history=timedelta(hours=hours))
    providers = FakeProviders([(source, ("a", "b"))], clock)
    service = Daemon(policy_of([pool_policy(name=name) for name in "ab"]), providers, clock, folder, port=0)
    async with services.ticking(service) as stop, aiohttp.ClientSession() as session:
        if jobs is not None:
            forecasts = service.runtime.components.forecasts
            forecasts._workers = forecasts.rotation._workers = forecasts.cache._workers = jobs
        here = Running(service, source, providers.levers, clock, session, stop)
        await here.ticks()
        yield here


class Idle:
    """Workers that never finish; `held` is how many wait for one."""

    def __init__(self):
        self.held, self._closed = 0, asyncio.Event()

    async def run(self, work, *args):
        self.held += 1
        await self._closed.wait()

    async def close(self):
        self._closed.set()


class Lost:
    """Workers that die over everything."""

    async def run(self, work, *args):
        return None

    async def close(self):
        pass


async def test_a_forecast_has_past_present_and_future(tmp_path):
    async with running(tmp_path) as here:
        status, reply = await here.json("/v1/pools/b/forecast?hours=2")
        again = (await here.json("/v1/pools/b/forecast?hours=2"))[1]
        kept = len(here.components.forecasts.cache._bodies)
        await here.ticks()
        later = (await here.json("/v1/pools/b/forecast?hours=2"))[1]

    assert (status, reply["pool"], reply["now"]) == (200, "b", "2026-03-02T12:01:00+00:00")
    assert reply["capacity"]["actual_requested"] == reply["target"] == 6  # of 8 at once, 6.4 are busy on average
    assert np.array(reply["ahead"]["peak"]).shape == np.array(reply["ahead"]["busy"]).shape == (120, len(reply["levels"]))
    assert {row[reply["levels"].index(0.9)] for row in reply["ahead"]["peak"]} == {8.0}
    assert set(reply["past"]["peak"]) == {8.0}
    assert len(reply["past"]["expected_peak"]) == len(reply["past"]["peak"]) == len(reply["past"]["actual_requested"]) == 1440
    assert reply["past"]["expected_peak"][-1][reply["levels"].index(0.5)] == 8.0
    assert (reply["enough_history"], reply["doubt"]) == (True, None)
    assert (again["ahead"], kept) == (reply["ahead"], 1)
    assert later["at"] > reply["at"] == reply["ahead"]["first"]


async def test_the_reply_says_what_decides_and_where_the_rules_differ_from_the_forecast(tmp_path):
    async with running(tmp_path) as here:
        before = (await here.json("/v1/pools/b/forecast?hours=2"))[1]
        await here.planned("b")
        reply = (await here.json("/v1/pools/b/forecast?hours=2"))[1]

    assert (before["decides"], before["differences"]) == ("rules", [])
    assert "no rule reads it" in reply["decides_text"]
    assert {units for _, units in reply["next"]} == {6}
    [each] = reply["differences"]
    assert (each["units"], each["peak_below"]) == (6, {"0.5": 8.0, "0.9": 8.0, "0.99": 8.0})
    assert "the rules ask for 6, below the forecast's median of 8 concurrent units. A unit that is idle all day" in each["text"]


async def test_less_than_24_h_of_history_is_reported_and_not_planned_with(tmp_path):
    async with running(tmp_path, hours=3) as here:
        status, reply = await here.json("/v1/pools/a/forecast")
        await here.planned("a")
        entry = (await here.json("/v1/pools/a"))[1]

    assert (status, reply["enough_history"]) == (200, False)
    assert "Less than a day" in reply["doubt"]
    assert len(reply["ahead"]["peak"]) == 360
    assert entry["next"] is None
    assert "minutes of demand are known, a plan needs 1440" in entry["next_missing"]


async def test_a_pool_without_data_reports_it(tmp_path):
    async with running(tmp_path, hours=0) as here:
        status, reply = await here.json("/v1/pools/a/forecast?hours=0.25")

    assert status == 200
    assert "No demand is known" in reply["doubt"]
    assert {value for row in reply["ahead"]["peak"] for value in row} == set(reply["past"]["peak"]) == {None}


@pytest.mark.parametrize("query", ["hours=0", "hours=25", "hours=nan", "hours=inf", "hours=-3", "hours=six", "hours=", "hours=٣",
                                   "hours=1_0", "hours=6.000000000000000001", "hour=6", "hours=6&pool=b"])
async def test_invalid_parameters_are_refused(tmp_path, query):
    async with running(tmp_path, hours=2) as here:
        status, reply = await here.json(f"/v1/pools/a/forecast?{query}")

    assert (status, bool(reply["error"])) == (400, True)


async def test_an_unknown_pool_is_a_json_404(tmp_path):
    async with running(tmp_path, hours=2) as here:
        status, reply = await here.json("/v1/pools/nobody/forecast")

    assert (status, "no pool called 'nobody'" in reply["error"]) == (404, True)


async def test_the_plan_of_the_next_hours_is_shown_and_shortens(tmp_path):
    async with running(tmp_path) as here:
        before = (await here.json("/v1/pools/b"))[1]
        await here.planned("a", "b")
        await here.ticks()
        status = (await here.json("/status"))[1]
        first = (await here.json("/v1/pools/b"))[1]
        await here.clock.advance(timedelta(hours=1))
        later = here.components.forecasts.rotation.capacity_forecast("b", here.clock.now())
        over = here.components.forecasts.rotation.capacity_forecast("b", here.clock.now() + timedelta(hours=6))

    assert before["next"] is None
    assert before["next_missing"]
    assert {units for _, units in first["next"]} == {first["target"]}
    assert first["next"][0][0] < 15
    assert [minutes for minutes, _ in first["next"]][-1] > 330
    assert {pool["name"]: {units for _, units in pool["next"]} for pool in status["pools"]} == {"a": {2}, "b": {6}}
    assert all(pool["next_at"] and pool["next_missing"] is None for pool in status["pools"])
    assert len(later.pairs) in (len(first["next"]) - 4, len(first["next"]) - 5)
    assert later.pairs[0][0] >= 0
    assert (over.pairs, "expired" in over.reason) == (None, True)


async def test_a_hanging_worker_delays_no_tick_no_response_and_no_shutdown(tmp_path):
    async with running(tmp_path, jobs=Idle()) as here:
        waiting = asyncio.create_task(here.json("/v1/pools/a/forecast"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while here.components.forecasts._workers.held < 2:  # the rotation's and this one
                await here.clock.advance(timedelta(seconds=5))
                await asyncio.sleep(0.005)
        await here.ticks(3)
        assert (await here.json("/status"))[1]["tick"]["planned"] == 2
        assert not waiting.done()
        waiting.cancel()


async def test_forecasts_above_the_limit_are_refused(tmp_path):
    async with running(tmp_path, jobs=Idle()) as here:
        asked = [asyncio.create_task(here.json(f"/v1/pools/a/forecast?hours={hours}")) for hours in range(1, 10)]
        same = [asyncio.create_task(here.json("/v1/pools/a/forecast?hours=1")) for _ in range(5)]
        done, _ = await asyncio.wait(asked, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        status, reply = done.pop().result()
        assert not done
        assert not any(one.done() for one in same)
        for task in (*asked, *same):
            task.cancel()

    assert (status, "retry" in reply["error"]) == (503, True)


async def test_a_failed_forecast_is_a_503_and_is_not_cached(tmp_path):
    async with running(tmp_path, jobs=Lost()) as here:
        assert [(await here.json("/v1/pools/a/forecast"))[0] for _ in range(2)] == [503, 503]
        assert not here.components.forecasts.cache._bodies


async def test_the_url_file_exists_while_the_daemon_runs(tmp_path):
    async with running(tmp_path, hours=1) as here:
        assert (tmp_path / URL_NAME).read_text().strip() == here.service.url
    assert not (tmp_path / URL_NAME).exists()

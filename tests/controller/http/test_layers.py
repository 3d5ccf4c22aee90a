"""A pool with layers over real HTTP: the base is the pool's entry, the pings are beside it, and no figure is a sum of both."""

from datetime import timedelta

import pytest

from adapters.ports.errors import Unreachable
from adapters.runtime.clock import ManualClock
from tests.services import layers, measures, serving


async def test_the_status_has_the_pings_beside_the_base_and_only_one_pool(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        _, body = await here.json("/status")

    (pool,) = body["pools"]
    pings = pool["pings"]
    assert (pool["name"], pool["actual_requested"], pool["actual_ready"], pool["target"]) == ("a", 1, 1, 1)
    assert {key: pings[key] for key in ("lever", "mode", "actual_requested", "actual_ready", "actual_phase", "target", "level")} \
        == {"lever": "lambda-ping", "mode": "active", "actual_requested": 5, "actual_ready": 5, "actual_phase": "ready",
            "target": 5, "level": 5}
    assert (pings["action"], pings["error"]) == ("keep", None)
    assert "5 - 1 of the base = 4, + 1 that may have stopped unseen" in pings["text"]
    assert 0 < pings["actual_usd_per_hour"] < pool["actual_usd_per_hour"]


async def test_totals_have_the_pinged_units_apart(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        _, body = await here.json("/status")

    totals = body["totals"]["actual"]
    assert {key: totals[key] for key in ("pools", "requested", "ready", "pinged_requested", "pinged_ready")} == {
        "pools": 1, "requested": 1, "ready": 1, "pinged_requested": 5, "pinged_ready": 5}
    assert (body["totals"]["simulated"]["pools"], body["totals"]["simulated"]["pinged_ready"]) == (0, 0)


async def test_in_shadow_mode_both_layers_are_simulated(tmp_path):
    async with layers(tmp_path, mode="shadow") as here:
        await here.ticks(4)
        _, body = await here.json("/status")

    (pool,) = body["pools"]
    assert (pool["pings"]["actual_requested"], pool["pings"]["simulated_requested"], pool["pings"]["action"]) == (0, 5, "keep")
    assert "actual_usd_per_hour" not in pool["pings"]
    assert body["totals"]["simulated"]["pinged_requested"] == 5
    assert (here.levers["a"].writes, here.levers["a:pings"].writes) == ([], [])


async def test_a_pool_with_one_lever_has_no_pings(tmp_path):
    async with serving(tmp_path) as here:
        await here.ticks(1)
        _, body = await here.json("/v1/pools/a")

    assert "pings" not in body
    assert "pings_reasons" not in body


async def test_the_pool_has_the_reasons_of_both_layers_and_the_name_of_the_pings_is_no_pool(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        _, body = await here.json("/v1/pools/a")
        status, _ = await here.json("/v1/pools/a:pings")

    assert body["pings_reasons"][0]["code"] == "proposed"
    assert [lever["kind"] for lever in body["policy"]["levers"]] == ["lambda-provisioned-concurrency", "lambda-ping"]
    assert status == 404


async def test_a_change_of_the_pings_alone_changes_the_state_of_the_pool(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        _, _, before = await here.get("/v1/pools/a")
        here.levers["a:pings"].failing["read"] = Unreachable("no answer")
        await here.ticks(11)
        _, _, after = await here.get("/v1/pools/a")

    assert before["ETag"] != after["ETag"]


async def test_pings_that_fail_are_the_pools_error_and_make_the_daemon_unready(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        here.levers["a:pings"].failing["read"] = Unreachable("password=hunter2 was refused")
        await here.ticks(60)
        _, body = await here.json("/status")
        _, ready = await here.json("/readyz")

    (pool,) = body["pools"]
    assert pool["error"] is None
    assert "was refused" in pool["pings"]["error"]
    assert "hunter2" not in pool["pings"]["error"]
    assert [reason for reason in ready["reasons"] if reason.startswith("a: pings: capacity was last read")]


@pytest.mark.parametrize("path", ["/v1/pools/a:pings/history", "/v1/pools/a:pings/forecast", "/v1/pools/a:pings/overrides"])
async def test_demand_and_overrides_are_those_of_the_pool(tmp_path, path):
    async with layers(tmp_path) as here:
        status, _ = await here.json(path)
    assert status == 404


async def test_the_history_has_the_pings_of_each_minute_apart(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        _, body = await here.json("/v1/pools/a/history?hours=0.25")

    assert (body["actual_ready"][-1], body["actual_pinged_ready"][-1], body["actual_pinged_requested"][-1]) == (1, 5, 5)
    assert "simulated_pinged_ready" not in body


async def test_the_history_of_a_pool_with_one_lever_has_no_pings(tmp_path):
    async with serving(tmp_path) as here:
        await here.ticks(2)
        _, body = await here.json("/v1/pools/a/history")
    assert not [key for key in body if "pinged" in key]


async def test_the_history_of_pings_before_this_run_is_that_of_recorded_decisions(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        now = here.clock.now()
    async with layers(tmp_path, clock=ManualClock(now + timedelta(minutes=5))) as again:
        _, body = await again.json("/v1/pools/a/history?hours=0.25")

    assert set(body["actual_pinged_requested"][-8:]) == {5}


BLACKOUT = ["actual_ping_blackout_seconds_since_start", "actual_ping_blackout_requests_since_start"]


@pytest.mark.parametrize(("measured", "shown"), [
    ({}, [1.25, 3.5]), ({"requests": None}, [1.25, None]), ({"seconds": 0.0, "requests": 0.0}, [0.0, 0.0]),
    ({"rounds": 0, "seconds": 0.0, "requests": 0.0}, [None, None]),
])
async def test_the_time_in_which_pings_held_all_units_is_unknown_until_it_is_measured(tmp_path, measured, shown):
    async with layers(tmp_path) as here:
        measures(here.levers["a:pings"], **measured)
        await here.ticks(2)
        _, body = await here.json("/status")
        _, why = await here.json("/v1/pools/a/why")
        _, earlier = await here.json("/v1/pools/a/why?at=2026-03-02T12:00:30Z")

    assert [body["pools"][0][key] for key in BLACKOUT] == [why[key] for key in BLACKOUT] == shown
    assert BLACKOUT[0] not in earlier


async def test_that_time_is_not_measured_in_shadow_mode_and_absent_without_pings(tmp_path):
    async with layers(tmp_path / "layers", mode="shadow") as here:
        measures(here.levers["a:pings"])
        await here.ticks(2)
        _, layered = await here.json("/v1/pools/a")
    async with serving(tmp_path / "one") as here:
        await here.ticks(1)
        _, one = await here.json("/v1/pools/a")

    assert [layered[key] for key in BLACKOUT] == [None, None]
    assert not set(BLACKOUT) & one.keys()

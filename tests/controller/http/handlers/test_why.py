"""Why a pool has the capacity it has, over real HTTP: now, at an instant, and made again from the record."""

import pytest
import structlog

from adapters.ports.errors import Throttled, Unreachable
from controller.decision.planning.record.decision_record import replayed
from tests.fakes import steady
from tests.services import TOKEN, layers, serving


async def test_the_plan_of_the_last_tick_has_its_inputs(tmp_path):
    async with serving(tmp_path, max=5) as here:
        await here.ticks(3)
        status, body, _ = await here.ask("GET", "/v1/pools/b/why")

    record, inputs = body["record"], body["record"]["inputs"]
    assert (status, body["recorded"], body["pool"]) == (200, False, "b")
    assert [(each["code"], each["before"], each["after"]) for each in record["reasons"]][-1] == ("ceiling", 7, 5)
    assert (inputs["freshness"], inputs["policy"]["max"], inputs["proposal"]["target"]) == ("fresh", 5, 7.0)
    assert inputs["capacity"]["requested"] == 5
    assert len(set(replayed(record))) == 1


async def test_at_an_instant_the_decision_in_effect_is_returned(tmp_path):
    async with serving(tmp_path) as here:
        await here.ticks(5)
        here.source.traffic = {"a": steady(20), "b": steady(7)}
        await here.ticks(5)
        _, early, _ = await here.ask("GET", "/v1/pools/a/why?at=2026-03-02T12:04:00Z")
        _, late, _ = await here.ask("GET", "/v1/pools/a/why?at=2026-03-02T12:09:30%2B00:00")
        _, now, _ = await here.ask("GET", "/v1/pools/a/why?at=2026-03-03T12:00:00Z")
        missing, _, _ = await here.ask("GET", "/v1/pools/a/why?at=2026-03-01T12:00:00Z")

    assert (early["recorded"], early["record"]["target"]) == (True, 3)
    assert (late["recorded"], late["record"]["target"], late["record"]["actual_requested"]) == (True, 20, 3)
    assert late["record"]["inputs"]["answer"]["requested"] == 20
    assert (now["recorded"], now["record"]["target"]) == (False, 20)
    assert missing == 404


async def test_every_recorded_decision_can_be_replayed_from_the_api(tmp_path):
    async with serving(tmp_path, max_step_up=4) as here:
        for units in (9, 30, 2):
            here.source.traffic = {"a": steady(units), "b": steady(units + 3)}
            await here.ticks(4)
        here.levers["a"].failing["write"] = Throttled("slow down: token=abcdef123456")
        await here.ask("POST", "/v1/pools/a/overrides", TOKEN, json={
            "kind": "pin", "units": 50, "for": "1h", "reason": "launch", "by": "ana"})
        await here.ticks(2)
        here.levers["b"].failing["read"] = Unreachable("https://user:hunter2@host does not answer")
        here.source.broken = Unreachable("monitoring is away")
        await here.ticks(15)
        _, body, _ = await here.ask("GET", "/v1/decisions?limit=1000")

    codes = {reason["code"] for item in body["items"] for reason in item["reasons"]}
    assert {"proposed", "step-limit", "write-failed", "pinned", "capacity-unknown"} <= codes
    assert [item["id"] for item in body["items"] if len(set(replayed(item))) != 1] == []
    assert "hunter2" not in str(body)
    assert "abcdef123456" not in str(body)


@pytest.mark.parametrize(("path", "expected"), [
    ("/v1/pools/nobody/why", 404), ("/v1/pools/a/why?at=yesterday", 400), ("/v1/pools/a/why?at=2026-03-02T12:00:00", 400),
    ("/v1/pools/a/why?when=now", 400),
])
async def test_invalid_parameters_of_why_are_refused(tmp_path, path, expected):
    async with serving(tmp_path) as here:
        status, body, _ = await here.ask("GET", path)

    assert (status, bool(body["error"])) == (expected, True)


async def test_the_pings_of_a_pool_with_layers_are_beside_the_decision_of_the_base(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        _, now, _ = await here.ask("GET", "/v1/pools/a/why")
        _, then, _ = await here.ask("GET", "/v1/pools/a/why?at=2026-03-02T12:03:30Z")
        status, top, _ = await here.ask("GET", "/v1/pools/a:pings/why")
        other, _, _ = await here.ask("GET", "/v1/pools/b:pings/why")

    assert (now["record"]["pool"], now["record"]["target"]) == ("a", 1)
    assert (now["pings"]["recorded"], now["pings"]["record"]["pool"], now["pings"]["record"]["target"]) == (False, "a:pings", 5)
    assert (then["pings"]["recorded"], then["pings"]["record"]["action"]) == (True, "write")
    assert (status, top["pool"], top["record"]["target"], "pings" in top) == (200, "a:pings", 5, False)
    assert len(set(replayed(now["pings"]["record"]))) == 1
    assert other == 404


async def test_decisions_of_the_pings_are_listed_under_their_name(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        _, body, _ = await here.ask("GET", "/v1/decisions?pool=a:pings")
        refused, _, _ = await here.ask("GET", "/v1/decisions?pool=b:pings")

    assert {item["pool"] for item in body["items"]} == {"a:pings"}
    assert refused == 400


async def test_the_rationale_of_pings_has_the_forecast_of_their_pool_and_no_rules(tmp_path):
    with structlog.testing.capture_logs() as logs:
        async with layers(tmp_path) as here:
            await here.ticks(4)
            _, body, _ = await here.ask("GET", "/v1/pools/a/why")

    weighed = body["pings"]["record"]["inputs"]["weighed"]
    assert weighed["keep_alive"] == body["record"]["inputs"]["weighed"]["keep_alive"]
    assert "ensemble" not in weighed
    assert [line for line in logs if line["event"] == "not-explained"] == []

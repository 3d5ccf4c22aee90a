import asyncio
import json
from datetime import timedelta

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.ports.errors import Unreachable
from adapters.runtime.clock import ManualClock
from controller.daemon.daemon import Daemon
from tests.builders import NOON, pool_policy
from tests.fakes import FakeProviders, FakeSource, steady
from tests.patience import PATIENCE_SECONDS
from tests.services import serving
from tests.worlds import policy_of

MINUTE = timedelta(minutes=1)
KEY = "AKIA" + "ABCDEFGH12345678"


def running(folder):
    return serving(folder, token=None)


async def test_status_has_capacity_target_and_reasons(tmp_path):
    async with running(tmp_path) as here:
        await here.ticks(3)
        status, body = await here.json("/status")

    pool = next(each for each in body["pools"] if each["name"] == "b")
    assert status == 200
    assert (pool["actual_requested"], pool["actual_ready"], pool["target"], pool["peak"]) == (7, 7, 7, 7.0)
    assert (pool["mode"], pool["freshness"], pool["error"]) == ("active", "fresh", None)
    assert "7" in pool["decision"]["text"]
    assert pool["last_change"]["action"] == "write"
    assert body["totals"]["actual"]["requested"] == 10
    reads = pytest.approx(2 * 0.01 * 43200 / 1000)
    assert body["metric_reads_usd_per_month"] == body["sources"][0]["metric_reads_usd_per_month"] == reads


async def test_status_is_rendered_once_per_tick(tmp_path):
    async with running(tmp_path) as here:
        first = (await here.get("/status"))[1]
        here.levers["a"].foreign(50)
        assert (await here.get("/status"))[1] == first
        await here.ticks()
        assert (await here.get("/status"))[1] != first


async def test_one_pool_has_its_reasons_policy_and_accounts(tmp_path):
    async with running(tmp_path) as here:
        await here.ticks(20)
        _, body = await here.json("/v1/pools/a")

    assert (body["reasons"][0]["code"], body["reasons"][0]["after"]) == ("proposed", 3)
    assert body["policy"]["lever"]["function"] == "agent"
    assert body["accounts"]["actual"]["today"]["minutes"] > 0
    assert body["accounts"]["actual"]["today"]["bill_usd"] > 0
    assert body["proposal"]["candidate"]


async def test_an_unknown_pool_and_an_unknown_path_are_json_404s(tmp_path):
    async with running(tmp_path) as here:
        for path in ("/v1/pools/nobody", "/v1/pools/%0d%0ax", "/nothing"):
            status, body = await here.json(path)
            assert status == 404
            assert body["error"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(tmp_path, method):
    async with running(tmp_path) as here:
        status, body, headers = await here.get("/status", method)

    assert (status, "GET" in headers["Allow"]) == (405, True)
    assert "not allowed" in json.loads(body)["error"]


@pytest.mark.parametrize("query", [
    "limit=0", "limit=1001", "limit=x", "limit=-1", "limit=%D9%A1", "since=yesterday", "since=2026-03-02T12:00:00",
    "pool=nobody",
    "before=x", "before=1", "wrong=1",
])
async def test_invalid_parameters_of_decisions_are_refused(tmp_path, query):
    async with running(tmp_path) as here:
        status, body = await here.json(f"/v1/decisions?{query}")

    assert (status, bool(body["error"])) == (400, True)


async def test_decisions_are_paged_and_filtered(tmp_path):
    async with running(tmp_path) as here:
        for units in (9, 11, 13):
            here.source.traffic = {"a": steady(units), "b": steady(units + 20)}
            await here.ticks(3)
        _, everything = await here.json("/v1/decisions")
        seen, path = [], "/v1/decisions?limit=3"
        while path:
            _, page = await here.json(path)
            seen += [item["id"] for item in page["items"]]
            path = page["next"] and f"/v1/decisions?limit=3&before={page['next']}"
        _, one = await here.json("/v1/decisions?pool=a&since=2026-03-02T00:00:00Z")
        status, _ = await here.json("/v1/decisions?since=2026-03-02T00:00:00+00:00")  # a plus that nobody has escaped

    assert seen == [item["id"] for item in everything["items"]]
    assert len(seen) >= 8
    assert {item["pool"] for item in one["items"]} == {"a"}
    assert status == 200


async def test_ready_when_demand_is_fresh_and_503_with_reasons_otherwise(tmp_path):
    async with running(tmp_path) as here:
        await here.ticks()
        status, body = await here.json("/readyz")
        assert (status, body["status"]) == (200, "ready")
        assert set(body["pools"]["a"]) == {"data_age_seconds", "forecast_age_seconds", "capacity_age_seconds", "last_write"}

        here.source.broken = Unreachable("monitoring does not answer")
        await here.ticks(10)
        status, body = await here.json("/readyz")

    assert status == 503
    assert any("a: the newest demand is" in reason and "monitoring does not answer" in reason for reason in body["reasons"])


async def test_ready_while_a_pool_is_quiet(tmp_path):
    async with running(tmp_path) as here:
        here.source.quiet = {"a": "nothing has run in us-east-1 since 12:00 UTC (see on_quiet_region)"}
        await here.ticks(90)
        status, body = await here.json("/readyz")
        _, pool = await here.json("/v1/pools/a")
        _, metrics, _ = await here.get("/metrics")

    told = [line for line in metrics.decode().splitlines() if 'pool="a"' in line]
    assert (status, body["reasons"]) == (200, [])
    assert (pool["freshness"], pool["traffic"], pool["metrics_missing_since"], pool["action"]) == ("quiet", "quiet", None, "hold")
    assert "nothing has run in us-east-1" in pool["decision"]["text"]
    assert {line.split("{")[0]: float(line.split()[-1]) for line in told
            if line.startswith(("stoker_metrics_", "stoker_telemetry_broken", "stoker_pool_metrics_missing"))} == {
        "stoker_metrics_fresh": 0, "stoker_metrics_quiet": 1, "stoker_telemetry_broken": 0, "stoker_pool_metrics_missing": 0}


async def test_not_ready_while_a_pool_was_never_collected(tmp_path):
    async with running(tmp_path) as here:
        here.source.silent = {"a": None}
        here.components.fleet.region_of["a"].collector.day.newest[:] = -1
        await here.ticks()
        status, body = await here.json("/readyz")

    assert status == 503
    assert any(reason.startswith("a: demand has never been read") for reason in body["reasons"])


async def test_not_ready_when_ticks_have_stopped(tmp_path):
    async with running(tmp_path) as here:
        await here.clock.advance(10 * MINUTE)
        status, body = await here.json("/readyz")
        alive, _ = await here.json("/healthz")

    assert (status, alive) == (503, 200)
    assert "the last tick started" in body["reasons"][0]


async def test_metrics_are_prometheus_text_with_our_prefix_only(tmp_path):
    async with running(tmp_path) as here:
        await here.ticks(2)
        status, body, headers = await here.get("/metrics")

    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    assert (status, headers["Content-Type"].startswith("text/plain")) == (200, True)
    assert all(name.startswith("stoker_") for name in families)
    requested = {sample.labels["pool"]: sample.value for sample in families["stoker_actual_requested_units"].samples}
    assert requested == {"a": 3, "b": 7}
    assert sum(sample.value for sample in families["stoker_decisions"].samples) == 2


async def test_unknown_demand_has_no_sample_instead_of_a_zero(tmp_path):
    async with running(tmp_path) as here:
        here.components.fleet.region_of["a"].collector.day.newest[0] = -1
        here.source.silent = {"a": None}
        await here.ticks()
        _, body, _ = await here.get("/metrics")

    peaks = [line for line in body.decode().splitlines() if line.startswith("stoker_demand_peak_units{")]
    assert len(peaks) == 1
    assert 'pool="b"' in peaks[0]


async def test_no_response_contains_a_secret(tmp_path):
    async with running(tmp_path) as here:
        here.levers["a"].failing["read"] = Unreachable(f"https://user:hunter2@host refused {KEY}")
        await here.clock.advance(10 * MINUTE)
        await here.ticks(2)
        paths = ("/status", "/v1/pools", "/v1/pools/a", "/v1/decisions", "/readyz", "/metrics")
        bodies = [(await here.get(path))[1] for path in paths]

    assert any(b"refused" in body for body in bodies)
    assert not any(KEY.encode() in body or b"hunter2" in body for body in bodies)


async def test_an_internal_error_is_a_500_without_details(tmp_path):
    async with running(tmp_path) as here:
        def broken(*_):
            raise RuntimeError("the details")
        here.service.runtime.store.store.decisions = broken
        status, body = await here.json("/v1/decisions")

    assert (status, "details" in body["error"]) == (500, False)


async def test_before_the_first_tick_the_daemon_reports_starting(tmp_path):
    clock = ManualClock(NOON)
    source = FakeSource({"a": steady(3)})
    source.hanging = True
    service = Daemon(policy_of([pool_policy(name="a")]), FakeProviders([(source, ("a",))], clock), clock, tmp_path, port=0)
    stop = asyncio.Event()
    task = asyncio.create_task(service.run(stop))
    await asyncio.wait_for(service.ready.wait(), PATIENCE_SECONDS)
    async with aiohttp.ClientSession() as session, session.get(f"{service.url}/readyz") as answer:
        assert answer.status == 503
        assert "no tick" in await answer.text() or "starting" in await answer.text()
    async with aiohttp.ClientSession() as session, session.get(f"{service.url}/status") as answer:
        assert (await answer.json())["pools"] == []
    stop.set()
    await asyncio.wait_for(task, PATIENCE_SECONDS)

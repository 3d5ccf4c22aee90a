"""A minimum of the revision keeps instances that Stoker did not ask for: every surface shows them, names it and prices them."""

import json
import re

import aiohttp
import pytest

from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.settings import RunSettings
from adapters.sandbox.gcp.world import RunSandbox
from tests.e2e.daemons import daemon, sandbox_of, serving, steady_history, stoker

POLICY = """
version: 1
pools:
  - name: chat
    mode: active
    max: 2
    prices: {idle: 0.000003, warm_busy: 0.000024, on_demand: 0.000024}
    lever: {kind: cloud-run-min-instances, project: acme, location: europe-west1, service: chat}
"""
SECOND = 3 * 0.000003 * 0.5
"""USD a second for three instances of half a GB."""

NAMED = "the minimum of revision chat-00001 (3)"


@pytest.fixture
async def clouds():
    sandbox = sandbox_of()
    google = RunSandbox(sandbox, RunSettings(placement_seconds=(0.1, 0.3)))
    chat = google.add_service("chat", steady_history(0), startup_seconds=0.2)
    chat.service.message.template.scaling.min_instance_count = 3
    chat.driver.apply_scaling(google.now_ms(), google.now_ms())
    async with GrpcSandboxServer(google) as server, serving(sandbox) as url:
        yield google, ("--sandbox-url", url, "--sandbox-grpc", server.target)


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


async def test_the_plan_shows_them_and_says_which_setting_keeps_them(clouds, policy):
    _, where = clouds
    _, out, _ = await stoker("plan", "--policy", str(policy), "--json", *where)
    (plan,) = json.loads(out)["pools"]
    kept = next(reason for reason in plan["reasons"] if reason["code"] == "kept-by-others")

    assert (plan["actual_requested"], plan["target"], plan["changes"]) == (0, 0, False)
    assert kept["text"] == f"3 more kept warm by {NAMED}, not by Stoker ({SECOND * 2_628_000:.2f} USD a month)"
    assert plan["actual_warm_usd_per_month"] == plan["target_warm_usd_per_month"] == pytest.approx(SECOND * 2_628_000)


async def test_the_doctor_warns_of_them(clouds, policy):
    _, where = clouds
    _, out, _ = await stoker("doctor", str(policy), "--json", *where)
    (found,) = (each for each in json.loads(out)["findings"] if each["check"] == "kept by others")

    assert (found["subject"], found["verdict"]) == ("chat", "warn")
    assert f"3 more kept warm by {NAMED}" in found["text"]


async def test_status_metrics_and_why_show_them(clouds, policy, tmp_path):
    google, where = clouds
    async with daemon(policy, tmp_path / "state", where[1], *where[2:]) as run:
        await run.until(lambda: run.told("decision", pool="chat"))
        url = run.told("listening")[0]["url"]
        code, table, err = await stoker("status", "--url", url)
        _, one, _ = await stoker("status", "chat", "--url", url)
        _, body, _ = await stoker("status", "--json", "--url", url)
        (pool,) = json.loads(body)["pools"]
        async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
            metrics = await answer.text()

    assert code == 0, err
    assert (pool["actual_requested"], pool["actual_ready"], pool["kept_by_others"], pool["kept_by"]) == (0, 0, 3, NAMED)
    assert pool["actual_usd_per_hour"] == pool["others_usd_per_hour"] == pytest.approx(SECOND * 3600)
    assert "by others" in table
    assert re.search(rf"kept by others +3 by {re.escape(NAMED)}; 0.0162 USD per hour", one)
    assert 'stoker_others_units{pool="chat",mode="active"} 3.0' in metrics
    assert google.calls.mutating.total() == 0

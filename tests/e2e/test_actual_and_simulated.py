"""One pool in shadow mode and one in active mode, on every surface: no simulated figure has an actual name."""

import json
import re

import aiohttp
import pytest

from tests.e2e.daemons import daemon, policy_text, puts, sandbox_of, serving, stoker

NAMES = ("live", "test")


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(policy_text(*NAMES, low=2).replace("- name: test", "- name: test\n    mode: shadow"))
    return path


async def fetched(url, path):
    async with aiohttp.ClientSession() as session, session.get(f"{url}{path}") as answer:
        return await answer.text()


def kinds_of(entry):
    """The kinds that the keys of an object have."""
    return {key.split("_")[0] for key in entry if key.startswith(("actual_", "simulated_"))}


async def test_every_surface_keeps_actual_and_simulated_figures_apart(tmp_path, policy):
    sandbox = sandbox_of(live=5, test=9)
    async with serving(sandbox) as where, daemon(policy, tmp_path / "state", where) as run:
        await run.until(lambda: {line["pool"] for line in run.told("decision")} == {*NAMES} and run.told("first-tick"))
        url = run.told("listening")[0]["url"]
        status, pool = json.loads(await fetched(url, "/status")), json.loads(await fetched(url, "/v1/pools/test"))
        ready, metrics = json.loads(await fetched(url, "/readyz")), await fetched(url, "/metrics")
        history = json.loads(await fetched(url, "/v1/pools/test/history?hours=1"))
        decisions = json.loads(await fetched(url, "/v1/decisions"))["items"]
        _, table, _ = await stoker("status", "--url", url)
        _, one, _ = await stoker("status", "test", "--url", url)
        _, plan, _ = await stoker("plan", "--policy", str(policy), "--json", "--sandbox-url", where, "--url", url)
        _, planned, _ = await stoker("plan", "--policy", str(policy), "--sandbox-url", where, "--url", url)
        _, alone, _ = await stoker("plan", "--policy", str(policy), "--json", "--sandbox-url", where)
        lines = [line for line in run.lines if "pool" in line]

    pools = {each["name"]: each for each in status["pools"]}
    wanted = pools["test"]["target"]
    assert (len(puts(sandbox)), wanted >= 9, pools["live"]["target"] >= 5) == (1, True, True)
    hold_status(status, pools, wanted)
    assert (ready["pools"]["test"]["last_write"], ready["pools"]["live"]["last_write"]) == (None, pools["live"]["last_write"])
    assert (pool["actual_requested"], pool["simulated_requested"], set(pool["accounts"])) == (0, wanted, {"simulated"})
    assert "would be" in pool["sentence"]
    assert (history["actual_requested"][-1], history["simulated_requested"][-1]) == (0, wanted)

    hold_metrics(metrics, wanted)
    assert {(line["pool"], line["mode"], line["action"]) for line in lines if line["event"] == "decision"} == {
        ("live", "active", "write"), ("test", "shadow", "would-write")}
    assert all("mode" in line for line in lines)
    for each in (*decisions, *(line for line in lines if line["event"] == "decision")):
        assert kinds_of(each) == {"simulated" if each["mode"] == "shadow" else "actual"}
    assert {(each["pool"], each["action"]) for each in decisions} == {("live", "write"), ("test", "would-write")}

    assert re.search(rf"^test +shadow +0 +0 +{wanted} ", table, re.MULTILINE)
    assert re.search(r"^actual, 1 pool in active mode: .*Today: Bill (?!would)", table, re.MULTILINE)
    assert re.search(rf"^simulated, 1 pool in shadow mode: nothing was written: would have {wanted} requested, .* Bill would be",
                     table, re.MULTILINE)
    assert "actual requested / ready    0 / 0" in one
    assert re.search(rf"simulated requested / ready {wanted} / ", one)
    hold_plan(plan, alone, planned, wanted)


def hold_status(status, pools, wanted):
    """In `/status`, a pool has the keys of its kinds, and totals are per mode."""
    live, test = pools["live"], pools["test"]
    assert (live["action"], test["action"]) in {("write", "would-write"), ("keep", "keep")}
    assert (live["last_change"]["action"], test["last_change"]["action"]) == ("write", "would-write")
    assert (kinds_of(live), kinds_of(test)) == ({"actual"}, {"actual", "simulated"})
    assert {key for key in test if key.startswith("actual_")} == {"actual_requested", "actual_ready", "actual_phase"}
    assert (test["actual_requested"], test["actual_ready"], test["simulated_requested"]) == (0, 0, wanted)
    assert (live["last_write"] is not None, test["last_write"]) == (True, None)
    for kind, pool in (("actual", live), ("simulated", test)):
        totals = status["totals"][kind]
        assert totals["pools"] == 1
        for name in ("requested", "ready", "bill_today_usd", "cold_starts_without_stoker_today", "usd_per_hour"):
            assert totals[name] == pytest.approx(pool[f"{kind}_{name}"]), name
    assert "would be" not in status["totals"]["actual"]["sentence"]
    assert "would be" in status["totals"]["simulated"]["sentence"]


def hold_metrics(metrics, wanted):
    """A pool has only series of its kinds; the provider's capacity has series of both."""
    series = re.findall(r'^(stoker_(actual|simulated)_\w+)\{pool="(\w+)",mode="(\w+)"', metrics, re.MULTILINE)
    both = {"stoker_actual_requested_units", "stoker_actual_ready_units"}
    assert {(kind, pool, mode) for name, kind, pool, mode in series if name not in both} == {
        ("actual", "live", "active"), ("simulated", "test", "shadow")}
    assert 'stoker_actual_requested_units{pool="test",mode="shadow"} 0.0' in metrics
    assert f'stoker_simulated_requested_units{{pool="test",mode="shadow"}} {float(wanted)}' in metrics
    assert re.findall(r'^stoker_last_write_timestamp_seconds\{pool="(\w+)"', metrics, re.MULTILINE) == ["live"]


def hold_plan(plan, alone, planned, wanted):
    """`stoker plan` with the daemon's URL shows the same capacity as `stoker status`; without it, nothing simulated."""
    live, test = (next(each for each in json.loads(plan)["pools"] if each["pool"] == name) for name in NAMES)
    assert (kinds_of(live), test["actual_requested"], test["simulated_requested"]) == ({"actual"}, 0, wanted)
    assert test["action"] in ("keep", "would-write")
    without = next(each for each in json.loads(alone)["pools"] if each["pool"] == "test")
    assert (without["actual_requested"], without["simulated_requested"], without["action"]) == (0, None, "would-write")
    text = " ".join(planned.split())
    assert "actual simulated" in text
    assert re.search(r"Active mode: \d of 1 pool would change: .* USD/month\. Today: Bill (?!would)", text)
    assert re.search(r"Shadow mode \(simulated, nothing is written\): .* would become .*\. Today: Bill would be", text)

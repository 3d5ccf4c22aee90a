"""Every lever at once: one policy, one daemon, two emulated clouds, over boto3, HTTP and Google's clients."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import load_policy
from tests.e2e.daemons import stoker
from tests.e2e.test_demo import WITHOUT_PRICE_CURVE
from tests.patience import PATIENCE_SECONDS

pytest.importorskip("boto3")
pytest.importorskip("google.cloud.run_v2")

POOLS = {"support-agent", "nightly-reports", "price-watch", "chat", "research-agent"}
LAYERED = "research-agent"
PINGED = {"nightly-reports", "price-watch"}
WITHOUT_GOOGLE = "import sys; sys.modules['google.cloud.run_v2'] = None; from controller.cli import main; main()"


def demo(*arguments: str, start: tuple[str, ...] = ("-m", "controller.cli")) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *start, "demo", "--all-levers", "--port", "0", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)


def play(folder: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Until both batches have come, at 09:05 and at 09:15, and the offices have filled. No faster, for the clock flies while two
    clouds open: a busy machine could lose the first minute in that. The price curve is tested without a play.
    """
    return demo("--duration", "38m", "--speed", "600", "--json", "--keep", str(folder), start=("-c", WITHOUT_PRICE_CURVE)), folder


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], Path]:
    return play(tmp_path_factory.mktemp("played"))


def outcome(played) -> dict:
    assert played[0].returncode == 0, played[0].stderr
    return json.loads(played[0].stdout)


def raises(folder: Path, pool: str, least: int) -> list[datetime]:
    """When `pool` was asked to keep `least` units or more, in order."""
    events = map(json.loads, (folder / "stoker.log").read_text().splitlines())
    return [datetime.fromisoformat(event["at"]) for event in events
            if event["event"] == "decision" and event["pool"] == pool and event["action"] == "write" and event["target"] >= least]


def test_one_policy_has_a_pool_for_every_lever(played):
    policy = load_policy(played[1] / "policy.yaml", policy_kinds())

    assert {pool.name for pool in policy.pools} == POOLS
    assert {pool.lever.kind for pool in policy.pools} == set(policy_kinds().levers)
    assert {pool.mode for pool in policy.pools} == {"active"}


def test_each_pool_has_fewer_cold_starts_than_without_stoker(played):
    pools = outcome(played)["pools"]

    assert set(pools) == POOLS
    assert [name for name, pool in pools.items() if pool["cold_starts_without_stoker"] < 8] == [], "there is something to avoid"
    assert [name for name, pool in pools.items() if pool["cold_starts"] > pool["cold_starts_without_stoker"] * 2 / 3] == []
    for name, pool in pools.items():
        without = pool["bill_without_stoker_usd"] + pool["cold_start_cost_without_stoker_usd"]
        assert pool["bill_usd"] + pool["cold_start_cost_usd"] < without, f"bill + cold-start cost of {name}"


@pytest.mark.parametrize(("pool", "units", "comes"), [
    ("support-agent", 2, (9, 0)), ("chat", 2, (9, 0)), ("price-watch", 24, (9, 4)), ("nightly-reports", 30, (9, 14)),
])
def test_each_pool_is_warmed_before_its_own_traffic(played, pool, units, comes):
    outcome(played)
    found = raises(played[1], pool, units)

    assert found, "it was not raised"
    assert found[0] < datetime(2026, 3, 3, *comes, tzinfo=UTC)


def test_batches_rarely_find_a_cold_unit_and_only_pinged_pools_are_pinged(played):
    pools = outcome(played)["pools"]

    assert {name for name, pool in pools.items() if pool["pings"]} == PINGED | {LAYERED}
    assert [name for name in PINGED if pools[name]["cold_starts"] > pools[name]["cold_starts_without_stoker"] / 8] == []
    assert {name for name, pool in pools.items() if pool["warm_unit_minutes"]} == POOLS - PINGED


def test_a_pool_with_layers_is_kept_warm_by_provisioned_units_and_pings_above_them(played):
    pool = outcome(played)["pools"][LAYERED]

    assert pool["cold_starts_without_stoker"] > 8
    assert pool["cold_starts"] <= 1
    assert raises(played[1], f"{LAYERED}:pings", 5)


def test_no_minute_is_skipped_and_no_error_is_logged(played):
    """A hold for metrics is none: at night, before anybody calls a function, nothing tells quiet from late. Nor is a forecast
    that a slow machine does not end in time: no tick waits for one.
    """
    assert all(pool["minutes"] >= 38 for pool in outcome(played)["pools"].values())
    events = [json.loads(line) for line in (played[1] / "stoker.log").read_text().splitlines()]
    loud = [event for event in events if event["level"] not in ("info", "debug")]
    assert [event for event in loud if event.get("reasons") != ["metrics-missing"] and event["event"] != "forecast-failed"] == []


def test_actions_of_each_pool_are_printed_and_the_demo_shuts_down_gracefully(played):
    told, folder = played

    assert told.returncode == 0, told.stderr
    assert [name for name in POOLS if f"  {name}: scales out " not in told.stderr] == []
    assert "Traceback" not in told.stderr
    assert json.loads((folder / "stoker.log").read_text().splitlines()[-1])["event"] == "stopped"


def test_without_the_libraries_of_google_the_package_to_install_is_named():
    told = demo(start=("-c", WITHOUT_GOOGLE))

    assert told.returncode == 1
    assert told.stderr.strip().splitlines() == [(
        "stoker: --all-levers requires the library google.cloud.run_v2, which is not installed: "
        "install the wheel with the extras aws and gcp")]


async def test_each_pool_has_its_own_traffic():
    code, _, told = await stoker("demo", "--all-levers", "--port", "0", "--history", "any.csv")

    assert code == 2
    assert "--all-levers cannot be combined with --history" in told

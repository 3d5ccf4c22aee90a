"""`stoker backtest --since` against the emulated AWS: the figures are those of the files that `stoker history` writes."""

import json

from adapters.sandbox.server import SandboxServer
from tests.e2e.daemons import policy_text, sandbox_of
from tests.services import typed

PUSHED = """
  - {name: pushed, max: 5, demand: {kind: push}, lever: {kind: http-ping, url: "http://127.0.0.1:1/", opted_in: true}}
"""


async def asked(sandbox, *arguments):
    async with SandboxServer(sandbox) as server:
        return await typed(*arguments, "--sandbox-url", server.url)


def minutes_of(told):
    """The minutes of the pool that were replayed, and those of them that are unknown."""
    body = json.loads(told.stdout)["pools"]["agent"]["history"]
    return body["minutes"], body["unknown_minutes"]


async def test_the_traffic_is_what_history_writes(tmp_path):
    sandbox, policy = sandbox_of(agent=4), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))
    direct = await asked(sandbox, "backtest", str(policy), "--since", "14d", "-o", "json")
    await asked(sandbox, "history", "--policy", str(policy), "--output", str(tmp_path))
    by_file = await typed("backtest", str(policy), "--history", f"agent={tmp_path / 'agent.csv.gz'}", "-o", "json")

    assert (direct.exit_code, by_file.exit_code) == (0, 0), direct.stderr + by_file.stderr
    assert direct.stderr.startswith("agent: 1")
    assert " minutes read, " in direct.stderr
    assert [abs(one - other) <= 3 for one, other in zip(minutes_of(direct), minutes_of(by_file), strict=True)] == [True, True], (
        "the newest minutes come in between")
    assert sandbox.calls.mutating.total() == 0


async def test_a_shorter_time_reads_less(tmp_path):
    sandbox, policy = sandbox_of(agent=4), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))
    told = await asked(sandbox, "backtest", str(policy), "--since", "3h", "-q", "-o", "json")

    assert (told.exit_code, told.stderr) == (0, "")
    assert 150 < minutes_of(told)[0] <= 180


async def test_a_source_without_history_is_refused_before_anything_is_replayed_and_a_file_can_stand_in(tmp_path):
    sandbox, policy = sandbox_of(agent=4), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))
    await asked(sandbox, "history", "--policy", str(policy), "--output", str(tmp_path))
    policy.write_text(policy_text("agent") + PUSHED)
    refused = await asked(sandbox, "backtest", str(policy), "--since", "6h")
    mixed = await asked(sandbox, "backtest", str(policy), "--since", "6h", "--history", f"pushed={tmp_path / 'agent.csv.gz'}")

    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[-1].startswith("stoker: pushed: its demand source has no history: docs/demand.md lists ")
    assert mixed.exit_code == 0, mixed.stderr


async def test_what_cannot_be_read_is_a_failure_with_its_reason(tmp_path):
    sandbox, policy = sandbox_of(agent=4), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))
    sandbox.credentials.denied |= {"cloudwatch:GetMetricData"}
    denied = await asked(sandbox, "backtest", str(policy), "--since", "1d")
    long = await typed("backtest", str(policy), "--since", "30d")
    neither = await typed("backtest", str(policy))

    assert (denied.exit_code, "agent: " in denied.stderr) == (1, True)
    assert "permission cloudwatch:GetMetricData is missing" in denied.stderr
    assert (long.exit_code, "--since 30d: write a duration up to 14d" in long.stderr) == (2, True)
    assert neither.stderr.startswith("stoker: no history for agent: add --since 14d to read the provider, --history agent=FILE")


async def test_pools_that_the_policy_selects_are_listed_and_replayed(tmp_path):
    sandbox, policy = sandbox_of(agent=4, tool=2), tmp_path / "policy.yaml"
    select = "version: 1\nselect:\n  - include: {{name: {}}}\n    lever: {{kind: {}, region: us-east-1}}\n    max: 9\n"
    policy.write_text(select.format("agent", "lambda-provisioned-concurrency"))
    told = await asked(sandbox, "backtest", str(policy), "--since", "3h", "-o", "json")
    exported = await asked(sandbox, "history", "--policy", str(policy), "--output", str(tmp_path))
    policy.write_text(select.format("other", "lambda-provisioned-concurrency"))
    none = await asked(sandbox, "backtest", str(policy), "--since", "3h")

    assert (told.exit_code, list(json.loads(told.stdout)["pools"])) == (0, ["agent"]), told.stderr
    assert exported.stdout.startswith("agent: ")
    assert (none.exit_code, none.stderr) == (
        2, f"stoker: {policy} has no pool: nothing matches its `select`; see `stoker pools`\n")


async def test_the_objective_of_a_pool_that_is_selected_is_not_written(tmp_path):
    sandbox, policy = sandbox_of(agent=4), tmp_path / "policy.yaml"
    policy.write_text("version: 1\nselect:\n  - include: {name: agent}\n    max: 9\n"
                      "    lever: {kind: lambda-provisioned-concurrency, region: us-east-1}\n")
    told = await asked(sandbox, "tune", "agent", "--policy", str(policy), "--history", "agent=agent.csv", "--write",
                       "--max-cold-starts-per-day", "5")

    assert told.exit_code == 2
    assert told.stderr.startswith("stoker: --write: agent comes from an entry of `select`")

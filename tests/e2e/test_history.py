"""`stoker history` against the emulated AWS: what it writes is what was recorded, and a file that is there is kept."""

import numpy as np
from click.testing import CliRunner

from adapters.demand.history_file import read_history
from adapters.sandbox.server import SandboxServer
from controller.cli import main
from tests.e2e.daemons import policy_text, sandbox_of
from tests.services import typed

SETTLING = 20
"""Newest minutes, whose points may still be incomplete, as in CloudWatch."""


async def asked(sandbox, policy, *arguments):
    async with SandboxServer(sandbox) as server:
        return await typed("history", "--policy", str(policy), "--sandbox-url", server.url, *arguments)


async def test_14_days_of_every_pool_are_exported_to_a_file_that_a_backtest_reads(tmp_path):
    sandbox, policy = sandbox_of(agent=4, tool=2), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", "tool"))
    told = await asked(sandbox, policy, "--output", str(tmp_path / "past"))

    assert told.exit_code == 0, told.output
    series = read_history(tmp_path / "past" / "agent.csv.gz")
    assert 1300 < len(series) <= 1440
    settled = series.peak[:-SETTLING]
    assert set(np.unique(settled[series.known[:-SETTLING]])) == {4.0}
    assert float(np.nanmean(series.invocations)) > 30
    assert sandbox.calls.mutating.total() == 0
    assert set(np.unique(read_history(tmp_path / "past" / "tool.csv.gz").peak[:-SETTLING])) - {2.0} <= {0.0}


async def test_an_existing_file_is_kept_without_force(tmp_path):
    sandbox, policy = sandbox_of(agent=4), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))
    (tmp_path / "agent.csv.gz").write_text("mine")
    kept = await asked(sandbox, policy, "--output", str(tmp_path))
    untouched = (tmp_path / "agent.csv.gz").read_text()
    forced = await asked(sandbox, policy, "--output", str(tmp_path), "--force")

    assert (kept.exit_code, untouched) == (2, "mine")
    assert forced.exit_code == 0
    assert len(read_history(tmp_path / "agent.csv.gz")) > 1300


async def test_a_pool_without_metrics_is_reported_as_a_possible_wrong_name(tmp_path):
    sandbox, policy = sandbox_of(agent=4), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", "lost", lost="no-such-function"))
    told = await asked(sandbox, policy, "--output", str(tmp_path))

    assert told.exit_code == 0
    assert "lost: no requests in this period" in told.stderr
    assert "agent: no requests" not in told.stderr


async def test_an_unreadable_history_is_reported_and_leaves_no_file(tmp_path):
    sandbox, policy = sandbox_of(agent=4), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))
    sandbox.credentials.denied |= {"cloudwatch:GetMetricData"}
    told = await asked(sandbox, policy, "--output", str(tmp_path / "past"))

    assert told.exit_code == 1
    assert "permission cloudwatch:GetMetricData is missing" in told.stderr
    assert not (tmp_path / "past").exists()


async def test_a_source_without_history_is_named_as_such_and_the_others_are_written(tmp_path):
    sandbox, policy = sandbox_of(agent=4), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent") + """
  - {name: pushed, max: 5, demand: {kind: push}, lever: {kind: http-ping, url: "http://127.0.0.1:1/"}}
  - {name: url, max: 5, lever: {kind: http-ping, url: "http://127.0.0.1:2/"}}
""")
    told = await asked(sandbox, policy, "--output", str(tmp_path))

    assert told.exit_code == 1
    assert [line.partition(" has no history")[0] for line in told.stderr.splitlines()] == [
        "stoker: pushed: its demand source", "stoker: url: its demand source"]
    assert (tmp_path / "agent.csv.gz").exists()


def test_a_pool_that_is_not_in_the_policy_is_wrong_input(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))
    told = CliRunner().invoke(main, ["history", "agnet", "--policy", str(policy)])

    assert told.exit_code == 2
    assert "has no pool agnet" in told.output

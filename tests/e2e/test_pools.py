"""`stoker pools` and `stoker plan` with selected pools, against an emulated AWS: what they list, and that they only read."""

import json
from contextlib import asynccontextmanager

from adapters.sandbox.server import SandboxServer
from tests.e2e.daemons import sandbox_of
from tests.services import typed

POLICY = """version: 1
defaults: {max: 10}
pools:
  - name: own
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: agent-b, alias: live}
select:
  - include: {name: "agent-*", alias: live}
    exclude: {name: "*-test"}
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1}
    most: 2
"""


@asynccontextmanager
async def opened(tmp_path):
    sandbox = sandbox_of(**{"agent-a": 4, "agent-b": 2, "agent-c": 0, "agent-d": 0, "agent-test": 1, "other": 1})
    (tmp_path / "policy.yaml").write_text(POLICY)
    async with SandboxServer(sandbox) as server:
        async def command(name, *arguments):
            return await typed(name, str(tmp_path / "policy.yaml"), "--sandbox-url", server.url, *arguments)
        yield sandbox, command


async def test_pools_lists_those_of_the_file_and_the_selected_ones_and_only_reads(tmp_path):
    async with opened(tmp_path) as (sandbox, command):
        told, shown = await command("pools", "-o", "json"), await command("pools")

    assert told.exit_code == 0, told.output
    body = json.loads(told.stdout)
    assert (body["schema"], body["errors"]) == ("stoker/pools/v1", [])
    assert [(pool["name"], pool["entry"]) for pool in body["pools"]] == [("own", None), ("agent-a", 0), ("agent-c", 0)]
    assert [(each["resource"], each["bound"]) for each in body["left_out"]] == [("agent-d:live in us-east-1", True)]
    assert "select[0]: 2 of at most 2 pools; all units at max would cost 219.00 USD/month" in shown.output
    assert "no pool for agent-d:live in us-east-1: most: 2 is reached" in shown.output
    assert sandbox.calls.mutating.total() == 0


async def test_a_place_that_cannot_be_listed_is_a_failure_and_the_rest_is_shown(tmp_path):
    async with opened(tmp_path) as (sandbox, command):
        sandbox.credentials.denied.add("lambda:ListFunctions")
        told = await command("pools")

    assert told.exit_code == 1
    assert "own" in told.stdout
    assert "lambda:ListFunctions" in told.stderr
    assert "its pools are missing here" in told.stderr


async def test_plan_includes_selected_pools(tmp_path):
    async with opened(tmp_path) as (_, command):
        told = await command("plan", "-o", "json")

    assert [pool["pool"] for pool in json.loads(told.stdout)["pools"]] == ["own", "agent-a", "agent-c"], told.output

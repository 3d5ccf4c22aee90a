"""`stoker discover` against emulated clouds: what it proposes, what it leaves out, and that it only reads."""

import json
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from google.cloud import run_v2

from adapters.kinds import policy_kinds
from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.world import RunSandbox
from adapters.sandbox.server import SandboxServer
from config.loading.loader import load_policy
from controller.cli import main
from tests.e2e.daemons import sandbox_of, steady_history
from tests.services import typed

NEEDED = {"lambda:ListFunctions", "lambda:ListAliases", "cloudwatch:ListMetrics", "cloudwatch:GetMetricData",
          "run.services.list", "monitoring.timeSeries.list"}


def clouds():
    """AWS with an alias that is worth it and one of every kind that is not; more functions than a page of the list holds."""
    aws = sandbox_of(agent=4, snap=1, managed_by_latest=1, unaliased=1, unused=0)
    aws.hosted("snap").function.versions["1"].snap_start = True
    aws.hosted("managed_by_latest").function.aliases["live"].version = "$LATEST"
    unaliased = aws.hosted("unaliased").function
    unaliased.aliases.clear()
    unaliased.alias = "$LATEST"
    for number in range(55):
        aws.add_function(f"silent-{number}")
    google = RunSandbox(sandbox_of())
    google.add_service("chat", steady_history(3), startup_seconds=0.2)
    google.add_service("resting")
    google.add_service("by-hand", steady_history(1))
    scaling = google.find("projects/acme/locations/europe-west1/services/by-hand").service.message.scaling
    scaling.scaling_mode, scaling.manual_instance_count = run_v2.ServiceScaling.ScalingMode.MANUAL, 2
    return aws, google


@asynccontextmanager
async def opened():
    aws, google = clouds()
    async with GrpcSandboxServer(google) as server, SandboxServer(aws) as http:
        async def discover(*arguments):
            where = ["--region", "us-east-1", "--project", "acme", "--location", "europe-west1", "--sandbox-url", http.url,
                     "--sandbox-grpc", server.target]
            return await typed("discover", *where, *arguments)
        yield aws, google, discover


async def test_the_draft_is_a_policy_in_shadow_with_ceilings_above_the_peaks_and_it_only_reads(tmp_path):
    async with opened() as (aws, google, discover):
        told = await discover("--output", str(tmp_path / "policy.yaml"))

    assert told.exit_code == 0, told.output
    policy = load_policy(tmp_path / "policy.yaml", policy_kinds())
    ceilings = {pool.name: pool.max for pool in policy.pools}
    assert ceilings.keys() == {"agent", "chat"}
    assert ceilings["agent"] == 6
    assert ceilings["chat"] >= 5
    assert {pool.mode for pool in policy.pools} == {"shadow"}
    assert aws.calls.mutating.total() + google.calls.mutating.total() == 0
    assert aws.credentials.used.keys() | google.used.keys() == NEEDED


async def test_comments_state_what_was_found_and_why_the_rest_is_left_out():
    async with opened() as (_, _, discover):
        text = (await discover()).stdout

    assert "peak concurrency 4, 57," in text
    assert "1024 MB, x86_64" in text
    for name, why in (("unaliased", "not by an alias"), ("snap:live", "SnapStart"),
                      ("managed_by_latest:live", "points to $LATEST"),
                      ("unused", "not invoked"), ("silent-54", "not invoked in the last 14 days"),
                      ("by-hand", "manual scaling to 2 instances"), ("resting", "no request in the last 14 days")):
        assert [line for line in text.splitlines() if line.startswith(f"#   {name}: ") and why in line], name


async def test_an_existing_file_is_kept_without_force_and_no_call_is_made(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text("mine\n")
    async with opened() as (aws, google, discover):
        told = await discover("--output", str(path))
        asked = aws.calls.reading.total() + google.calls.reading.total()
        kept = path.read_text()
        forced = await discover("--output", str(path), "--force")

    assert (told.exit_code, kept, asked) == (2, "mine\n", 0)
    assert "--force" in told.output
    assert forced.exit_code == 0
    assert path.read_text().startswith("# Drafted by `stoker discover --region us-east-1 --project acme --location europe-west1`")


async def test_a_missing_permission_is_reported_in_one_line(tmp_path):
    async with opened() as (aws, _, discover):
        aws.credentials.denied |= {"lambda:ListFunctions"}
        told = await discover()

    assert told.exit_code == 1
    assert "permission lambda:ListFunctions is missing" in told.output
    assert "Traceback" not in told.output


async def test_json_has_the_same_content():
    async with opened() as (_, _, discover):
        body = json.loads((await discover("--json")).stdout)

    agent = next(pool for pool in body["pools"] if pool["name"] == "agent")
    assert agent["peak"] == 4
    assert agent["invocations_a_day"] == pytest.approx(57_600, rel=0.02)
    assert {each["name"] for each in body["skipped"]} >= {"unaliased", "by-hand"}


@pytest.mark.parametrize("arguments", [[], ["--project", "acme"], ["--location", "europe-west1"]])
def test_a_provider_needs_its_region_or_project(arguments):
    assert CliRunner().invoke(main, ["discover", *arguments]).exit_code == 2


async def test_an_invalid_region_is_reported(tmp_path):
    async with SandboxServer(sandbox_of(agent=1)) as http:
        told = await typed("discover", "--region", "nowhere", "--sandbox-url", http.url)

    assert told.exit_code == 1
    assert "not an AWS region" in told.output


def test_the_page_names_every_permission_that_is_used():
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text().split("## stoker discover\n")[1].split("\n## ")[0]

    assert [action for action in NEEDED if f"`{action}`" not in page] == []

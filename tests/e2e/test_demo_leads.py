"""An agent with its tools and a queue with its workers: the daemon reads the signals over boto3 and follows them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from controller.demo.lead_traffic import TOOLS
from tests.e2e.daemons import stoker
from tests.e2e.test_demo import WITHOUT_PRICE_CURVE, logged
from tests.patience import PATIENCE_SECONDS

pytest.importorskip("boto3")


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> tuple[dict, Path]:
    folder = tmp_path_factory.mktemp("played")
    command = [sys.executable, "-c", WITHOUT_PRICE_CURVE, "demo", "--leads", "--port", "0", "--duration", "25m",
               "--speed", "1200", "--json", "--keep", str(folder)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout), folder


def test_the_agent_its_tools_and_the_workers_are_warmed(played):
    pools = played[0]["pools"]

    assert set(pools) == {"planner", "worker", *TOOLS}
    assert pools["worker"]["cold_starts"] < pools["worker"]["cold_starts_without_stoker"]


def test_tools_follow_their_agent_and_workers_their_queue(played):
    followed = {(event["pool"], signal) for event in logged(played[1]) if event["event"] == "decision"
                for signal in ("pool planner", "cloudwatch AWS/SQS:ApproximateNumberOfMessagesVisible")
                if f"leading signal {signal}" in event["text"] and "not followed" not in event["text"]}

    assert ("worker", "cloudwatch AWS/SQS:ApproximateNumberOfMessagesVisible") in followed
    assert len({pool for pool, signal in followed if signal == "pool planner"} & set(TOOLS)) >= 3
    assert [event for event in logged(played[1]) if event["event"] in ("lead-failed", "collect-failed", "tick-failed")] == []


async def test_leads_cannot_be_combined_with_a_recording():
    code, _, told = await stoker("demo", "--leads", "--port", "0", "--history", "any.csv")

    assert code == 2
    assert "--leads cannot be combined with --history" in told

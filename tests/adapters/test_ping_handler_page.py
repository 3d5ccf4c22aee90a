"""The helpers of docs/ping-handler.md do what the pings expect of them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from adapters.aws.lambda_.ping_payloads import Ping, environment_in, misunderstood, parameters, provisioned_in
from adapters.web.client import Client
from adapters.web.pings import HttpPinger
from tests.adapters.conformance.ping_stage import http_pool, ping_pool
from tests.patience import PATIENCE_SECONDS
from tests.web_servers import served

PAGE = (Path(__file__).parents[2] / "docs" / "ping-handler.md").read_text()
LAMBDA = ping_pool(hold_ms=30).lever
EVENT = json.loads(parameters(LAMBDA, Ping(0, 1, "mark", 30))["Payload"])


def block(heading: str, language: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n.*?```{language}\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


@pytest.mark.parametrize(("kind", "provisioned"), [("provisioned-concurrency", True), ("on-demand", False), (None, None)])
def test_the_python_helper_reports_its_initialization_type(monkeypatch, kind, provisioned):
    names: dict = {}
    exec(block("Lambda, Python", "python"), names)  # noqa: S102  (it is ours)
    monkeypatch.delenv("AWS_LAMBDA_INITIALIZATION_TYPE", raising=False)
    if kind is not None:
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)

    assert provisioned_in(names["answers_pings"](print)(EVENT, None)) is provisioned


def test_the_python_helper_answers_pings_and_lets_all_else_through():
    names: dict = {}
    exec(block("Lambda, Python", "python"), names)  # noqa: S102  (it is ours)
    handler = names["answers_pings"](lambda event, context: {"worked on": event})
    answer = handler(EVENT, None)

    assert not misunderstood(LAMBDA, answer)
    assert environment_in(answer) == environment_in(handler(EVENT, None)) == names["ENVIRONMENT"]
    assert answer["stoker_ping"]["held_ms"] == 30
    for event in ({"question": "?"}, None, [], "text", {"stoker_ping": True}):
        assert handler(event, None) == {"worked on": event}
        assert misunderstood(LAMBDA, handler(event, None))


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_the_node_helper_answers_pings_and_lets_all_else_through():
    code = block("Lambda, Node", "js").replace("// ...", "return { worked: event }")
    script = (f"{code}\n;(async () => console.log(JSON.stringify([await exports.handler({json.dumps(EVENT)}), "
              "await exports.handler({question: 1}), await exports.handler(null)])))()")
    told = subprocess.run(["node", "-e", script], capture_output=True, text=True, timeout=PATIENCE_SECONDS,
                          env={**os.environ, "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"})
    ping, other, nothing = json.loads(told.stdout)

    assert not misunderstood(LAMBDA, ping)
    assert provisioned_in(ping) is True
    assert ping["stoker_ping"]["held_ms"] == 30
    assert (other, nothing) == ({"worked": {"question": 1}}, {"worked": None})


async def test_the_http_helper_holds_pings_and_names_its_unit():
    names: dict = {}
    exec(block("HTTP, Python (aiohttp)", "python"), names)  # noqa: S102  (it is ours)
    async with served(names["ping"]) as url:
        client = Client()
        pinger = HttpPinger(http_pool(url=f"{url}/ping", hold_ms=60).lever, client)
        answers = await pinger.burst(5, 0.06)
        await client.close()

    assert {answer.unit for answer in answers} == {names["UNIT"]}
    assert all(answer.answered - answer.sent >= 0.06 for answer in answers)
    assert not any(answer.cold for answer in answers)

"""What a receiver of OTLP that this project did not write gets from a real daemon."""

import json
import signal

from tests.e2e.daemons import daemon, policy_text, sandbox_of, serving
from tests.foreign import servers


def spans_of(tap):
    """Every span in the receiver's log, one a line."""
    return [json.loads(line) for line in tap.text().splitlines() if line.startswith("{")]


def facts(span):
    """Attributes as text."""
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


async def test_a_tick_arrives_as_one_trace_down_to_its_write(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    with servers.oteltap(tmp_path / "tap") as tap:
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": tap.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url, environment=environment) as run:
            await run.until(lambda: {"tick", "write"} <= {span["name"] for span in spans_of(tap)})
            assert await run.end(signal.SIGTERM) == 0
        spans = spans_of(tap)

    names = {span["spanId"]: span["name"] for span in spans}
    parents = {(span["name"], names.get(span["parentSpanId"], "")) for span in spans}
    write = next(span for span in spans if span["name"] == "write")
    assert parents >= {("tick", ""), ("collect", "tick"), ("choose", "tick"), ("plan", "tick"), ("step", "plan"),
                       ("write", "step")}
    assert facts(write)["stoker.pool"] == "agent"
    assert int(facts(write)["stoker.target"]) >= 3
    assert write["traceId"] in {span["traceId"] for span in spans if span["name"] == "tick"}
    assert int(write["startTimeUnixNano"]) <= int(write["endTimeUnixNano"])

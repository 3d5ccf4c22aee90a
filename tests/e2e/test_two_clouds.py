"""One daemon, two clouds: an alias of Lambda and a Cloud Run service in one policy, each over its own wire."""

import signal

from google.cloud import run_v2

from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.settings import RunSettings
from adapters.sandbox.gcp.world import RunSandbox
from tests.e2e.daemons import daemon, policy_text, puts, sandbox_of, serving, steady_history, stoker

SERVICE = "projects/acme/locations/europe-west1/services/chat"
CHAT = """\
  - name: chat
    lever: {kind: cloud-run-min-instances, project: acme, location: europe-west1, service: chat}
    min: 3
    max: 20
"""


def both():
    """A function `agent` and a service `chat`, on one clock."""
    sandbox = sandbox_of(agent=5)
    google = RunSandbox(sandbox, RunSettings(placement_seconds=(0.1, 0.3)))
    google.add_service("chat", steady_history(4), startup_seconds=0.2)
    return sandbox, google


def spec(google: RunSandbox) -> run_v2.Service:
    """What its owner said of the service, but for the minimum."""
    message = google.find(SERVICE).service.message
    bare = run_v2.Service(template=message.template, traffic=message.traffic, labels=message.labels, scaling=message.scaling)
    bare.scaling.min_instance_count = 0
    return bare


async def test_both_pools_get_their_floor_and_nothing_else_changes(tmp_path):
    (sandbox, google), policy = both(), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3) + CHAT)
    before = spec(google)
    async with (GrpcSandboxServer(google) as server, serving(sandbox) as url,
                daemon(policy, tmp_path / "state", url, "--sandbox-grpc", server.target) as run):
        await run.until(lambda: puts(sandbox) and google.calls.accepted("UpdateService"))
        assert await run.end(signal.SIGTERM) == 0

    (written,) = google.calls.accepted("UpdateService")
    assert written.value >= 3
    assert written.qualifier == "scaling.min_instance_count"
    assert google.find(SERVICE).service.message.scaling.min_instance_count == written.value
    assert run_v2.Service.pb(spec(google)) == run_v2.Service.pb(before)
    assert min(puts(sandbox)) >= 3


async def test_a_plan_shows_both_and_changes_neither(tmp_path):
    (sandbox, google), policy = both(), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3) + CHAT)
    async with GrpcSandboxServer(google) as server, serving(sandbox) as url:
        code, out, err = await stoker("plan", "--policy", str(policy), "--detailed-exitcode", "--sandbox-url", url,
                                      "--sandbox-grpc", server.target)

    assert code == 3, err
    assert "agent" in out
    assert "chat" in out
    assert sandbox.calls.mutating.total() == 0


async def test_an_unreachable_cloud_does_not_affect_the_other(tmp_path):
    (_, google), policy = both(), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3) + CHAT)
    async with (GrpcSandboxServer(google) as server,
                daemon(policy, tmp_path / "state", "http://127.0.0.1:9", "--sandbox-grpc", server.target) as run):
        await run.until(lambda: google.calls.accepted("UpdateService") and run.told("decision", pool="agent"))

        assert "cannot be reached" in run.told("decision", pool="agent")[0]["text"]
        assert await run.end(signal.SIGTERM) == 0

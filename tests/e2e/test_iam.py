"""What `stoker iam` prints is what a daemon needs, no less and no more: the clouds allow nothing else here."""

import json

from click.testing import CliRunner

from adapters.gcp.permissions import ACT_AS
from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.settings import RunSettings
from adapters.sandbox.gcp.world import RunSandbox
from controller.cli import main
from tests.e2e.daemons import daemon, sandbox_of, serving, steady_history, stoker

LEASE = "lease: {kind: dynamodb, region: us-east-1, table: stoker-lease}"
POLICY = f"""
version: 1
{LEASE}
defaults: {{mode: active, max: 20, scale_down_delay: 0s}}
pools:
  - {{name: raised, min: 3, lever: {{kind: lambda-provisioned-concurrency, region: us-east-1, function: raised, alias: live}}}}
  - {{name: emptied, lever: {{kind: lambda-provisioned-concurrency, region: us-east-1, function: emptied, alias: live}}}}
  - {{name: watched, mode: shadow, min: 2,
     lever: {{kind: lambda-provisioned-concurrency, region: us-east-1, function: watched, alias: live}}}}
  - {{name: pinged, min: 2,
     lever: {{kind: lambda-ping, region: us-east-1, function: pinged, alias: live, handler: stoker, opted_in: true}}}}
  - {{name: chat, min: 3, lever: {{kind: cloud-run-min-instances, project: acme, location: europe-west1, service: chat}}}}
  - {{name: seen, mode: shadow, min: 3,
     lever: {{kind: cloud-run-min-instances, project: acme, location: europe-west1, service: seen}}}}
"""


def worlds():
    sandbox = sandbox_of(raised=2, emptied=0, watched=1, pinged=1, unnamed=1)
    sandbox.tables["stoker-lease"] = {}
    emptied = sandbox.hosted("emptied").function
    emptied.capacity("live").put(5, sandbox.now_ms(), 0, init_fails=False)
    google = RunSandbox(sandbox, RunSettings(placement_seconds=(0.1, 0.3)))
    for name in ("chat", "seen"):
        google.add_service(name, steady_history(2), startup_seconds=0.2)
    seen = google.find("projects/acme/locations/europe-west1/services/seen")
    newer = seen.service.merged(seen.service.message, ["template"])
    newer.template.max_instance_request_concurrency = 80
    newer.traffic = [{"revision": "seen-00001", "percent": 100}]
    google.update(seen, newer, "deployer@acme.example")
    return sandbox, google


def told(policy) -> dict:
    """What `stoker iam` prints, by provider."""
    outcome = CliRunner().invoke(main, ["iam", str(policy), "--json"])
    assert outcome.exit_code == 0, outcome.stderr
    return json.loads(outcome.stdout)


def attach(printed: dict, sandbox, google) -> set[str]:
    """Have the clouds allow what was printed, and nothing else; all of its actions."""
    statements = [statement for document in printed["aws"] for statement in document["Statement"]]
    sandbox.credentials.policy = {"Version": "2012-10-17", "Statement": statements}
    google.granted = {}
    for project in printed["google"]:
        for role in project["roles"]:
            for permission in role["permissions"]:
                google.granted.setdefault(permission, set()).update(role["on"])
    return {action for statement in statements for action in statement["Action"]} | google.granted.keys()


async def test_a_daemon_needs_exactly_the_printed_permissions(tmp_path):
    (sandbox, google), policy = worlds(), tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    printed = attach(told(policy), sandbox, google)

    def used():
        return sandbox.credentials.used.keys() | google.used.keys()

    async with (GrpcSandboxServer(google) as server, serving(sandbox) as url,
                daemon(policy, tmp_path / "state", url, "--sandbox-grpc", server.target, "--tick-seconds", "1") as run):
        await run.until(lambda: used() >= printed)
        await run.until(lambda: {line["pool"] for line in run.told("decision")} >= {"watched", "seen"})

    assert used() == printed
    assert (sandbox.credentials.refused, google.refused) == ({}, {})
    assert ACT_AS not in printed, "no call asks for it, so it is told apart from the roles"
    written = {write.function for write in sandbox.calls.writes}
    assert written == {"raised", "emptied", "pinged", "chat"}


async def test_the_permissions_of_shadow_mode_are_read_only_and_suffice_for_a_plan(tmp_path):
    (sandbox, google), policy = worlds(), tmp_path / "policy.yaml"
    policy.write_text(POLICY.replace("mode: active", "mode: shadow").replace(LEASE, ""))
    printed = attach(told(policy), sandbox, google)
    async with GrpcSandboxServer(google) as server, serving(sandbox) as url:
        code, _, err = await stoker("plan", "--policy", str(policy), "--sandbox-url", url, "--sandbox-grpc", server.target)

    assert code == 0, err
    assert (sandbox.credentials.refused, google.refused) == ({}, {})
    assert not {action for action in printed if "Put" in action or "Delete" in action or "Invoke" in action or "update" in action}

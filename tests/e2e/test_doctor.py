"""`stoker doctor` against emulated clouds: it reports faults, changes nothing, and does not wait for a provider that hangs."""

import json
from contextlib import asynccontextmanager
from datetime import timedelta

import numpy as np
import pytest

from adapters.kinds import grants, policy_kinds
from adapters.ports.diagnostics import Verdict
from adapters.registry import Registry
from adapters.runtime.clock import SystemClock
from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.world import RunSandbox
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.settings import Settings
from adapters.sandbox.world import Sandbox
from config.loading.loader import load_policy
from controller.preflight.doctor import examine
from tests.e2e.daemons import policy_text, sandbox_of, steady_history, stoker
from tests.fakes import Ahead
from tests.patience import PATIENCE_SECONDS
from tests.services import typed

POLICY = """
version: 1
defaults: {mode: active, max: 20}
pools:
  - {name: agent, lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: agent, alias: live}}
  - {name: tool, lever: {kind: lambda-ping, region: us-east-1, function: tool, alias: live, handler: stoker, opted_in: true}}
  - {name: chat, lever: {kind: cloud-run-min-instances, project: acme, location: europe-west1, service: chat}}
"""
UNTRIED = {"lambda:PutProvisionedConcurrencyConfig", "lambda:DeleteProvisionedConcurrencyConfig", "iam.serviceAccounts.actAs"}


class Clinic:
    """Two emulated clouds and a policy for them."""

    def __init__(self, policy, aws, google, url, target):
        self.policy, self.aws, self.google, self.url, self.target = policy, aws, google, url, target
        self.waited_for: list[list[str]] = []

    async def findings(self, state_dir, clock=None, patience=PATIENCE_SECONDS):
        clock = clock or SystemClock()
        policy = load_policy(self.policy, policy_kinds())
        registry = Registry(clock, np.random.default_rng(0), sandbox_url=self.url, sandbox_grpc=self.target)
        try:
            return await examine(policy, registry, grants(policy), clock, state_dir,
                                 lambda waiting: self.waited_for.append(list(waiting)), patience)
        finally:
            await registry.close()


@asynccontextmanager
async def opened(folder):
    policy = folder / "policy.yaml"
    policy.write_text(POLICY)
    aws = sandbox_of(agent=2, tool=1)
    google = RunSandbox(sandbox_of())
    google.add_service("chat", steady_history(2), startup_seconds=0.2)
    async with GrpcSandboxServer(google) as server, SandboxServer(aws) as http:
        yield Clinic(policy, aws, google, http.url, server.target)


@pytest.fixture
async def clinic(tmp_path):
    async with opened(tmp_path) as made:
        yield made


def of(findings, *, check=None, verdict=None):
    return [finding for finding in findings if check in (None, finding.check) and verdict in (None, finding.verdict)]


def subjects(findings, **wanted):
    return {finding.subject for finding in of(findings, **wanted)}


async def test_a_sound_setup_passes_all_checks_and_active_pools_are_not_changed(clinic, tmp_path):
    found = await clinic.findings(tmp_path / "state")

    assert of(found, verdict=Verdict.FAIL) == []
    assert of(found, verdict=Verdict.WARN) == []
    assert subjects(found, check="pool") == subjects(found, check="metrics") == {"agent", "tool", "chat"}
    assert subjects(found, check="clock", verdict=Verdict.OK) == {"AWS in us-east-1", "acme in europe-west1"}
    assert subjects(found, check="permission", verdict=Verdict.UNCHECKED) == UNTRIED
    assert clinic.aws.calls.mutating.total() + clinic.google.calls.mutating.total() == 0
    assert clinic.aws.calls.writes == clinic.google.calls.writes == []
    assert {"Invoke", "GetAlias"} <= clinic.aws.calls.reading.keys()
    assert {"TestIamPermissions", "ListTimeSeries"} <= clinic.google.calls.reading.keys()


@pytest.mark.parametrize(("mode", "more", "verdicts"), [
    ("shadow", "", {Verdict.WARN}), ("active", "", {Verdict.UNCHECKED}), ("shadow", "keep_setting: true", set()),
    ("shadow", "min: 1", set()),
])
async def test_an_existing_setting_that_a_target_of_zero_would_delete_is_reported(clinic, tmp_path, mode, more, verdicts):
    clinic.aws.hosted("agent").function.capacity("live").put(5, clinic.aws.now_ms(), 0, init_fails=False)
    clinic.policy.write_text(f"""version: 1
pools:
  - name: agent
    mode: {mode}
    max: 30
    lever: {{kind: lambda-provisioned-concurrency, region: us-east-1, function: agent, alias: live}}
    {more}
""")
    found = of(await clinic.findings(tmp_path / "state"), check="setting")

    assert {finding.verdict for finding in found} == verdicts
    assert all("is set to 5" in finding.text and "keep_setting: true" in finding.text for finding in found)


async def test_every_permission_that_is_missing_is_named_and_no_other(clinic, tmp_path):
    missing = {"lambda:GetAlias", "application-autoscaling:DescribeScalableTargets", "lambda:InvokeFunction",
               "lambda:GetAccountSettings"}
    clinic.aws.credentials.denied |= missing
    clinic.google.denied |= {"run.services.update", "run.services.list"}
    found = await clinic.findings(tmp_path / "state")

    assert subjects(found, check="permission", verdict=Verdict.FAIL) == missing | {"run.services.update", "run.services.list"}
    assert all("stoker iam" in finding.remedy for finding in of(found, check="permission", verdict=Verdict.FAIL))
    assert subjects(found, check="credentials", verdict=Verdict.FAIL) == set()


async def test_refused_credentials_are_reported_as_refused(clinic, tmp_path):
    clinic.aws.credentials.expired |= clinic.aws.credentials.accepted
    clinic.google.expired |= clinic.google.accepted
    found = await clinic.findings(tmp_path / "state")

    assert subjects(found, verdict=Verdict.FAIL) == {"AWS", "acme in europe-west1"}
    assert subjects(found, check="pool", verdict=Verdict.SKIPPED) == {"agent", "tool", "chat"}
    assert subjects(found, check="permission", verdict=Verdict.OK) == set()
    assert {finding.text for finding in of(found, verdict=Verdict.SKIPPED)} == {
        "needs credentials of AWS, which failed", "needs credentials of acme in europe-west1, which failed"}
    assert subjects(found, check="clock", verdict=Verdict.OK) == {"AWS in us-east-1", "acme in europe-west1"}, (
        "a refusal bears a date, too")


@pytest.mark.parametrize(("ahead", "verdict"), [(60, Verdict.WARN), (-60, Verdict.WARN), (600, Verdict.FAIL)])
async def test_a_wrong_clock_is_measured_against_the_clock_of_the_provider(clinic, tmp_path, ahead, verdict):
    found = of(await clinic.findings(tmp_path / "state", Ahead(timedelta(seconds=ahead))), check="clock")

    assert {finding.verdict for finding in found} == {verdict}
    assert all(("ahead" if ahead > 0 else "behind") in finding.text for finding in found)


async def test_a_provider_that_hangs_is_reported_and_delays_no_other(clinic, tmp_path):
    clinic.aws.faults.hang()
    found = await clinic.findings(tmp_path / "state", patience=5.0)

    assert subjects(found, check="pool", verdict=Verdict.OK) == {"chat"}
    assert subjects(found, check="metrics", verdict=Verdict.OK) == {"chat"}
    assert subjects(found, verdict=Verdict.FAIL) == {"credentials of AWS"}
    assert {"pool agent", "pool tool"} <= subjects(found, check="answer", verdict=Verdict.SKIPPED)
    assert {"run.services.get", "run.services.list", "run.services.update", "monitoring.timeSeries.list"} <= subjects(
        found, check="permission", verdict=Verdict.OK)
    assert "pool chat" in clinic.waited_for[0]
    assert any("pool agent" in waiting and "pool chat" not in waiting for waiting in clinic.waited_for)


TWO_REGIONS = """version: 1
pools:
  - {name: agent, max: 5, lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: agent, alias: live}}
  - {name: tool, max: 5, lever: {kind: lambda-provisioned-concurrency, region: eu-west-1, function: tool, alias: live}}
lease: {kind: dynamodb, region: us-east-1, table: stoker}
"""


async def test_missing_credentials_are_one_failure_for_all_regions_and_the_lease(clinic, tmp_path):
    clinic.aws.credentials.expired |= clinic.aws.credentials.accepted
    clinic.policy.write_text(TWO_REGIONS)
    found = await clinic.findings(tmp_path / "state")

    assert [(finding.check, finding.subject) for finding in of(found, verdict=Verdict.FAIL)] == [("credentials", "AWS")]
    assert "have expired" in of(found, verdict=Verdict.FAIL)[0].text
    assert {"AWS in us-east-1", "AWS in eu-west-1", "agent", "tool"} <= subjects(found, verdict=Verdict.SKIPPED)
    assert {finding.check for finding in of(found, verdict=Verdict.SKIPPED)} >= {
        "credentials", "pool", "answer", "permission", "quota", "lease"}


@pytest.mark.parametrize(("region", "similar"), [("us-east-11", "us-east-1, us-east-2"), ("eu-wets-1", "eu-west-1")])
async def test_a_region_that_aws_does_not_list_is_reported(clinic, tmp_path, region, similar):
    clinic.policy.write_text(TWO_REGIONS.partition("lease")[0].replace("eu-west-1", region))
    answers = of(await clinic.findings(tmp_path / "state"), check="region")

    assert [(finding.verdict, finding.subject) for finding in answers] == [(Verdict.WARN, f"AWS in {region}")]
    assert similar in answers[0].text


async def test_two_aliases_on_one_version_are_a_failure(clinic, tmp_path):
    function = clinic.aws.hosted("agent").function
    function.aliases["beta"] = function.aliases["live"]
    lever = "{kind: lambda-provisioned-concurrency, region: us-east-1, function: agent, alias: ALIAS}"
    pools = "".join(f"  - {{name: {name}, max: 5, lever: {lever.replace('ALIAS', name)}}}\n" for name in ("live", "beta"))
    clinic.policy.write_text(f"version: 1\npools:\n{pools}")
    found = of(await clinic.findings(tmp_path / "state"), check="version")

    assert [(finding.verdict, finding.subject) for finding in found] == [(Verdict.FAIL, "agent")]
    assert "the aliases live and beta point to version" in found[0].text


async def test_obstacles_to_writes_are_reported_before_any_write(clinic, tmp_path):
    clinic.aws.scalable_targets["function:agent:live"] = {
        "ServiceNamespace": "lambda", "ScalableDimension": "lambda:function:ProvisionedConcurrency", "MinCapacity": 1,
        "ResourceId": "function:agent:live", "MaxCapacity": 9, "CreationTime": 0, "RoleARN": "arn:aws:iam::1:role/x"}
    clinic.aws.hosted("tool").function.reserved = 4
    text = clinic.policy.read_text().replace("service: chat", "service: gone").replace("max: 20", "max: 2000")
    clinic.policy.write_text(text)
    found = await clinic.findings(tmp_path / "state")

    owned = of(found, check="pool", verdict=Verdict.WARN)
    assert [finding.subject for finding in owned] == ["agent"]
    assert "Application Auto Scaling" in owned[0].text
    assert {"tool", "agent", "concurrency in us-east-1"} <= subjects(found, check="quota", verdict=Verdict.WARN)
    assert subjects(found, check="pool", verdict=Verdict.FAIL) == {"chat"}
    assert subjects(found, check="permission", verdict=Verdict.FAIL) == set(), "what is not there is no missing permission"


async def test_a_lease_is_read_and_not_acquired(clinic, tmp_path):
    clinic.policy.write_text("lease: {kind: dynamodb, region: us-east-1, table: our-lease}" + POLICY)
    missing = await clinic.findings(tmp_path / "state")
    clinic.aws.tables["our-lease"] = {}
    found = await clinic.findings(tmp_path / "state")

    assert [finding.verdict for finding in of(missing, check="lease")] == [Verdict.FAIL]
    assert [(finding.verdict, finding.text) for finding in of(found, check="lease")] == [(Verdict.OK, "no leader")]
    assert {"dynamodb:PutItem", "dynamodb:ConditionCheckItem"} <= subjects(found, check="permission", verdict=Verdict.UNCHECKED)
    assert clinic.aws.tables["our-lease"] == {}


@pytest.mark.parametrize(("place", "verdict", "words"), [
    ("lease.db", Verdict.OK, "does not exist yet; `stoker run` creates it"),
    ("missing/lease.db", Verdict.FAIL, "missing does not exist"),
    ("policy.yaml/lease.db", Verdict.FAIL, "policy.yaml is not a folder"), ("folder", Verdict.FAIL, "lease.path")])
async def test_a_lease_file_that_cannot_be_created_is_reported_with_its_setting(clinic, tmp_path, place, verdict, words):
    (tmp_path / "folder").mkdir()
    clinic.policy.write_text(f"lease: {{kind: sqlite, path: {tmp_path / place}}}" + POLICY)
    told, = of(await clinic.findings(tmp_path / "state"), check="lease")

    assert told.verdict is verdict
    assert words in told.text


async def test_metrics_that_stopped_are_reported(clinic, tmp_path):
    clinic.aws.faults.late_seconds = 3 * 3600
    found = await clinic.findings(tmp_path / "state")

    assert {"agent", "tool"} <= subjects(found, check="metrics") - subjects(found, check="metrics", verdict=Verdict.OK)
    assert of(found, check="metrics", verdict=Verdict.OK)[0].subject == "chat"


@pytest.mark.parametrize(("setting", "verdict"), [("hold", Verdict.WARN), ("trust", Verdict.OK)])
async def test_an_idle_function_alone_in_its_region_is_not_reported_as_broken_metrics(tmp_path, setting, verdict):
    aws = Sandbox(SystemClock(), settings=Settings(claims_while_idle=False))
    whole = steady_history(2)
    aws.add_function("agent", whole.window(whole.first_minute, whole.end_minute - 240))
    text = policy_text("agent").replace("mode: active", f"mode: active, on_quiet_region: {setting}")
    (tmp_path / "policy.yaml").write_text(text)
    async with SandboxServer(aws) as http:
        found = await Clinic(tmp_path / "policy.yaml", aws, None, http.url, None).findings(tmp_path / "state")

    (told,) = of(found, check="metrics")
    assert told.verdict is verdict
    assert setting == "trust" or "nothing has run in us-east-1 since 20" in told.text
    assert setting == "trust" or "on_quiet_region: trust" in told.remedy


async def test_the_command_ends_with_1_when_anything_fails_and_0_otherwise(clinic, tmp_path):
    ask = ("doctor", str(clinic.policy), "--state-dir", str(tmp_path / "state"), "--sandbox-url", clinic.url, "--sandbox-grpc",
           clinic.target)
    good = await typed(*ask, "--json")
    clinic.aws.credentials.denied |= {"lambda:GetAlias"}
    code, out, err = await stoker(*ask)

    assert good.exit_code == 0, good.output
    assert json.loads(good.stdout)["ok"]
    assert code == 1
    assert "3 fail, 0 warn, 3 unchecked" in out, "the permission, and the two pools that need it"
    assert err == "", "what is no terminal is told no progress"
    assert not (tmp_path / "state").exists()


LAYERED = """version: 1
pools:
  - name: agent
    mode: active
    max: 20
    levers:
      - {kind: lambda-provisioned-concurrency, region: us-east-1, function: agent, alias: live}
      - {kind: lambda-ping, region: us-east-1, function: agent, alias: live, handler: stoker, opted_in: OPTED}
"""


async def test_both_layers_of_a_pool_are_checked_and_its_metrics_once(clinic, tmp_path):
    clinic.policy.write_text(LAYERED.replace("OPTED", "true"))
    clinic.aws.credentials.denied |= {"lambda:InvokeFunction"}
    found = await clinic.findings(tmp_path / "state")

    assert subjects(found, check="pool", verdict=Verdict.OK) == {"agent", "agent:pings"}
    assert [finding.subject for finding in of(found, check="metrics")] == ["agent"]
    assert subjects(found, check="permission", verdict=Verdict.FAIL) == {"lambda:InvokeFunction"}
    assert {"lambda:PutProvisionedConcurrencyConfig", "lambda:DeleteProvisionedConcurrencyConfig"} == subjects(
        found, check="permission", verdict=Verdict.UNCHECKED)
    (quota,) = (finding for finding in of(found, check="quota") if finding.subject.startswith("CloudWatch"))
    clinic.policy.write_text(POLICY.replace(POLICY[POLICY.index("  - {name: tool"):], ""))
    (single,) = (finding for finding in of(await clinic.findings(tmp_path / "state"), check="quota")
                 if finding.subject.startswith("CloudWatch"))
    assert quota.text == single.text, "the metrics of an alias are read once"


async def test_what_only_a_ping_can_show_is_unchecked(clinic, tmp_path):
    clinic.policy.write_text(LAYERED.replace("OPTED", "true"))
    (layers,) = of(await clinic.findings(tmp_path / "state"), check="layers")

    assert (layers.subject, layers.verdict) == ("agent", Verdict.UNCHECKED)
    assert "lambda-provisioned-concurrency receive some of the pings" in layers.text


async def test_a_layer_whose_handler_is_not_opted_in_is_a_warning(clinic, tmp_path):
    clinic.policy.write_text(LAYERED.replace("OPTED", "false"))
    found = await clinic.findings(tmp_path / "state")

    assert subjects(found, check="pool", verdict=Verdict.WARN) == {"agent:pings"}
    assert any("opted in" in finding.text for finding in of(found, check="pool"))


async def test_provisioned_units_of_the_base_do_not_block_the_pings_above_it(clinic, tmp_path):
    clinic.aws.hosted("agent").function.capacity("live").put(5, clinic.aws.now_ms(), 0, init_fails=False)
    clinic.policy.write_text(LAYERED.replace("OPTED", "true"))
    found = await clinic.findings(tmp_path / "state")

    assert subjects(found, check="pool", verdict=Verdict.OK) == {"agent", "agent:pings"}


@pytest.mark.parametrize(("concurrency", "verdict"), [(1, Verdict.OK), (80, Verdict.WARN)])
async def test_instances_of_several_requests_are_a_warning_for_pings_above_a_minimum(clinic, tmp_path, concurrency, verdict):
    clinic.google.add_service("shared", steady_history(2), startup_seconds=0.2, concurrency=concurrency)
    clinic.policy.write_text("""version: 1
pools:
  - name: shared
    max: 20
    levers:
      - {kind: cloud-run-min-instances, project: acme, location: europe-west1, service: shared}
      - {kind: http-ping, url: 'https://shared.example/ping', opted_in: true}
""")
    found = of(await clinic.findings(tmp_path / "state"), check="layers")

    assert [finding.verdict for finding in found] == [Verdict.UNCHECKED, verdict]
    assert f"takes {concurrency} request" in found[1].text

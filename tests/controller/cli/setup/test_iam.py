"""`stoker iam` prints what must be allowed: no wildcard where a resource can be named, no write for shadow, pieces that fit."""

import json
import subprocess

import pytest
from click.testing import CliRunner

from adapters.aws.permissions import LONGEST
from controller.cli import main
from tests.patience import PATIENCE_SECONDS

AWS = "lever: {{kind: lambda-provisioned-concurrency, region: {region}, function: {name}, alias: live}}"


def pools(*names: str, mode: str = "active", region: str = "us-east-1") -> str:
    lines = [f"  - {{name: {name}, mode: {mode}, max: 9, {AWS.format(region=region, name=name)}}}" for name in names]
    return "version: 1\npools:\n" + "\n".join(lines) + "\n"


@pytest.fixture
def asked(tmp_path):
    """`stoker iam` on a policy of this text."""
    def ask(text: str, *arguments: str):
        path = tmp_path / "policy.yaml"
        path.write_text(text)
        return CliRunner().invoke(main, ["iam", str(path), *arguments])
    return ask


def statements(told) -> dict:
    assert told.exit_code == 0, told.stderr
    return {statement["Sid"]: statement for statement in json.loads(told.stdout)["Statement"]}


def test_writes_are_allowed_on_the_aliases_of_active_pools_alone(asked):
    found = statements(asked(pools("agent") + pools("watched", mode="shadow").split("pools:\n")[1]))

    assert found["SetWarmCapacity"]["Resource"] == ["arn:aws:lambda:us-east-1:*:function:agent:live"]
    assert "arn:aws:lambda:us-east-1:*:function:watched:live" in found["ReadWarmCapacity"]["Resource"]


def test_a_policy_in_shadow_mode_gets_no_write_permission(asked):
    assert "SetWarmCapacity" not in statements(asked(pools("agent", mode="shadow")))


def test_only_calls_that_know_no_resource_have_a_star_and_they_are_held_to_the_regions(asked):
    found = statements(asked(pools("agent")))
    stars = {sid for sid, statement in found.items() if "*" in (statement["Resource"], *statement["Resource"])}

    assert stars == {"ReadMetricsAndQuotas"}
    assert found["ReadMetricsAndQuotas"]["Condition"] == {"StringEquals": {"aws:RequestedRegion": ["us-east-1"]}}


@pytest.mark.parametrize(("region", "begin"), [
    ("us-gov-west-1", "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:"),
    ("cn-north-1", "arn:aws-cn:lambda:cn-north-1:123456789012:"),
    ("ap-southeast-2", "arn:aws:lambda:ap-southeast-2:123456789012:"),
])
def test_every_arn_has_the_account_and_the_partition(asked, region, begin):
    found = statements(asked(pools("agent", region=region), "--account", "123456789012"))

    assert all(name.startswith(begin) for name in found["SetWarmCapacity"]["Resource"] + found["ReadFunctions"]["Resource"])


def test_many_pools_make_several_documents_of_which_each_fits_and_none_lacks_a_pool(asked):
    names = [f"agent-number-{number}" for number in range(60)]
    documents = json.loads(asked(pools(*names), "--json").stdout)["aws"]
    written = [name for document in documents for statement in document["Statement"] if statement["Sid"] == "SetWarmCapacity"
               for name in statement["Resource"]]

    assert len(documents) > 1
    assert max(len(json.dumps(document, separators=(",", ":"))) for document in documents) <= LONGEST
    assert written == [f"arn:aws:lambda:us-east-1:*:function:{name}:live" for name in names]


def test_a_provider_that_no_pool_uses_is_wrong_input(asked):
    told = asked(pools("agent"), "--provider", "google")

    assert told.exit_code == 2
    assert "it has: aws" in told.stderr


def test_google_gets_commands_that_bind_the_writer_to_each_active_service(asked):
    lever = "lever: {kind: cloud-run-min-instances, project: acme, location: europe-west1, service: SERVICE}"
    text = "version: 1\npools:\n" + "".join(
        f"  - {{name: {name}, mode: {mode}, max: 9, {lever.replace('SERVICE', name)}}}\n"
        for name, mode in (("chat", "active"), ("seen", "shadow")))
    told = asked(text)
    bound = [line for line in told.stdout.splitlines() if "stokerWriter" in line and "binding" in line]

    assert told.exit_code == 0
    assert len(bound) == 1
    assert "gcloud run services add-iam-policy-binding chat " in bound[0]


GCLOUD = """#!/bin/sh
case "$*" in *"services describe"*) echo "$RUNS_AS"; exit ;; *"roles update"*) exit 1 ;; esac
echo "$*" >> "$TOLD"
"""
"""Stands in for gcloud: no role exists yet, and every service runs as RUNS_AS."""


@pytest.fixture
def carried_out(asked, tmp_path):
    """What gcloud was told by the commands that are printed for an active pool on Cloud Run, line by line."""
    def carry_out(stoker: str, runs_as: str = "chat-sa@acme.iam.gserviceaccount.com") -> list[str]:
        lever = "{kind: cloud-run-min-instances, project: acme, location: europe-west1, service: chat}"
        text = asked(f"version: 1\npools:\n  - {{name: chat, mode: active, max: 9, lever: {lever}}}\n").stdout
        stub = tmp_path / "gcloud"
        stub.write_text(GCLOUD)
        stub.chmod(0o755)
        variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "STOKER": stoker, "RUNS_AS": runs_as, "TOLD": str(tmp_path / "told")}
        subprocess.run(["/bin/sh", "-c", text], env=variables, check=True, timeout=PATIENCE_SECONDS)
        return (tmp_path / "told").read_text().splitlines()
    return carry_out


@pytest.mark.parametrize(("stoker", "member"), [
    ("stoker@acme.iam.gserviceaccount.com", "serviceAccount:stoker@acme.iam.gserviceaccount.com"),
    ("serviceAccount:stoker@acme.iam.gserviceaccount.com", "serviceAccount:stoker@acme.iam.gserviceaccount.com"),
    ("user:ann@example.com", "user:ann@example.com"),
    ("group:on-call@example.com", "group:on-call@example.com"),
    *((each, each) for each in (
        "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/eks/subject/ns/stoker/sa/stoker",
        "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/attribute.repository/a/b")),
])
def test_google_roles_are_granted_to_members_of_every_kind(carried_out, stoker, member):
    bindings = [line for line in carried_out(stoker) if "add-iam-policy-binding" in line]

    assert len(bindings) == 3
    assert all(f"--member={member} " in f"{line} " for line in bindings)


@pytest.mark.parametrize(("runs_as", "home"), [
    ("chat-sa@acme.iam.gserviceaccount.com", "acme"), ("chat-sa@central.iam.gserviceaccount.com", "central"),
    ("1234-compute@developer.gserviceaccount.com", "acme"),
])
def test_google_allows_to_act_as_an_identity_and_nothing_else_on_it(carried_out, runs_as, home):
    told = carried_out("stoker@acme.iam.gserviceaccount.com", runs_as)
    made = [line for line in told if "roles create stokerActAs" in line]
    bound = [line for line in told if "service-accounts add-iam-policy-binding" in line]

    assert "serviceAccountUser" not in "".join(told)
    assert len(made) == len(bound) == 1
    assert "--permissions=iam.serviceAccounts.actAs " in made[0]
    assert f"--project={home} " in made[0]
    assert f"add-iam-policy-binding {runs_as} --project={home} " in bound[0]
    assert bound[0].endswith(f"--role=projects/{home}/roles/stokerActAs")


def layered(*levers: str, mode: str = "active") -> str:
    return f"version: 1\npools:\n  - {{name: agent, mode: {mode}, max: 9, levers: [{', '.join(levers)}]}}\n"


ALIAS = "region: us-east-1, function: agent, alias: live"
PROVISIONED = f"{{kind: lambda-provisioned-concurrency, {ALIAS}}}"
PINGED = f"{{kind: lambda-ping, {ALIAS}, handler: stoker, opted_in: true}}"


def test_a_pool_with_layers_gets_the_permissions_of_both(asked):
    found = statements(asked(layered(PROVISIONED, PINGED)))

    for sid in ("SetWarmCapacity", "Ping"):
        assert found[sid]["Resource"] == ["arn:aws:lambda:us-east-1:*:function:agent:live"]
    assert found.keys() - statements(asked(pools("agent"))).keys() == {"Ping"}
    assert len(found["ReadFunctions"]["Resource"]) == 2


def test_a_pool_with_layers_in_shadow_mode_gets_no_write_permission(asked):
    assert statements(asked(layered(PROVISIONED, PINGED, mode="shadow"))).keys() == statements(
        asked(pools("agent", mode="shadow"))).keys()


def test_pings_above_a_service_need_no_permission_and_the_output_states_it(asked):
    base = "{kind: cloud-run-min-instances, project: acme, location: europe-west1, service: chat}"
    told = asked(layered(base, "{kind: http-ping, url: 'https://a.example.com/ping'}"))

    assert "gcloud run services add-iam-policy-binding chat " in told.stdout
    assert told.stderr == "http-ping: no permissions needed, it calls no cloud API\n"


LEASE = "lease: {kind: dynamodb, region: eu-west-1, table: our-lease}\n"


def test_lease_permissions_are_in_one_document_and_limited_to_its_table(asked):
    documents = json.loads(asked(LEASE + pools(*(f"agent-number-{number}" for number in range(60))), "--json").stdout)["aws"]
    shared = [statement for document in documents for statement in document["Statement"] if statement["Sid"] == "ShareLease"]

    assert [statement["Resource"] for statement in shared] == ["arn:aws:dynamodb:eu-west-1:*:table/our-lease"]
    assert max(len(json.dumps(document, separators=(",", ":"))) for document in documents) <= LONGEST


def test_a_lease_gets_permissions_without_any_pool_of_its_provider(asked):
    text = LEASE + "version: 1\npools:\n  - {name: web, max: 9, lever: {kind: http-ping, url: 'https://a.example.com/ping'}}\n"

    assert set(statements(asked(text))) == {"ShareLease"}


def test_pings_of_a_url_need_no_permission_and_the_output_states_it(asked):
    told = asked("version: 1\npools:\n  - {name: web, max: 9, lever: {kind: http-ping, url: 'https://a.example.com/ping'}}\n")

    assert told.exit_code == 0
    assert told.stdout == ""
    assert "http-ping: no permissions needed" in told.stderr


def demand(**keys) -> str:
    return pools("agent").rstrip("\n").removesuffix("}") + ", demand: " + json.dumps(
        {"kind": "prometheus", "peak": "max_over_time(x[1m])"} | keys) + "}\n"


def test_queries_to_a_workspace_are_allowed_on_that_workspace_in_place_of_reads_of_metrics(asked):
    url = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-7/"
    found = statements(asked(demand(url=url, sigv4={"region": "eu-west-1"}), "--account", "123456789012"))

    assert found["QueryPrometheus"]["Resource"] == ["arn:aws:aps:eu-west-1:123456789012:workspace/ws-7"]
    assert found["QueryPrometheus"]["Action"] == ["aps:QueryMetrics"]
    assert "cloudwatch:GetMetricData" not in found["ReadMetricsAndQuotas"]["Action"]


def test_counts_of_items_are_allowed_on_the_index_or_the_table_that_is_queried(asked):
    keys = {"kind": "dynamodb-query", "region": "eu-west-1", "table": "sessions", "key_condition": "p = :p",
            "values": {":p": "a"}}
    head = pools("agent").rstrip("\n").removesuffix("}")
    of_table, of_index = (statements(asked(f"{head}, demand: {json.dumps(keys | index)}}}\n", "--account", "123456789012"))
                          for index in ({}, {"index": "open"}))

    assert of_table["CountItems"]["Resource"] == ["arn:aws:dynamodb:eu-west-1:123456789012:table/sessions"]
    assert of_index["CountItems"]["Resource"] == ["arn:aws:dynamodb:eu-west-1:123456789012:table/sessions/index/open"]
    assert of_index["CountItems"]["Action"] == ["dynamodb:Query"]


def test_queries_to_google_need_the_permission_to_read_metrics_of_that_project_alone(asked):
    url = "https://monitoring.googleapis.com/v1/projects/acme-metrics/location/global/prometheus"
    text = demand(url=url, google=True).replace(AWS.format(region="us-east-1", name="agent"),
                                                "lever: {kind: http-ping, url: 'https://a.example/'}")
    (project,) = json.loads(asked(text, "--json").stdout)["google"]
    commands = asked(text).stdout

    assert project["project"] == "acme-metrics"
    assert [(role["permissions"], role["on"]) for role in project["roles"]] == [
        (["monitoring.timeSeries.list"], ["projects/acme-metrics"])]
    assert "gcloud services enable monitoring.googleapis.com --project=acme-metrics" in commands


def test_any_metric_at_google_needs_the_permission_to_read_metrics_of_its_project_alone(asked):
    peak = {"filter": 'metric.type = "custom.googleapis.com/in_flight"', "aligner": "ALIGN_MAX"}
    text = demand(kind="cloud-monitoring-metric", project="acme-metrics", peak=peak).replace(
        AWS.format(region="us-east-1", name="agent"), "lever: {kind: http-ping, url: 'https://a.example/'}")
    (project,) = json.loads(asked(text, "--json").stdout)["google"]

    assert [(role["permissions"], role["on"]) for role in project["roles"]] == [
        (["monitoring.timeSeries.list"], ["projects/acme-metrics"])]


def test_a_prometheus_of_your_own_needs_no_permission(asked):
    text = demand(url="https://prometheus.example").replace(AWS.format(region="us-east-1", name="agent"),
                                                            "lever: {kind: http-ping, url: 'https://a.example/'}")
    told = asked(text, "--json")

    assert (told.exit_code, json.loads(told.stdout)) == (0, {"schema": "stoker/iam/v1"})


ROLES = [f"arn:aws:iam::{account}:role/stoker" for account in ("111122223333", "444455556666")]
DAEMON = "arn:aws:iam::777788889999:role/daemon"


def in_accounts() -> str:
    """A policy with a pool of one name in the daemon's account and in two others, of which one needs an external ID."""
    lines = pools("own", "first", "second", "also").splitlines()
    given = ["", f"credentials: {{role_arn: '{ROLES[0]}', external_id: known-id}}", f"credentials: {{role_arn: '{ROLES[1]}'}}",
             f"credentials: {{role_arn: '{ROLES[0]}', external_id: known-id, session_name: other}}"]
    return "\n".join((*lines[:2], *(line[:-1] + (f", {each}" if each else "") + "}"
                                    for line, each in zip(lines[2:], given, strict=True)))) + "\n"


def test_each_role_gets_the_permissions_of_its_pools_in_its_account_and_a_trust_policy(asked):
    body = json.loads(asked(in_accounts(), "--principal", DAEMON, "--json").stdout)

    assert [each["identity"] for each in body["identities"]] == ROLES, "a session name makes no other identity"
    written = [[name for statement in each["documents"][0]["Statement"] if statement["Sid"] == "SetWarmCapacity"
                for name in statement["Resource"]] for each in body["identities"]]
    assert written == [["arn:aws:lambda:us-east-1:111122223333:function:first:live",
                        "arn:aws:lambda:us-east-1:111122223333:function:also:live"],
                       ["arn:aws:lambda:us-east-1:444455556666:function:second:live"]]
    trusted = [each["trust"]["Statement"][0] for each in body["identities"]]
    assert [each["Principal"] for each in trusted] == [{"AWS": DAEMON}] * 2
    assert [each.get("Condition") for each in trusted] == [{"StringEquals": {"sts:ExternalId": "known-id"}}, None]


def test_the_daemon_may_assume_these_roles_and_set_its_own_pools_alone(asked):
    [document] = json.loads(asked(in_accounts(), "--json").stdout)["aws"]
    found = {statement["Sid"]: statement["Resource"] for statement in document["Statement"]}

    assert found["AssumeRoles"] == ROLES
    assert found["SetWarmCapacity"] == ["arn:aws:lambda:us-east-1:*:function:own:live"]


def test_a_daemon_whose_pools_all_have_roles_may_only_assume_them(asked):
    text = "\n".join(line for line in in_accounts().splitlines() if "name: own" not in line) + "\n"
    [document] = json.loads(asked(text, "--json").stdout)["aws"]

    assert [statement["Sid"] for statement in document["Statement"]] == ["AssumeRoles"]


def test_the_text_has_a_heading_for_each_part_and_a_placeholder_that_iam_refuses(asked):
    told = asked(in_accounts())

    assert [line for line in told.stdout.splitlines() if line.startswith("#")] == [
        "# aws", *(f"# aws: {role}: {what}" for role in ROLES for what in ("permissions", "lets the daemon use it"))]
    assert '"arn:aws:iam::DAEMON_ACCOUNT_ID:role/DAEMON_ROLE"' in told.stdout
    assert "add --principal" in told.stderr


def test_a_service_account_gets_the_roles_and_the_daemon_may_request_its_tokens(asked):
    told = asked("version: 1\npools:\n  - name: chat\n    max: 5\n    mode: active\n"
                 "    credentials: {impersonate: stoker@acme.iam.gserviceaccount.com}\n"
                 "    lever: {kind: cloud-run-min-instances, project: acme, location: europe-west1, service: chat}\n",
                 "--principal", "daemon@central.iam.gserviceaccount.com")

    assert "member=serviceAccount:stoker@acme.iam.gserviceaccount.com\n" in told.stdout
    assert "$STOKER" not in told.stdout
    assert ("gcloud iam service-accounts add-iam-policy-binding stoker@acme.iam.gserviceaccount.com "
            "--member=serviceAccount:daemon@central.iam.gserviceaccount.com --role=roles/iam.serviceAccountTokenCreator"
            ) in told.stdout


def test_the_roles_of_many_accounts_make_several_documents_of_which_each_fits(asked):
    names = [f"agent-{number}" for number in range(200)]
    roles = [f"arn:aws:iam::{100_000_000_000 + number}:role/agents/stoker" for number in range(200)]
    lines = pools(*names).splitlines()
    text = "\n".join((*lines[:2], *(f"{line[:-1]}, credentials: {{role_arn: '{role}'}}}}"
                                    for line, role in zip(lines[2:], roles, strict=True)))) + "\n"
    documents = json.loads(asked(text, "--json").stdout)["aws"]

    assert [role for document in documents for statement in document["Statement"] for role in statement["Resource"]] == roles
    assert len(documents) > 1
    assert max(len(json.dumps(document, separators=(",", ":"))) for document in documents) <= LONGEST


def test_an_entry_of_select_gets_permissions_on_what_its_patterns_match_in_each_account(asked):
    roles = ", ".join(f"{{role_arn: '{role}'}}" for role in ROLES)
    body = json.loads(asked(
        "version: 1\nselect:\n  - include: {name: ['agent-*', 'chat[ab]'], alias: live, tags: {warm: 'yes'}}\n    mode: active\n"
        f"    max: 9\n    credentials: [{roles}]\n    name: '{{account}}-{{function}}'\n"
        "    lever: {kind: lambda-provisioned-concurrency, region: us-east-1}\n", "--json").stdout)

    assert [each["identity"] for each in body["identities"]] == ROLES
    found = {statement["Sid"]: statement for statement in body["identities"][0]["documents"][0]["Statement"]}
    assert found["SetWarmCapacity"]["Resource"] == [
        f"arn:aws:lambda:us-east-1:111122223333:function:{name}:live" for name in ("agent-*", "chat?")]
    assert {"lambda:ListFunctions", "tag:GetResources"} <= set(found["ReadMetricsAndQuotas"]["Action"])
    assert "lambda:ListAliases" in found["ReadFunctions"]["Action"]
    assert [statement["Sid"] for statement in body["aws"][0]["Statement"]] == ["AssumeRoles"]


def test_an_entry_without_tags_and_in_shadow_mode_gets_no_permission_for_them(asked):
    found = statements(asked("version: 1\nselect:\n  - include: {name: '*'}\n    max: 9\n"
                             "    lever: {kind: lambda-provisioned-concurrency, region: us-east-1}\n"))

    assert "tag:GetResources" not in found["ReadMetricsAndQuotas"]["Action"]
    assert "SetWarmCapacity" not in found
    assert found["ReadWarmCapacity"]["Resource"] == ["arn:aws:lambda:us-east-1:*:function:*:*"]


def test_selected_pools_have_the_permissions_of_their_patterns(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\ndefaults: {max: 3, mode: active}\nselect:\n"
                    "  - include: {name: ['agent-*', 'bot-[ab]'], alias: live}\n"
                    "    lever: {kind: lambda-provisioned-concurrency, region: us-east-1}\n")
    told = CliRunner().invoke(main, ["iam", str(path), "--account", "111122223333"])

    assert told.exit_code == 0, told.output
    assert "arn:aws:lambda:us-east-1:111122223333:function:agent-*:live" in told.stdout
    assert "arn:aws:lambda:us-east-1:111122223333:function:bot-?:live" in told.stdout
    assert "lambda:ListFunctions" in told.stdout

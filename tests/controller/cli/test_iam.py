"""`stoker iam` prints what must be allowed: no wildcard where a resource can be named, no write for shadow, pieces that fit."""

import json

import pytest
from click.testing import CliRunner

from adapters.aws.permissions import LONGEST
from controller.cli import main

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
    assert "arn:aws:lambda:us-east-1:*:function:watched:live" in found["LookAtWarmCapacity"]["Resource"]


def test_a_policy_all_in_shadow_allows_no_write(asked):
    assert "SetWarmCapacity" not in statements(asked(pools("agent", mode="shadow")))


def test_only_calls_that_know_no_resource_have_a_star_and_they_are_held_to_the_regions(asked):
    found = statements(asked(pools("agent")))
    stars = {sid for sid, statement in found.items() if "*" in (statement["Resource"], *statement["Resource"])}

    assert stars == {"LookAround"}
    assert found["LookAround"]["Condition"] == {"StringEquals": {"aws:RequestedRegion": ["us-east-1"]}}


@pytest.mark.parametrize(("region", "begin"), [
    ("us-gov-west-1", "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:"),
    ("cn-north-1", "arn:aws-cn:lambda:cn-north-1:123456789012:"),
    ("ap-southeast-2", "arn:aws:lambda:ap-southeast-2:123456789012:"),
])
def test_the_account_and_the_partition_stand_in_every_name(asked, region, begin):
    found = statements(asked(pools("agent", region=region), "--account", "123456789012"))

    assert all(name.startswith(begin) for name in found["SetWarmCapacity"]["Resource"] + found["LookAtFunctions"]["Resource"])


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
    assert "only of: aws" in told.stderr


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


LEASE = "lease: {kind: dynamodb, region: eu-west-1, table: our-lease}\n"


def test_a_lease_is_allowed_on_its_table_alone_in_one_document_of_many(asked):
    documents = json.loads(asked(LEASE + pools(*(f"agent-number-{number}" for number in range(60))), "--json").stdout)["aws"]
    shared = [statement for document in documents for statement in document["Statement"] if statement["Sid"] == "ShareLease"]

    assert [statement["Resource"] for statement in shared] == ["arn:aws:dynamodb:eu-west-1:*:table/our-lease"]
    assert max(len(json.dumps(document, separators=(",", ":"))) for document in documents) <= LONGEST


def test_a_lease_is_told_of_a_policy_that_has_nothing_else_there(asked):
    text = LEASE + "version: 1\npools:\n  - {name: web, max: 9, lever: {kind: http-ping, url: 'https://a.example.com/ping'}}\n"

    assert set(statements(asked(text))) == {"ShareLease"}


def test_pings_of_a_url_need_nothing_and_that_is_said(asked):
    told = asked("version: 1\npools:\n  - {name: web, max: 9, lever: {kind: http-ping, url: 'https://a.example.com/ping'}}\n")

    assert told.exit_code == 0
    assert told.stdout == ""
    assert "http-ping: nothing to allow" in told.stderr

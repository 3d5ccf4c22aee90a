"""The templates of the role that the daemon assumes: valid, sufficient for a Lambda pool, and no write in shadow mode."""

import pytest
import yaml

from adapters.aws.permissions import CALLS, DEMAND_CALLS, STATEMENTS
from adapters.aws.trust import trust_document
from config.model.credentials import Credentials
from tests.deploy.folder import DEPLOY, clean
from tests.deploy.test_aws import Loader

FOLDER = DEPLOY / "cloudformation"
NEEDED = (*CALLS["lambda-provisioned-concurrency"], *DEMAND_CALLS["cloudwatch-lambda"])


def template(name):
    return yaml.load((FOLDER / name).read_text(), Loader)  # noqa: S506  (derives from the safe one)


def policies():
    """The actions of the policy of each mode."""
    read, condition = template("account-role.yaml")["Resources"]["Role"]["Properties"]["Policies"]
    _, write, _ = condition["If"]
    statements = (each["PolicyDocument"]["Statement"] for each in (read, write))
    return [{action for statement in each for action in statement["Action"]} for each in statements]


@pytest.mark.parametrize("name", ["account-role.yaml", "account-roles.yaml"])
def test_the_cloudformation_linter_finds_nothing(name):
    assert clean("cfn-lint", FOLDER / name) == ""


def test_the_role_may_make_every_call_of_a_lambda_pool_and_writes_in_active_mode_alone():
    read, write = policies()

    assert write == {call.action for call in NEEDED if STATEMENTS[call.sid].writes}
    assert {call.action for call in NEEDED if not STATEMENTS[call.sid].writes} <= read
    assert not [action for action in read if not action.partition(":")[2].startswith(("Get", "List", "Describe"))]


def test_the_trust_policy_is_the_printed_one():
    credentials = Credentials(role_arn="arn:aws:iam::111122223333:role/stoker", external_id="ExternalId")
    written = template("account-role.yaml")["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]
    [statement] = written["Statement"]
    [printed] = trust_document(credentials, "DaemonPrincipal")["Statement"]

    assert statement == printed | {"Principal": {"AWS": {"Ref": "DaemonPrincipal"}},
                                   "Condition": {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}}
    terraform = (DEPLOY / "terraform" / "account-role" / "main.tf").read_text()
    assert all(text in terraform for text in (printed["Sid"], printed["Action"], "sts:ExternalId", "var.daemon_principal"))


def test_the_stack_set_passes_every_parameter_of_the_role():
    inner, outer = template("account-role.yaml"), template("account-roles.yaml")
    given = {each["ParameterKey"] for each in outer["Resources"]["Roles"]["Properties"]["Parameters"]}

    assert given == set(inner["Parameters"])
    assert {name: each.get("Default") for name, each in inner["Parameters"].items()} == {
        name: outer["Parameters"][name].get("Default") for name in given}

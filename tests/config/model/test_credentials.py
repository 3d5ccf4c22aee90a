"""Credentials of pools: what is valid, the account, the part of each cloud, and the address of a resource."""

import pytest
from pydantic import ValidationError

from adapters.aws.settings import LambdaProvisionedConcurrencySettings
from adapters.gcp.settings import CloudRunMinInstancesSettings
from config.model.credentials import Credentials
from config.model.lever import address

ROLE = "arn:aws:iam::111122223333:role/agents/stoker"
OTHER = "arn:aws:iam::444455556666:role/stoker"
ACCOUNT = "stoker@acme.iam.gserviceaccount.com"


def provisioned(region="us-east-1"):
    return LambdaProvisionedConcurrencySettings(kind="lambda-provisioned-concurrency", region=region, function="agent",
                                                alias="live")


def run():
    return CloudRunMinInstancesSettings(kind="cloud-run-min-instances", project="acme", location="europe-west1", service="chat")


@pytest.mark.parametrize("given", [{"role_arn": ROLE}, {"impersonate": ACCOUNT}, {"role_arn": ROLE, "impersonate": ACCOUNT}, {
    "role_arn": "arn:aws-us-gov:iam::111122223333:role/stoker", "external_id": "a/b:1", "session_name": "prod",
    "region_sts": "us-gov-west-1"}])
def test_a_role_a_service_account_and_both_are_valid(given):
    assert Credentials.model_validate(given).model_dump(exclude_none=True) == given


@pytest.mark.parametrize(("given", "text"), [
    ({}, "give role_arn for AWS, or impersonate"),
    ({"external_id": "known-id", "region_sts": "eu-west-1"}, "external_id and region_sts without role_arn"),
    ({"role_arn": "stoker"}, "role_arn"),
    ({"role_arn": "arn:aws:iam::111122223333:user/stoker"}, "role_arn"),
    ({"role_arn": "arn:aws:sts::111122223333:assumed-role/stoker/x"}, "role_arn"),
    ({"role_arn": ROLE, "external_id": "x"}, "external_id"),
    ({"role_arn": ROLE, "session_name": "has space"}, "session_name"),
    ({"impersonate": "someone@example.com"}, "impersonate"),
    ({"role_arn": ROLE, "secret": "x"}, "secret"),
])
def test_what_cannot_work_is_refused(given, text):
    with pytest.raises(ValidationError, match=text):
        Credentials.model_validate(given)


def test_each_cloud_gets_its_own_part_and_others_none():
    both = Credentials(role_arn=ROLE, external_id="known-id", impersonate=ACCOUNT)

    assert both.at("aws") == Credentials(role_arn=ROLE, external_id="known-id")
    assert both.at("google") == Credentials(impersonate=ACCOUNT)
    assert both.at(None) is None
    assert Credentials(role_arn=ROLE).at("google") is None
    assert Credentials(impersonate=ACCOUNT).at("aws") is None


def test_the_account_is_that_of_the_role():
    assert Credentials(role_arn=ROLE).account == "111122223333"
    assert Credentials(impersonate=ACCOUNT).account is None


def test_one_function_name_in_two_accounts_is_two_addresses_and_a_session_name_is_none():
    here, there = Credentials(role_arn=ROLE), Credentials(role_arn=OTHER)

    assert address(provisioned(), here) != address(provisioned(), there)
    assert address(provisioned(), here) != address(provisioned(), None)
    assert address(provisioned(), here) == address(provisioned(), Credentials(role_arn=ROLE, session_name="prod"))


def test_a_service_in_a_project_has_one_address_whoever_changes_it():
    assert address(run(), Credentials(impersonate=ACCOUNT)) == address(run(), None) == address(run(), Credentials(role_arn=ROLE))

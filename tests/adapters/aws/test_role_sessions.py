"""Sessions of a role: what is sent to STS, renewal before expiry, and the explanation of each failure."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore import exceptions as boto
from botocore.credentials import Credentials as Keys

from adapters.aws import role_sessions
from adapters.aws.role_sessions import role_source
from adapters.ports.errors import Misconfigured, Unreachable
from config.model.credentials import Credentials
from tests.patience import PATIENCE_SECONDS

ROLE = "arn:aws:iam::111122223333:role/stoker"


class FakeSts:
    """A session of the library, with own keys and a token service."""

    def __init__(self):
        self.own = Keys("own", "secret")
        self.life = timedelta(hours=1)
        self.requests, self.regions, self.signed_with = [], [], []
        self.error = None

    def get_credentials(self):
        return self.own

    def create_client(self, service, region_name, **keys):
        assert service == "sts"
        self.regions.append(region_name)
        self.signed_with.append(keys["aws_access_key_id"])
        return self

    def assume_role(self, **parameters):
        self.requests.append(parameters)
        if self.error is not None:
            raise self.error
        keys = {"AccessKeyId": f"ASIA{len(self.requests)}", "SecretAccessKey": "s", "SessionToken": "t",
                "Expiration": datetime.now(UTC) + self.life}
        return {"Credentials": keys, "AssumedRoleUser": {"Arn": "arn:aws:sts::111122223333:assumed-role/stoker/stoker"}}


@pytest.fixture
def sts(monkeypatch):
    fake = FakeSts()
    monkeypatch.setattr(role_sessions, "finding_session", lambda region: fake)
    monkeypatch.setattr(role_sessions, "configured_region", lambda: None)
    return fake


@pytest.fixture
def made():
    sources = []

    def make(region="us-east-1", **given):
        sources.append(role_source(Credentials(role_arn=ROLE, **given), region))
        return sources[-1]

    yield make
    for each in sources:
        each.close()


def refusal(code, operation="AssumeRole", status=403):
    return boto.ClientError({"Error": {"Code": code, "Message": "arn of the caller"}, "ResponseMetadata": {
        "HTTPStatusCode": status}}, operation)


async def test_the_role_is_assumed_once_with_the_daemons_own_keys(sts, made):
    source = made(external_id="known-id")

    assert await source.ready() is None
    assert await source.ready() is None
    assert sts.requests == [{"RoleArn": ROLE, "RoleSessionName": "stoker", "ExternalId": "known-id"}]
    assert (sts.signed_with, sts.regions) == (["own"], ["us-east-1"])
    assert source.held.get_frozen_credentials().access_key == "ASIA1"
    assert source.held.account_id == "111122223333"


async def test_region_and_session_name_are_those_of_the_policy(sts, made, monkeypatch):
    await made(session_name="prod", region_sts="eu-west-1").ready()

    assert (sts.regions, sts.requests[0]["RoleSessionName"]) == (["eu-west-1"], "prod")
    monkeypatch.setattr(role_sessions, "configured_region", lambda: "eu-north-1")
    await made().ready()
    assert sts.regions[-1] == "eu-north-1", "the AWS configuration comes before the region of a pool"


async def test_keys_are_renewed_before_they_expire(sts, made):
    sts.life = timedelta(minutes=14)  # the library renews from 15 min before expiry on
    source = made()
    await source.ready()
    source._renewed_at = float("-inf")  # a minute has passed since the last attempt

    assert await source.ready() is None
    attempt = source._attempt
    if attempt is not None:
        attempt.result.result(PATIENCE_SECONDS)
    assert source.held.get_frozen_credentials().access_key == "ASIA2"


async def test_a_refusal_names_the_role_and_the_external_id_and_quotes_no_answer(sts, made):
    sts.error = refusal("AccessDenied")
    fault = await made(external_id="known-id").ready()

    assert fault.kind is Misconfigured
    assert ROLE in fault.text
    assert "this daemon's identity and the external ID" in fault.text
    assert "caller" not in fault.text
    assert "known-id" not in fault.text


async def test_a_token_service_that_does_not_answer_is_named_with_the_role(sts, made):
    sts.error = boto.ConnectTimeoutError(endpoint_url="https://sts.us-east-1.amazonaws.com")
    fault = await made().ready()

    assert fault.kind is Unreachable
    assert fault.text.startswith(f"role {ROLE}: ")
    assert "sts.us-east-1.amazonaws.com" in fault.text


async def test_missing_own_credentials_are_not_blamed_on_the_role(sts, made):
    sts.own = None
    fault = await made().ready()

    assert fault.text.startswith("no AWS credentials were found")


async def test_a_region_in_which_the_account_has_disabled_sts_is_named(sts, made):
    sts.error = refusal("RegionDisabledException")

    assert "region_sts" in (await made().ready()).text


async def test_a_role_that_is_given_back_is_assumed_again_after_the_pause(sts, made, monkeypatch):
    source = made()
    sts.error = refusal("AccessDenied")
    assert await source.ready() is not None
    assert await source.ready() is not None
    assert len(sts.requests) == 1, "calls share the failure"
    sts.error = None
    monkeypatch.setattr("adapters.aws.credentials.RETRY_AFTER", 0.0)

    assert await source.ready() is None


def test_a_source_that_hangs_is_named_with_its_role(made):
    assert f"of role {ROLE} does not answer" in made().not_ready(17).text

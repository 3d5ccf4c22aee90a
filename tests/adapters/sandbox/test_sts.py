"""Credentials of roles: issued with timestamps of the query protocol, as by AWS, and valid until they expire."""

import asyncio
from datetime import timedelta

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.adapters.sandbox.conftest import NOON

ROLE = {"RoleArn": "arn:aws:iam::123456789012:role/team/stoker", "RoleSessionName": "test"}
ONCE = Config(retries={"total_max_attempts": 1}, proxies={})
ALIAS = {"FunctionName": "agent", "Name": "live"}


@pytest.fixture
def role(world):
    world.sandbox.add_function("agent")
    return ROLE | {"RoleArn": ROLE["RoleArn"].replace("123456789012", world.sandbox.settings.account)}


def client(world, service, keys, token=True):
    return boto3.client(service, "us-east-1", endpoint_url=world.url, config=ONCE, aws_access_key_id=keys["AccessKeyId"],
                        aws_secret_access_key=keys["SecretAccessKey"],
                        aws_session_token=keys["SessionToken"] if token else None)


async def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        await asyncio.to_thread(call, **arguments)
    return caught.value.response["Error"]["Code"]


async def test_credentials_of_a_role_are_valid_until_they_expire(world, role):
    keys = (await world.aws("sts", "assume_role", **role, DurationSeconds=900))["Credentials"]
    functions, identity = client(world, "lambda", keys), client(world, "sts", keys)

    assert keys["Expiration"] == NOON + timedelta(seconds=900)
    assert (await asyncio.to_thread(functions.get_alias, **ALIAS))["Name"] == "live"
    assert (await asyncio.to_thread(identity.get_caller_identity))["Arn"].endswith(":assumed-role/stoker/test")
    world.clock.set(NOON + timedelta(seconds=900))
    assert await refused(functions.get_alias, **ALIAS) == "ExpiredTokenException"
    assert await refused(identity.get_caller_identity) == "ExpiredToken"


async def test_keys_without_their_token_are_unknown(world, role):
    keys = (await world.aws("sts", "assume_role", **role))["Credentials"]

    assert await refused(client(world, "lambda", keys, token=False).get_alias, **ALIAS) == "UnrecognizedClientException"


async def test_a_web_identity_token_needs_no_signature(world, role):
    unsigned = boto3.client("sts", "us-east-1", endpoint_url=world.url, config=ONCE.merge(Config(signature_version=UNSIGNED)))
    answer = await asyncio.to_thread(unsigned.assume_role_with_web_identity, **role, WebIdentityToken="head.body.signature")

    assert (await asyncio.to_thread(client(world, "lambda", answer["Credentials"]).get_alias, **ALIAS))["Name"] == "live"
    assert await refused(unsigned.assume_role_with_web_identity, **role, WebIdentityToken="nonsense") == "InvalidIdentityToken"


@pytest.mark.parametrize(("change", "code"), [
    ({"RoleArn": "arn:aws:iam::999999999999:role/other"}, "AccessDenied"),
    ({"RoleArn": "arn:aws:iam::123456789012:user/somebody"}, "ValidationError"),
    ({"DurationSeconds": 899}, "ValidationError"),
    ({"DurationSeconds": 43_201}, "ValidationError"),
])
async def test_invalid_role_requests_get_the_error_of_aws(world, role, change, code):
    strict = world.client("sts").meta.config.merge(Config(parameter_validation=False))
    lenient = boto3.client("sts", "us-east-1", endpoint_url=world.url, config=strict, **world.sandbox.credentials.for_boto3)

    assert await refused(lenient.assume_role, **role | change) == code

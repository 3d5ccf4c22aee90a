"""Every kind of Application Default Credentials, by the shipped command line."""

import asyncio
import signal

import pytest

from tests.foreign.google.caller import calling
from tests.foreign.google.cloud import APIS
from tests.foreign.google.credential_kinds import KINDS
from tests.foreign.google.token_services import ACCOUNT, NAMES


@pytest.mark.parametrize("kind", KINDS)
async def test_doctor_passes_with_one_token(cloud, kind):
    code, out, err = await cloud.doctor(cloud.environment(kind))

    assert code == 0, out + err
    assert err == ""
    assert set(cloud.proxy.asked) <= {*APIS, *NAMES}, "no project is looked up"
    assert all(count == 1 for count in cloud.services.issued.values()), cloud.services.issued


async def test_a_daemon_sets_minimum_instances_as_a_federated_identity_and_leaves(cloud):
    async with cloud.daemon(cloud.environment("federation impersonating"), low=2) as daemon:
        await daemon.until(lambda: cloud.minimum >= 2)
        code = await daemon.end(signal.SIGTERM)

    assert code == 0
    assert cloud.services.issued == {"sts": 1, "iamcredentials": 1}
    assert [line for line in daemon.lines if line["event"] == "raw"] == []


@pytest.mark.parametrize("kind", ["authorized user", "federation by file", "metadata server"])
async def test_a_daemon_impersonates_the_service_account_of_the_policy(cloud, kind):
    cloud.impersonated = ACCOUNT
    async with cloud.daemon(cloud.environment(kind), low=2) as daemon:
        await daemon.until(lambda: cloud.minimum >= 2)
        code = await daemon.end(signal.SIGTERM)

    assert code == 0
    assert cloud.services.issued["iamcredentials"] == 1


async def test_doctor_names_a_service_account_that_may_not_be_impersonated_once(cloud):
    cloud.impersonated = ACCOUNT
    cloud.services.trouble["iamcredentials"] = 403, {"error": {"status": "PERMISSION_DENIED"}}
    code, out, err = await cloud.doctor(cloud.environment("authorized user"))

    assert code == 1, out + err
    failed = [line for line in out.splitlines() if line.lstrip().startswith("fail")]
    assert len(failed) == 1, out
    assert f"refuses to impersonate {ACCOUNT}" in out


async def test_tokens_valid_for_seconds_are_renewed(cloud):
    cloud.services.seconds = 3.0
    async with calling(cloud.environment("authorized user")) as call:
        told = [await call()]
        while cloud.services.issued["oauth2"] < 3:
            await asyncio.sleep(0.2)
            told.append(await call())

    assert set(map(tuple, told)) == {("ok",)}


async def test_many_calls_at_once_share_one_token(cloud):
    async with calling(cloud.environment("federation by file")) as call:
        assert await call(times=38) == ["ok"] * 38

    assert cloud.services.issued == {"sts": 1}

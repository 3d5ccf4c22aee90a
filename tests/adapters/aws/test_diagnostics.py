"""Checks of a region that does not answer."""

import pytest

from adapters.aws.diagnostics import checks
from adapters.aws.sessions import AwsSessions
from adapters.aws.settings import LambdaProvisionedConcurrencySettings
from adapters.ports.diagnostics import Verdict
from adapters.runtime.clock import ManualClock
from config.model.credentials import Credentials
from tests.builders import NOON, pool_policy


@pytest.mark.parametrize(("region", "check"), [("us-east-1", "credentials"), ("us-east-11", "region")])
async def test_an_unlisted_region_without_an_answer_is_the_failure(region, check):
    lever = LambdaProvisionedConcurrencySettings(kind="lambda-provisioned-concurrency", region=region, function="f", alias="live")
    sessions = AwsSessions(ManualClock(NOON), "http://127.0.0.1:1")
    try:
        made = checks(sessions, [pool_policy(name="f").model_copy(update={"lever": lever})])
        found = [finding for each in made if each.gates for finding in await each.run()]
    finally:
        await sessions.close()

    assert [finding.check for finding in found if finding.verdict is Verdict.FAIL] == [check]


async def test_a_role_of_another_partition_is_the_first_failure():
    role = Credentials(role_arn="arn:aws-cn:iam::111122223333:role/stoker")
    sessions = AwsSessions(ManualClock(NOON), "http://127.0.0.1:1", credentials=role)
    try:
        first = checks(sessions, [pool_policy(name="f")])[0]
        found = await first.run()
    finally:
        await sessions.close()

    assert (first.gates, first.about) == (True, frozenset({"f"}))
    assert [(finding.check, finding.verdict) for finding in found] == [("region", Verdict.FAIL)]

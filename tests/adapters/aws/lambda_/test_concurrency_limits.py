"""The AWS limit of a pool, with its numbers and the remedy."""

import numpy as np
import pytest

from adapters.aws.lambda_.concurrency_limits import of_account, of_function, of_pings
from adapters.aws.lambda_.control_plane import Account
from adapters.aws.lambda_.provisioned_concurrency import ProvisionedConcurrency
from adapters.aws.provider import Aws
from adapters.ports.errors import QuotaExceeded
from adapters.sandbox.aws.lambda_.functions import Alias
from tests.adapters.conformance.lambda_stage import LambdaStage, pool


@pytest.fixture
async def stage():
    async with LambdaStage() as built:
        yield built


async def test_a_reservation_made_since_the_function_was_looked_at_is_read_with_the_refusal(stage):
    lever = stage.lever()
    assert (await lever.traits()).limit.name == "account-concurrency"
    stage.function.reserved = 6

    with pytest.raises(QuotaExceeded, match="agent has 6 units of reserved concurrency") as caught:
        await lever.write(9)
    assert caught.value.allowed == 6


async def test_aliases_of_one_function_share_its_reserved_concurrency_and_take_none_of_the_account(stage):
    stage.function.reserved = 20
    stage.function.aliases["beta"] = Alias("beta", stage.function.publish().number)
    provider = Aws(stage.clock, np.random.default_rng(0), stage.url)
    first, second = (ProvisionedConcurrency(pool(alias=alias), provider) for alias in ("live", "beta"))
    other = ProvisionedConcurrency(pool("neighbour"), provider)
    await first.traits()
    await first.write(15)
    facts, account = await second.traits(), (await other.traits()).limit
    with pytest.raises(QuotaExceeded) as caught:
        await other.write(900)
    await provider.close()

    assert facts.allowed == 5
    assert facts.limit.text == "agent has 20 units of reserved concurrency, of which its other aliases have 15"
    assert account.text == "980 of 1000 units of the account's concurrency in us-east-1 are not reserved, of which 10 must stay"
    assert caught.value.allowed == 880, "what the reserved function has is not taken off once more"


@pytest.mark.parametrize(("reserved", "others", "allowed"), [(20, 0, 20), (20, 15, 5), (20, 30, 0), (0, 0, 0)])
def test_what_a_function_reserves_is_shared_by_its_aliases_and_never_negative(reserved, others, allowed):
    most, limit = of_function("agent", reserved, others)

    assert (most, limit.name) == (allowed, "reserved-concurrency")
    assert f"agent has {reserved} units" in limit.text


@pytest.mark.parametrize(("account", "requested", "whole", "here"), [
    (Account(1000, 990), 0, "990 of 1000", ""), (Account(None, 990), 5, "990", "; 5 are requested by this alias"),
])
def test_what_the_account_has_left_is_told_in_numbers(account, requested, whole, here):
    text = f"{whole} units of the account's concurrency in us-east-1 are not reserved, of which 100 must stay{here}"

    assert of_account("us-east-1", account, 100, requested).text == text


def test_pings_may_hold_a_share_of_it():
    most, limit = of_pings(0.5, 31, of_function("agent", 31, 0)[1])

    assert (most, limit.text) == (15, "agent has 31 units of reserved concurrency, and pings may hold 50% of 31")

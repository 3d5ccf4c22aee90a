"""The shipped command line under every kind of credentials, against an emulator that checks signatures, tokens and expiry.

Stoker reads, plans, and sets provisioned concurrency up and down under each kind.
"""

import pytest

from tests.e2e.daemons import policy_text, stoker
from tests.foreign import identities
from tests.foreign.commands import installed_stoker
from tests.foreign.token_services import TokenService


@pytest.fixture
async def service(strict_account):
    """Hands out credentials of a role that may do everything in the account."""
    async with TokenService(strict_account, strict_account.role("stoker")).running() as running:
        yield running


@pytest.fixture
def policy(tmp_path):
    return tmp_path / "policy.yaml"


def command_for(kind):
    """The library takes the home directory, where tokens of single sign-on are cached, when it is imported."""
    return installed_stoker if kind is identities.single_sign_on else stoker


@pytest.mark.parametrize("kind", identities.KINDS, ids=lambda kind: kind.__name__)
async def test_stoker_reads_plans_and_writes_up_and_down(kind, strict_account, service, policy, tmp_path):
    account = strict_account
    account.function("agent", units=4)
    environment = account.endpoints | kind(tmp_path, account, service.role, service)

    policy.write_text(policy_text("agent"))
    command, steps = command_for(kind), ("run", "--policy", str(policy), "--state-dir", str(tmp_path / "state"), "--once")
    code, out, err = await command("plan", "--policy", str(policy), "--detailed-exitcode", environment=environment)
    assert (code, account.requested("agent")) == (3, 0), out + err

    code, _, err = await command(*steps, environment=environment)
    assert (code, account.requested("agent")) == (0, 4), err

    policy.write_text(policy_text("agent", high=1))
    code, _, err = await command(*steps, environment=environment)
    assert (code, account.requested("agent")) == (0, 1), err

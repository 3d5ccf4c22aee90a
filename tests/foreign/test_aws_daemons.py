"""A real daemon whose credentials expire, are replaced, or do not come, against an emulator that checks them."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest

from tests.e2e.daemons import daemon, policy_text, stoker
from tests.foreign import identities
from tests.foreign.token_services import TokenService
from tests.patience import PATIENCE_SECONDS

OFTEN = ("--tick-seconds", "1")


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(policy_text("agent", low=1))
    return path


@pytest.fixture
async def service(strict_account):
    """Hands out credentials that expire after 6 s."""
    async with TokenService(strict_account, strict_account.role("stoker"), seconds=6).running() as running:
        yield running


def plain(account, kind, folder, service):
    return account.endpoints | kind(folder, account, service.role, service)


async def requested(account, units):
    """Wait until so many units are asked for."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await asyncio.to_thread(account.requested, "agent") != units:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


def threads(process):
    return len(list(Path(f"/proc/{process.pid}/task").iterdir()))


def quoted(run):
    return [line for line in run.lines if "Traceback" in str(line) or "exception" in line]


@contextlib.asynccontextmanager
async def keeping_four(account, policy, environment):
    """A daemon that has asked for 4 units; it logs no traceback until the block ends."""
    account.function("agent", units=4)
    async with daemon(policy, policy.with_name("state"), None, *OFTEN, environment=environment) as run:
        await requested(account, 4)
        yield run
    assert quoted(run) == []


async def test_a_daemon_keeps_working_with_credentials_that_expire_every_few_seconds(strict_account, service, policy, tmp_path):
    account = strict_account
    async with keeping_four(account, policy, plain(account, identities.container, tmp_path, service)) as run:
        first = len(service.issued)
        await run.until(lambda: len(service.issued) >= first + 3)
        account.traffic("agent", "live", 9, 3)
        await requested(account, 9)
        assert await run.end(signal.SIGTERM) == 0

    assert service.refused == 0


async def test_the_daemon_recovers_when_a_token_service_stops_hanging(strict_account, service, policy, tmp_path):
    account = strict_account
    async with keeping_four(account, policy, plain(account, identities.container, tmp_path, service)) as run:
        before = threads(run.process)
        service.hanging.clear()
        await run.until(lambda: service.waiting >= 2)
        assert threads(run.process) - before < 20
        assert account.requested("agent") == 4, "nothing was lowered meanwhile"
        service.hanging.set()
        account.traffic("agent", "live", 9, 3)
        await requested(account, 9)
        service.hanging.clear()
        asked = service.waiting
        await run.until(lambda: service.waiting > asked)
        assert await run.end(signal.SIGTERM) == 0, "what hangs does not hold the exit"


async def test_keys_replaced_in_their_file_are_used_without_a_restart(strict_account, policy, tmp_path):
    account, keys = strict_account, strict_account.client("iam")
    account.user("stoker")
    old = keys.create_access_key(UserName="stoker")["AccessKey"]
    identities.user_keys(tmp_path, old)
    environment = account.endpoints | identities.files(tmp_path, credentials=(tmp_path / "credentials").read_text())
    async with keeping_four(account, policy, environment) as run:
        identities.user_keys(tmp_path, keys.create_access_key(UserName="stoker")["AccessKey"])
        keys.delete_access_key(UserName="stoker", AccessKeyId=old["AccessKeyId"])
        account.traffic("agent", "live", 9, 3)
        await requested(account, 9)
        assert await run.end(signal.SIGTERM) == 0

    assert old["SecretAccessKey"] not in str(run.lines)


async def test_a_credential_process_that_never_ends_does_not_block_a_command(account, policy, tmp_path):
    pipe = tmp_path / "nobody-writes-to-it"
    os.mkfifo(pipe)
    config = f"[profile work]\ncredential_process = cat {pipe}\n"
    environment = account.endpoints | identities.files(tmp_path, config) | {"AWS_PROFILE": "work"}
    code, out, err = await stoker("plan", "--policy", str(policy), environment=environment)
    with contextlib.suppress(OSError):
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))

    assert code == 1, out
    assert "the source of the AWS credentials of profile work does not answer" in err

"""`stoker doctor --live-check`: the shipped command raises one unit at the emulated provider, and sets it back."""

import asyncio
import json
import signal

import pytest

from adapters.sandbox.server import SandboxServer
from tests.e2e.daemons import clean_environment, policy_text, puts, sandbox_of, started, stoker
from tests.patience import PATIENCE_SECONDS


@pytest.fixture
async def account():
    sandbox = sandbox_of(agent=0)
    async with SandboxServer(sandbox) as server:
        yield sandbox, server.url


def command(folder, url, *options, mode="active"):
    policy = folder / "policy.yaml"
    policy.write_text(policy_text("agent", mode=mode))
    return ("doctor", str(policy), "--state-dir", str(folder / "state"), "--sandbox-url", url, "--live-check", "agent", *options)


async def test_one_unit_is_raised_and_released(account, tmp_path):
    sandbox, url = account
    code, out, err = await stoker(*command(tmp_path, url, "--yes", "--json"))

    assert code == 0, out + err
    assert puts(sandbox) == [1]
    assert sandbox.calls.mutating["DeleteProvisionedConcurrencyConfig"] == 1
    assert sandbox.hosted("agent").function.provisioned == 0
    steps = [each for each in json.loads(out)["findings"] if each["check"] == "live check"]
    assert [step["verdict"] for step in steps] == ["ok", "ok", "ok"]
    assert "1 ready after" in steps[1]["text"]


async def test_without_a_terminal_and_without_yes_nothing_is_written(account, tmp_path):
    sandbox, url = account
    code, _, err = await stoker(*command(tmp_path, url))

    assert code == 2
    assert "add --yes" in err
    assert sandbox.calls.mutating.total() == 0


async def test_a_pool_in_shadow_is_refused(account, tmp_path):
    sandbox, url = account
    code, _, err = await stoker(*command(tmp_path, url, "--yes", mode="shadow"))

    assert code == 1
    assert "is in shadow mode, in which Stoker never writes" in err
    assert sandbox.calls.mutating.total() == 0


async def test_a_pool_that_is_not_in_the_policy_is_refused_before_anything_is_read(account, tmp_path):
    sandbox, url = account
    code, _, err = await stoker(*command(tmp_path, url, "--yes", "--live-check", "other"))

    assert code == 2
    assert "no pool 'other' in the policy; it has agent" in err
    assert sandbox.calls.reading.total() == 0


async def test_an_interrupted_check_releases_the_unit(tmp_path):
    sandbox = sandbox_of(preparation=600.0, agent=0)
    async with (SandboxServer(sandbox) as server,
                started(command(tmp_path, server.url, "--yes"), clean_environment()) as process,
                asyncio.timeout(PATIENCE_SECONDS)):
        while not puts(sandbox):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, _ = await process.communicate()

    assert sandbox.hosted("agent").function.provisioned == 0
    assert b"live check: agent: set back to 0 after" in out
    assert b"interrupted: setting capacity back to 0" in out

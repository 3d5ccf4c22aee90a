"""A real daemon reloads its policy by every trigger; nothing restarts, and SIGHUP never ends it."""

import asyncio
import contextlib
import os
import signal

from tests.e2e.daemons import daemon, policy_text, sandbox_of, serving, stoker

TOKEN = "correct-horse-battery-staple"


async def test_each_trigger_reloads_and_unchanged_pools_get_no_write(tmp_path):
    sandbox, policy = sandbox_of(agent=5, other=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", "other", low=3, high=5))
    environment = {"STOKER_TOKEN": TOKEN}
    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url, environment=environment) as run:
        await run.until(lambda: run.told("first-tick"))
        address = run.told("listening")[0]["url"]
        policy.write_text(policy_text("agent", "other", low=4, high=6))
        run.process.send_signal(signal.SIGHUP)
        await run.until(lambda: run.told("policy-reloaded", trigger="SIGHUP"))
        policy.write_text(policy_text("agent", low=4, high=6))
        code, out, err = await stoker("reload", "--url", address, environment=environment)
        assert (code, err, out.splitlines()[0]) == (0, "", "- pool other")
        assert run.told("orphan", pool="other")
        policy.write_text("version: 1\npools: [")
        code, _, err = await stoker("reload", "--url", address, environment=environment)
        assert code == 2
        assert f"{policy}:" in err
        policy.write_text(policy_text("agent", "other", low=4, high=6))
        await run.until(lambda: run.told("policy-reloaded", trigger="changed file"))
        for _ in range(20):
            run.process.send_signal(signal.SIGHUP)
        assert await run.end(signal.SIGTERM) == 0

    assert len(run.told("started")) == 1


async def test_sighup_during_the_start_and_during_the_shutdown_does_not_end_the_process(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url) as run:
        await run.until(lambda: run.told("listening"))
        run.process.send_signal(signal.SIGHUP)
        await run.until(lambda: run.told("first-tick"))
        run.process.send_signal(signal.SIGTERM)
        while run.process.returncode is None:
            with_signal(run.process, signal.SIGHUP)
            await asyncio.sleep(0.002)
        assert run.process.returncode == 0


def with_signal(process, sign):
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, sign)

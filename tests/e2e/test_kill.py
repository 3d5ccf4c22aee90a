"""A real daemon is killed at the worst instants; the next one goes on as if nothing had been."""

import signal

from adapters.sandbox.faults import Trouble
from tests.e2e.daemons import daemon, policy_text, puts, sandbox_of, serving, stoker

PUT = "PutProvisionedConcurrencyConfig"


async def test_after_a_kill_before_an_applied_write_capacity_is_read_and_requested_again(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    sandbox.faults.hang(PUT)
    async with serving(sandbox) as url:
        async with daemon(policy, tmp_path / "state", url) as first:
            await first.until(lambda: sandbox.calls.mutating[PUT] == 1)
            assert await first.end(signal.SIGKILL) == -signal.SIGKILL
        assert puts(sandbox) == []
        sandbox.faults.clear()
        async with daemon(policy, tmp_path / "state", url) as second:
            await second.until(lambda: second.told("decision", action="write"))

            assert second.told("unconfirmed-write", pool="agent")
            assert len(puts(sandbox)) == 1
            assert await second.end(signal.SIGTERM) == 0


async def test_after_a_kill_behind_an_applied_write_nothing_is_written_again(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    sandbox.faults.add(Trouble.DRIP, PUT)
    async with serving(sandbox) as url:
        async with daemon(policy, tmp_path / "state", url) as first:
            await first.until(lambda: len(puts(sandbox)) == 1)
            assert await first.end(signal.SIGKILL) == -signal.SIGKILL
            assert not first.told("decision", action="write")
        written = puts(sandbox)
        sandbox.faults.clear()
        async with daemon(policy, tmp_path / "state", url) as second:
            await second.until(lambda: second.told("first-tick"))

            assert second.told("unconfirmed-write", pool="agent", target=written[0])
            assert puts(sandbox) == written
            assert not second.told("decision", reasons=["foreign-write"])
            assert await second.end(signal.SIGTERM) == 0


async def test_after_a_kill_at_rest_the_next_start_changes_nothing_and_keeps_the_decision(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    async with serving(sandbox) as url:
        async with daemon(policy, tmp_path / "state", url) as first:
            await first.until(lambda: first.told("decision", action="write"))
            await first.end(signal.SIGKILL)
        mutating = sandbox.calls.mutating.total()
        async with daemon(policy, tmp_path / "state", url) as second:
            await second.until(lambda: second.told("first-tick"))
            here = second.told("listening")[0]["url"]
            code, out, _ = await stoker("status", "agent", "--json", "--url", here)

            assert code == 0, out
            assert sandbox.calls.mutating.total() == mutating
            assert '"last_write": null' not in out


async def test_a_second_daemon_on_the_same_store_is_refused(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))
    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url) as first:
        await first.until(lambda: first.told("listening"))
        code, _, err = await stoker("run", "--policy", str(policy), "--state-dir", str(tmp_path / "state"), "--port", "0",
                                    "--sandbox-url", url)

        assert code == 1
        assert f"in use by another Stoker (process {first.process.pid})" in err
        assert len([line for line in err.splitlines() if line.strip()]) == 1


async def test_the_first_signal_waits_for_a_write_in_flight_and_the_second_does_not(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    sandbox.faults.hang(PUT)
    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url) as run:
        await run.until(lambda: sandbox.calls.mutating[PUT] == 1)
        run.process.send_signal(signal.SIGTERM)
        await run.until(lambda: run.told("stopping"))
        assert run.process.returncode is None

        assert await run.end(signal.SIGTERM) == 1
        assert not run.told("stopped")

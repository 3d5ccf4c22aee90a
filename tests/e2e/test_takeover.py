"""Real daemons share a lease over one sandbox: leaders are killed, frozen and stopped, and what the provider got to see."""

import asyncio
import contextlib
import signal
import sqlite3

from adapters.sandbox.faults import Trouble
from tests.e2e.daemons import daemon, policy_text, sandbox_of, serving
from tests.e2e.takeover import FREEZE, KILL, PUT, STOP, Play, lease_of, number_of


async def test_leaders_take_over_and_no_write_is_repeated_or_sent_with_an_old_fencing_token(tmp_path):
    play = Play(tmp_path, lease_of("dynamodb", tmp_path))
    report = await play.run((KILL, FREEZE, STOP), 1.0)

    assert report.broken() == []
    assert {number for *_, number in report.writes} >= {1, 2}
    assert report.orders > 3
    assert report.ahead
    assert all(not any("foreign-write" in line["reasons"] for line in run.told("decision")) for run in play.runs.values())


async def test_a_leader_paused_during_a_write_does_not_send_it_on_resume(tmp_path):
    sandbox, policy, ready, frozen = sandbox_of(agent=5), tmp_path / "policy.yaml", asyncio.Event(), asyncio.Event()
    policy.write_text(policy_text("agent", low=3) + lease_of("sqlite", tmp_path))
    more = ("--tick-seconds", "0.5", "--lease-seconds", "2")

    def take(call):
        """No write succeeds until somebody stands by; then who leads is frozen, having asked the last that is asked before it."""
        if frozen.is_set():
            return None
        if call.operation == "GetAlias" and ready.is_set():
            ada.process.send_signal(signal.SIGSTOP)
            if not locked(tmp_path / "lease.db"):
                frozen.set()
                return None
            ada.process.send_signal(signal.SIGCONT)
            return Trouble.THROTTLE
        return Trouble.THROTTLE if call.operation == PUT else None

    sandbox.faults.take = take
    async with serving(sandbox) as url, daemon(policy, tmp_path / "a", url, *more) as ada:
        await ada.until(lambda: ada.told("leading"))
        async with daemon(policy, tmp_path / "b", url, *more) as bob:
            await bob.until(lambda: bob.told("standby") and bob.told("first-tick"))
            ready.set()
            await ada.until(frozen.is_set)
            before, decided = len(sandbox.calls.writes), len(ada.told("decision"))
            await bob.until(lambda: bob.told("leading", fencing=2) and sandbox.calls.accepted(PUT))
            ada.process.send_signal(signal.SIGCONT)
            await ada.until(lambda: ada.told("lease-lost", fencing=1) and len(ada.told("decision")) > decided)

    assert {number_of(write) for write in sandbox.calls.writes[before:]} == {2}
    assert len(sandbox.calls.accepted(PUT)) == len(sandbox.calls.writes[before:])


def locked(lease):
    """Whether a file of leases is being changed: who is frozen in the midst of that keeps it locked, and nobody can take over."""
    with contextlib.closing(sqlite3.connect(lease, timeout=0, isolation_level=None)) as base:
        try:
            base.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
    return False

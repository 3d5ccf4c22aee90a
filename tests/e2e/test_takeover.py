"""Two real daemons share a lease over one sandbox; each way to end a leader, and what the provider got to see of it."""

import asyncio
import contextlib
import json
import re
import signal

from tests.e2e.daemons import daemon, policy_text, sandbox_of, serving, stoker

PUT = "PutProvisionedConcurrencyConfig"
FAST = ("--tick-seconds", "0.5", "--lease-seconds", "3")
TOKEN = "correct-horse-battery-staple"


def lease_text(kind, folder):
    return {"sqlite": f"lease: {{kind: sqlite, path: {folder / 'lease.db'}}}\n",
            "dynamodb": "lease: {kind: dynamodb, region: us-east-1, table: stoker-lease}\n"}[kind]


def world(kind, folder):
    sandbox, policy, token = sandbox_of(agent=5), folder / "policy.yaml", folder / "token"
    sandbox.tables["stoker-lease"] = {}
    policy.write_text(policy_text("agent", low=3) + lease_text(kind, folder))
    token.write_text(TOKEN)
    return sandbox, policy, (*FAST, "--token-file", str(token))


def written(sandbox):
    """Units and fencing number of every write that took effect, in order."""
    return [(write.value, int(re.search(r"fencing/(\d+)", write.agent)[1])) for write in sandbox.calls.accepted(PUT)]


@contextlib.asynccontextmanager
async def pair(sandbox, policy, folder, more):
    """A leader that has written, and one that stands by."""
    async with serving(sandbox) as url, daemon(policy, folder / "a", url, *more) as ada:
        await ada.until(lambda: ada.told("decision", action="write"))
        async with daemon(policy, folder / "b", url, *more) as bob:
            await bob.until(lambda: bob.told("standing-by") and bob.told("first-pass"))
            yield ada, bob


def at(run):
    return run.told("listening")[0]["url"]


async def ordered(run, token, units):
    """A write that is wanted at once: a pin."""
    return await stoker("pin", "agent", str(units), "--for", "1h", "--reason", "test", "--by", "ana", "--url", at(run),
                        "--token-file", token)


async def test_a_killed_leader_is_followed_and_nothing_is_written_twice(tmp_path):
    sandbox, policy, more = world("dynamodb", tmp_path)
    async with pair(sandbox, policy, tmp_path, more) as (ada, bob):
        refused, _, why = await ordered(bob, more[-1], 9)
        taken, _, err = await ordered(ada, more[-1], 8)
        await bob.until(lambda: written(sandbox)[-1] == (8, 1))
        await ada.end(signal.SIGKILL)
        await bob.until(lambda: bob.told("leading", fencing=2) and bob.told("override-kept", order="pin 8"))
        raised, _, _ = await ordered(bob, more[-1], 11)
        await bob.until(lambda: written(sandbox)[-1] == (11, 2))
        _, shown, _ = await stoker("status", "agent", "--json", "--url", at(bob))

    assert (refused, f"ask the leader at {at(ada)}" in why) == (1, True), why
    assert (taken, raised) == (0, 0), err
    assert written(sandbox) == [(5, 1), (8, 1), (11, 2)]
    assert not [line for line in bob.told("decision") if "foreign-write" in line["reasons"]]
    assert bob.told("decision", action="write", target=11, fencing=2)
    assert json.loads(shown)["target"] == 11


async def test_a_leader_that_stops_in_order_hands_over_at_once(tmp_path):
    sandbox, policy, more = world("sqlite", tmp_path)
    async with pair(sandbox, policy, tmp_path, (*more, "--lease-seconds", "60")) as (ada, bob):
        assert await ada.end(signal.SIGTERM) == 0
        await bob.until(lambda: bob.told("leading", fencing=2), seconds=25)

    assert ada.told("lease-released", fencing=1)
    assert written(sandbox) == [(5, 1)]


async def test_a_leader_that_was_frozen_past_its_term_writes_nothing_with_the_old_number(tmp_path):
    sandbox, policy, more = world("sqlite", tmp_path)
    sandbox.faults.hang("GetAlias")  # a write of ada's is under way, and has not been sent
    async with serving(sandbox) as url, daemon(policy, tmp_path / "a", url, *more) as ada:
        await ada.until(lambda: ada.told("leading") and sandbox.calls.reading["GetAlias"])
        async with daemon(policy, tmp_path / "b", url, *more) as bob:
            await bob.until(lambda: bob.told("standing-by") and bob.told("first-pass"))
            ada.process.send_signal(signal.SIGSTOP)
            sandbox.faults.clear()
            await bob.until(lambda: bob.told("leading", fencing=2))
            await bob.until(lambda: written(sandbox))
            ada.process.send_signal(signal.SIGCONT)
            await ada.until(lambda: ada.told("standing-by"))
            await asyncio.sleep(2)

    assert ada.told("lease-lost", fencing=1)
    assert {number for _, number in written(sandbox)} == {2}

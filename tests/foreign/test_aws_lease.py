"""Two real daemons share a lease in DynamoDB tables that this project did not write; the leader is killed, frozen and stopped."""

import itertools
import signal
from functools import partial

import pytest

from tests.e2e.daemons import daemon, policy_text, stoker

PUT = "PutProvisionedConcurrencyConfig"
LOOK = "GetAlias"
"""The last call before a write."""

TOKEN = "correct-horse-battery-staple"
TTL = 8.0


@pytest.fixture(params=["moto", "ministack"])
def shared(request, proxied, tmp_path):
    """An account with a function, a proxy that counts what is written to it, and what two daemons are started with: a policy
    with a lease, and the environment in which its table is found.
    """
    account, proxy = proxied
    account.function("agent", units=4)
    tables, table = request.getfixturevalue(request.param), f"lease-{account.number}"
    account.lease_table(table, tables.url)
    policy, token = tmp_path / "policy.yaml", tmp_path / "token"
    policy.write_text(policy_text("agent") + f"lease: {{kind: dynamodb, region: us-east-1, table: {table}}}\n")
    token.write_text(TOKEN)
    environment = account.environment | {"AWS_ENDPOINT_URL_DYNAMODB": tables.url}

    def start(name):
        return daemon(policy, tmp_path / name, None, "--tick-seconds", "0.5", "--lease-seconds", str(TTL),
                      "--token-file", str(token), environment=environment)

    async def pin(run, units):
        code, out, err = await stoker("pin", "agent", str(units), "--for", "1h", "--reason", "test", "--token-file", str(token),
                                      "--url", run.told("listening")[0]["url"])
        assert code == 0, out + err

    return account, proxy, start, pin


def number(run):
    """The fencing number under which a daemon led last; 0 when it never did."""
    return max((line["fencing"] for line in run.told("leading")), default=0)


async def leader_and_other(*runs):
    """Of two daemons the one that leads, and the one that stands by."""
    for run in runs:
        await run.until(lambda run=run: run.told("standby") or number(run))
    await runs[0].until(lambda: any(map(number, runs)))
    return sorted(runs, key=number, reverse=True)


async def test_a_standby_leads_after_a_kill_a_pause_and_a_stop_and_nothing_is_written_twice(shared):
    account, proxy, start, pin = shared
    async with start("ada") as ada, start("bob") as bob:
        killed, heir = await leader_and_other(ada, bob)
        await killed.until(lambda: account.requested("agent") == 4)
        await killed.end(signal.SIGKILL)
        await heir.until(lambda: number(heir) > number(killed))
        async with start("third") as third:
            frozen, stopped = await leader_and_other(heir, third)
            lost, last = len(frozen.told("lease-lost")), number(frozen)
            frozen.process.send_signal(signal.SIGSTOP)
            await stopped.until(lambda: number(stopped) > last)
            await pin(stopped, 7)
            await stopped.until(lambda: account.requested("agent") == 7)
            frozen.process.send_signal(signal.SIGCONT)
            await frozen.until(lambda: len(frozen.told("lease-lost")) > lost)
            assert await stopped.end(signal.SIGTERM) == 0
            await frozen.until(lambda: number(frozen) > number(stopped))
            assert await frozen.end(signal.SIGTERM) == 0

    assert (proxy.calls()[PUT], account.requested("agent")) == (2, 7)


async def test_a_leader_paused_between_decision_and_write_does_not_write_on_resume(shared):
    account, proxy, start, pin = shared
    async with start("ada") as ada, start("bob") as bob:
        frozen, heir = await leader_and_other(ada, bob)
        await frozen.until(lambda: account.requested("agent") == 4)
        lost = len(frozen.told("lease-lost"))
        for units in itertools.count(7):
            await frozen_at_its_look(frozen, proxy, partial(pin, frozen, units))
            if account.requested("agent") != units:
                break
            frozen.process.send_signal(signal.SIGCONT)  # the machine was too slow: it had written already
        await heir.until(lambda: account.requested("agent") == units)
        frozen.process.send_signal(signal.SIGCONT)
        await frozen.until(lambda: len(frozen.told("lease-lost")) > lost and frozen.told("decision", action="hold"))
        assert await heir.end(signal.SIGTERM) == 0

    assert (proxy.calls()[PUT], account.requested("agent")) == (units - 5, units), "4, then each number from 7 on, once"


async def frozen_at_its_look(run, proxy, order):
    """Freeze a daemon while the last call before the write that `order` asks for takes three seconds."""
    looks = proxy.calls()[LOOK]
    proxy.disturb({"service": "lambda", "operation": LOOK, "latency": 3000, "times": 1})
    await order()
    await run.until(lambda: proxy.calls()[LOOK] > looks)
    run.process.send_signal(signal.SIGSTOP)

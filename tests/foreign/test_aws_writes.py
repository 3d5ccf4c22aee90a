"""Real daemons against servers that this project did not write: writes up and down, kills, and what others set."""

import json
import signal

from tests.e2e.daemons import daemon, policy_text, stoker

GET = "GetProvisionedConcurrencyConfig"
PUT, DELETE = "PutProvisionedConcurrencyConfig", "DeleteProvisionedConcurrencyConfig"
TOKEN = "correct-horse-battery-staple"
TICKS = ("--tick-seconds", "0.5")


def policy_for(tmp_path, *names, **changes):
    path = tmp_path / "policy.yaml"
    path.write_text(policy_text(*names, **changes))
    return path


async def test_capacity_is_raised_lowered_and_released(proxied, tmp_path):
    account, proxy = proxied
    account.function("agent", units=4)
    policy, token = policy_for(tmp_path, "agent"), tmp_path / "token"
    token.write_text(TOKEN)
    more = ("--token-file", str(token))
    async with daemon(policy, tmp_path / "state", None, *TICKS, *more, environment=account.environment) as run:
        await run.until(lambda: account.requested("agent") == 4)
        at = ("--for", "1h", "--reason", "test", "--url", run.told("listening")[0]["url"], *more)
        for units in (7, 2, 0):
            code, out, err = await stoker("pin", "agent", str(units), *at)
            assert code == 0, out + err
            await run.until(lambda units=units: account.requested("agent") == units)
        assert await run.end(signal.SIGTERM) == 0

    assert (proxy.calls()[PUT], proxy.calls()[DELETE]) == (3, 1)


async def test_after_a_kill_the_next_daemon_writes_nothing_and_reads_the_decision(proxied, tmp_path):
    account, proxy = proxied
    account.function("agent", units=4)
    policy = policy_for(tmp_path, "agent")
    async with daemon(policy, tmp_path / "state", None, *TICKS, environment=account.environment) as first:
        await first.until(lambda: first.told("decision", action="write", target=4))
        await first.end(signal.SIGKILL)
    async with daemon(policy, tmp_path / "state", None, *TICKS, environment=account.environment) as second:
        await second.until(lambda: second.told("first-tick"))
        _, shown, _ = await stoker("status", "agent", "--json", "--url", second.told("listening")[0]["url"])
        assert await second.end(signal.SIGTERM) == 0

    assert (proxy.calls()[PUT], account.requested("agent")) == (1, 4)
    assert json.loads(shown)["last_write"] is not None
    assert not [line for line in second.told("decision") if "foreign-write" in line["reasons"]]


async def test_a_write_interrupted_by_a_kill_is_recognized_and_not_repeated(proxied, tmp_path):
    account, proxy = proxied
    account.function("agent", units=4)
    policy = policy_for(tmp_path, "agent")
    proxy.disturb({"service": "lambda", "operation": PUT, "response": {"bandwidth_kbps": 0.001}})
    async with daemon(policy, tmp_path / "state", None, *TICKS, environment=account.environment) as first:
        await first.until(lambda: account.requested("agent") == 4)
        await first.end(signal.SIGKILL)
        assert not first.told("decision", action="write")
    proxy.disturb()
    async with daemon(policy, tmp_path / "state", None, *TICKS, environment=account.environment) as second:
        await second.until(lambda: second.told("first-tick"))
        assert await second.end(signal.SIGTERM) == 0

    assert second.told("unconfirmed-write", pool="agent", target=4)
    assert (proxy.calls()[PUT], account.requested("agent")) == (1, 4)


async def test_a_write_with_a_lost_answer_is_read_back_and_not_repeated(proxied, tmp_path):
    account, proxy = proxied
    account.function("agent", units=4)
    policy = policy_for(tmp_path, "agent")
    proxy.disturb({"service": "lambda", "operation": PUT, "response": {"abort_frac": 0.3}})
    async with daemon(policy, tmp_path / "state", None, *TICKS, environment=account.environment) as run:
        await run.until(lambda: run.told("decision", pool="agent", action="keep"))
        assert await run.end(signal.SIGTERM) == 0

    assert (proxy.calls()[PUT], account.requested("agent")) == (1, 4)


async def test_capacity_set_by_another_client_is_reported_and_not_changed(proxied, tmp_path):
    account, proxy = proxied
    account.function("agent", units=4)
    policy = policy_for(tmp_path, "agent")
    async with daemon(policy, tmp_path / "state", None, *TICKS, environment=account.environment) as first:
        await first.until(lambda: first.told("decision", action="write", target=4))
        await first.end(signal.SIGTERM)
    account.client("lambda").put_provisioned_concurrency_config(FunctionName="agent", Qualifier="live",
                                                                ProvisionedConcurrentExecutions=2)
    async with daemon(policy, tmp_path / "state", None, *TICKS, environment=account.environment) as second:
        await second.until(lambda: second.told("decision"))
        read = proxy.calls()[GET]
        await second.until(lambda: proxy.calls()[GET] > read + 3)
        assert await second.end(signal.SIGTERM) == 0

    decision = second.told("decision")[0]
    assert (decision["action"], decision["target"], "foreign-write" in decision["reasons"]) == ("hold", 2, True)
    assert (proxy.calls()[PUT], account.requested("agent")) == (1, 2)


async def test_a_foreign_scalable_target_is_found_before_the_first_write(proxied, tmp_path):
    account, proxy = proxied
    account.function("scaled", units=4)
    account.scalable_target("scaled", least=1, most=9)
    policy = policy_for(tmp_path, "scaled")
    async with daemon(policy, tmp_path / "state", None, *TICKS, environment=account.environment) as run:
        await run.until(lambda: run.told("decision", action="hold"))
        await run.until(lambda: proxy.calls()["GetMetricData"] > 4)
        assert await run.end(signal.SIGTERM) == 0
    _, examined, _ = await stoker("doctor", str(policy), "--state-dir", str(tmp_path / "other"), "--json",
                                  environment=account.environment)

    assert "foreign-owner" in run.told("decision")[0]["reasons"]
    assert "a scalable target of 1 to 9" in run.told("decision")[0]["text"]
    assert "a scalable target of 1 to 9" in examined
    assert (proxy.calls()[PUT], account.requested("scaled")) == (0, 0)

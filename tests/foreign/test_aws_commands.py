"""Commands that only read, against servers that this project did not write. A proxy notes every call that they make."""

import json
from datetime import UTC, datetime

from tests.e2e.daemons import daemon, policy_text, stoker
from tests.foreign.proxy import READS


async def test_discover_drafts_a_valid_policy_of_the_functions_called_by_alias(proxied, tmp_path):
    account, proxy = proxied
    account.function("agent", units=4)
    account.function("silent", units=0, minutes=0)
    account.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=[  # of the whole region: no dimensions
        {"MetricName": "Invocations", "Timestamp": datetime.now(UTC), "Value": 9}])
    draft = tmp_path / "policy.yaml"
    code, out, err = await stoker("discover", "--region", "us-east-1", "--output", str(draft), environment=account.environment)
    assert code == 0, out + err
    valid, out, err = await stoker("validate", str(draft))
    assert valid == 0, out + err

    text = draft.read_text()
    assert "max: 6" in text, "1.5 × the peak of 4"
    assert "silent: not invoked in the last 14 days" in text
    assert proxy.calls().keys() <= READS


async def test_history_is_exported_and_a_backtest_reads_it(proxied, tmp_path):
    account, proxy = proxied
    account.function("agent", units=4, minutes=600)
    policy, history = tmp_path / "policy.yaml", tmp_path / "history"
    policy.write_text(policy_text("agent", mode="shadow"))
    code, out, err = await stoker("history", "--policy", str(policy), "--output", str(history), environment=account.environment)
    assert code == 0, out + err
    assert "0.0% unknown" in out
    code, out, err = await stoker("backtest", "--policy", str(policy), "--history", f"agent={history / 'agent.csv.gz'}",
                                  "--json", str(tmp_path / "out.json"))

    assert code == 0, out + err
    replayed = json.loads((tmp_path / "out.json").read_text())["pools"]["agent"]
    assert replayed["history"]["unknown_minutes"] == 0
    assert replayed["history"]["minutes"] > 590
    assert replayed["stoker"]["invocations"] == 240 * replayed["history"]["minutes"]
    assert proxy.calls().keys() <= {"GetMetricData"}


async def test_a_daemon_in_shadow_mode_plans_and_makes_no_mutating_call(proxied, tmp_path):
    account, proxy = proxied
    account.function("agent", units=4)
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", mode="shadow"))
    async with daemon(policy, tmp_path / "state", None, "--tick-seconds", "0.5", environment=account.environment) as run:
        await run.until(lambda: run.told("decision", action="would-write", target=4))
        await run.until(lambda: proxy.calls()["GetMetricData"] > 5)

    assert proxy.calls().keys() <= READS
    assert account.requested("agent") == 0


async def test_reserved_concurrency_of_a_function_is_named_where_it_limits(proxied, tmp_path):
    account, _ = proxied
    account.function("agent", units=4)
    account.client("lambda").put_function_concurrency(FunctionName="agent", ReservedConcurrentExecutions=2)
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))
    _, planned, err = await stoker("plan", "--policy", str(policy), "--json", environment=account.environment)
    _, examined, _ = await stoker("doctor", str(policy), "--state-dir", str(tmp_path / "state"), "--json",
                                  environment=account.environment)

    [plan] = json.loads(planned)["pools"]
    limit = "agent has 2 units of reserved concurrency, so at most 2 units"
    assert plan["target"] == 2, err
    assert limit in str(plan["reasons"])
    [finding] = [each for each in json.loads(examined)["findings"] if each["check"] == "quota" and each["subject"] == "agent"]
    assert finding["text"] == f"max is 20; {limit}"
    assert "raise the function's reserved concurrency" in finding["remedy"]

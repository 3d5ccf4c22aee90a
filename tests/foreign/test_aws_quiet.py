"""A function that is alone in its region and stops, and an outage of minutes, in a CloudWatch that this project did not write."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.daemons import policy_text, stoker

CALLS = [{"Name": name, "Value": value} for name, value in
         {"Service": "CloudWatch", "Class": "None", "Type": "API", "Resource": "GetMetricData"}.items()]


def put(account, namespace, metric, dimensions, minutes_ago, value):
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    points = [{"MetricName": metric, "Dimensions": dimensions, "Timestamp": now - timedelta(minutes=ago), "Value": value}
              for ago in minutes_ago]
    for first in range(0, len(points), 500):
        account.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=points[first:first + 500])


def ran(account, minutes_ago, units=4):
    """`agent` ran in these minutes, and nothing else in the region."""
    account.function("agent", units=0, minutes=0)
    alias = [{"Name": "FunctionName", "Value": "agent"}, {"Name": "Resource", "Value": "agent:live"}]
    for dimensions in (alias, []):
        put(account, "AWS/Lambda", "Invocations", dimensions, minutes_ago, 60 * units)
        put(account, "AWS/Lambda", "ConcurrentExecutions", dimensions, minutes_ago, units)


async def metrics_found(account, folder, setting="hold"):
    policy = folder / "policy.yaml"
    policy.write_text(policy_text("agent").replace("mode: active", f"mode: active, on_quiet_region: {setting}"))
    ask = ("doctor", str(policy), "--state-dir", str(folder / "state"), "--json")
    _, out, err = await stoker(*ask, environment=account.environment)
    (found,) = [each for each in json.loads(out)["findings"] if each["check"] == "metrics"]
    assert not err
    return found


@pytest.mark.parametrize(("setting", "verdict"), [("hold", "warn"), ("trust", "ok")])
async def test_without_proof_of_idleness_the_cause_and_the_setting_are_named(proxied, tmp_path, setting, verdict):
    account, _ = proxied
    ran(account, range(60, 240))
    found = await metrics_found(account, tmp_path, setting)

    assert found["verdict"] == verdict, found
    assert setting == "trust" or "nothing has run in us-east-1 since" in found["text"]
    assert setting == "trust" or "on_quiet_region: trust" in found["remedy"]


async def test_counted_calls_prove_that_a_function_is_idle(proxied, tmp_path):
    account, _ = proxied
    ran(account, range(60, 240))
    put(account, "AWS/Usage", "CallCount", CALLS, range(240), 2)

    assert (await metrics_found(account, tmp_path))["verdict"] == "ok"


@pytest.mark.parametrize("counted", [False, True])
async def test_an_outage_of_minutes_is_exported_as_unknown_and_not_as_idle(proxied, tmp_path, counted):
    account, _ = proxied
    ran(account, [*range(100), *range(109, 240)])
    if counted:
        put(account, "AWS/Usage", "CallCount", CALLS, [*range(100), *range(109, 240)], 2)
    policy, folder = tmp_path / "policy.yaml", tmp_path / "history"
    policy.write_text(policy_text("agent", mode="shadow"))
    code, out, err = await stoker("history", "--policy", str(policy), "--output", str(folder), environment=account.environment)
    assert code == 0, out + err

    rows = [line.split(",") for line in gzip.decompress((folder / "agent.csv.gz").read_bytes()).decode().splitlines()[1:]]
    told = [row[1] for row in rows[-235:]]
    assert told.count("") >= 9
    assert not [value for value in told if value and float(value) == 0]

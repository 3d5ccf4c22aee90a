"""`stoker doctor` and `stoker plan` with static keys against servers that this project did not write."""

import json

from tests.e2e.daemons import policy_text, stoker


async def test_doctor_passes_and_plan_reads_the_function_and_its_demand(account, tmp_path):
    account.function("agent", units=4)
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))

    code, out, err = await stoker("doctor", str(policy), "--state-dir", str(tmp_path / "state"), "--json",
                                  environment=account.environment)
    report = json.loads(out)
    assert code == 0, out + err
    assert [finding for finding in report["findings"] if finding["verdict"] in ("warn", "fail")] == []

    code, out, err = await stoker("plan", "--policy", str(policy), "--json", environment=account.environment)
    assert code == 0, out + err
    [planned] = json.loads(out)["pools"]
    assert (planned["actual_requested"], planned["target"], planned["action"]) == (0, 4, "write")
    assert account.requested("agent") == 0, "a plan writes nothing"

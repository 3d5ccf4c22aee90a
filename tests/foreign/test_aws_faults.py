"""Trouble in the wire format of AWS, by a proxy that this project did not write: capacity is held, and a line says why."""

import json
import signal

import pytest

from tests.e2e.daemons import daemon, policy_text, stoker

PUT = "PutProvisionedConcurrencyConfig"
TOKEN = "correct-horse-battery-staple"
READING = (
    ({"service": "lambda", "error": {"code": "TooManyRequestsException"}}, "AWS throttled lambda:"),
    ({"service": "lambda", "error": {"code": "ServiceException"}}, "no usable response to lambda:"),
    ({"service": "lambda", "response": {"truncate_frac": 0.5}}, "truncated or not JSON"),
    ({"service": "lambda", "response": {"corrupt_bytes": 24}}, "no usable response to lambda:"),
    ({"service": "lambda", "response": {"abort_frac": 0.5}}, "no usable response to lambda:"),
    ({"service": "lambda", "reset": True}, "no usable response to lambda:"),
    ({"service": "*", "error": {"code": "ExpiredTokenException", "status": 400}}, "the AWS credentials have expired"),
    ({"service": "*", "error": {"code": "InvalidSignatureException", "status": 403}}, "(InvalidSignatureException)"),
    ({"service": "*", "error": {"code": "RequestTimeTooSkewed", "status": 403}}, "(RequestTimeTooSkewed)"),
    ({"service": "*", "error": {"code": "UnrecognizedClientException", "status": 403}}, "AWS refuses the credentials"),
)
WRITING = (
    ({"service": "lambda", "operation": PUT, "response": {"truncate_frac": 0.5}}, "was sent and got no usable response"),
    ({"service": "lambda", "operation": PUT, "response": {"abort_frac": 0.5}}, "was sent and got no usable response"),
)
METRICS = (
    ({"service": "cloudwatch", "error": {"code": "Throttling", "status": 400}}, "AWS throttled cloudwatch:GetMetricData"),
    ({"service": "cloudwatch", "error": {"code": "InternalServiceError", "status": 500}}, "no usable response to cloudwatch:"),
    ({"service": "cloudwatch", "response": {"truncate_frac": 0.5}}, "truncated or not JSON"),
    ({"service": "cloudwatch", "response": {"corrupt_bytes": 400}}, "no usable response to cloudwatch:"),
    ({"service": "cloudwatch", "error": {"code": "ExpiredTokenException", "status": 403}}, "the AWS credentials have expired"),
)


@pytest.fixture
def policy(proxied, tmp_path):
    account, _ = proxied
    account.function("agent", units=4)
    path, token = tmp_path / "policy.yaml", tmp_path / "token"
    path.write_text(policy_text("agent"))
    token.write_text(TOKEN)
    return path


async def test_faults_hold_capacity_and_the_pin_is_applied_afterwards(proxied, policy, tmp_path):
    account, proxy = proxied
    more = ("--token-file", str(tmp_path / "token"))
    async with daemon(policy, tmp_path / "state", None, "--tick-seconds", "0.5", *more, environment=account.environment) as run:
        await run.until(lambda: account.requested("agent") == 4)
        for units, (rule, phrase) in enumerate((*READING, *WRITING), start=5):
            began, writes = len(run.lines), proxy.calls()[PUT]
            proxy.disturb(rule)
            code, out, err = await stoker("pin", "agent", str(units), "--for", "1h", "--reason", "test", "--url",
                                          run.told("listening")[0]["url"], *more)
            assert code == 0, out + err
            await run.until(lambda began=began, phrase=phrase: lines_with(run, began, phrase))
            assert account.requested("agent") in ({units - 1} if (rule, phrase) in READING else {units})
            proxy.disturb()
            await run.until(lambda units=units: account.requested("agent") == units)
            await run.until(lambda began=began: run.lines[began:][-1].get("action") in ("write", "keep", None))
            assert len(lines_with(run, began, phrase)) <= 2, lines_with(run, began, phrase)
            assert proxy.calls()[PUT] - writes <= 2
        assert await run.end(signal.SIGTERM) == 0

    assert [line for line in run.lines if line["event"] == "raw"] == [], "no traceback"


def lines_with(run, began, phrase):
    """The lines of decisions since line `began` that say so."""
    return [line["text"] for line in run.lines[began:] if line["event"] == "decision" and phrase in line["text"]]


@pytest.mark.parametrize(("rule", "phrase"), METRICS, ids=lambda each: str(each)[:60] if isinstance(each, str) else None)
async def test_without_readable_metrics_capacity_is_held_and_plan_fails_with_the_reason(proxied, policy, rule, phrase):
    account, proxy = proxied
    account.client("lambda").put_provisioned_concurrency_config(FunctionName="agent", Qualifier="live",
                                                                ProvisionedConcurrentExecutions=9)
    proxy.disturb(rule)
    code, out, err = await stoker("plan", "--policy", str(policy), "--json", environment=account.environment)
    [planned] = json.loads(out)["pools"]

    assert (code, planned["action"], planned["target"]) == (1, "hold", 9)
    assert phrase in planned["error"]
    assert phrase in err
    assert ("\n" in planned["error"], "Traceback" in err) == (False, False)

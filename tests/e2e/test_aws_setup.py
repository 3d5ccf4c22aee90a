"""Commands and the daemon report a wrong setting of AWS's client by its name, and blame neither the network nor a permission."""

import json

import pytest

from tests.e2e.daemons import policy_text, stoker

CONFIG = """
[profile failing-program]
credential_process = sh -c 'echo hush-hush >&2; exit 3'
[profile token-file]
role_arn = arn:aws:iam::123456789012:role/x
web_identity_token_file = /nonexistent/token
"""
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAHUSHHUSHHUSH", "AWS_SECRET_ACCESS_KEY": "hush-hush"}


@pytest.fixture
def policy(tmp_path):
    (tmp_path / "config").write_text(CONFIG)
    path = tmp_path / "policy.yaml"
    path.write_text(policy_text("agent", "tool"))
    return path


def environment(policy, **variables):
    return {"AWS_CONFIG_FILE": str(policy.with_name("config")), "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", **variables}


def clean(text):
    return "hush" not in text.lower() and "Traceback" not in text


@pytest.mark.parametrize(("variables", "named"), [
    ({"AWS_PROFILE": "token-file"}, "/nonexistent/token"),
    (KEYS | {"AWS_ENDPOINT_URL": "localhost:4566"}, "AWS_ENDPOINT_URL"),
])
async def test_plan_names_the_setup_fault(policy, variables, named):
    code, out, err = await stoker("plan", "--policy", str(policy), environment=environment(policy, **variables))

    assert code == 1
    assert named in err
    assert "network" not in out + err
    assert clean(out + err), out + err


async def test_doctor_names_the_setup_fault_and_no_permission(policy, tmp_path):
    code, out, _ = await stoker("doctor", str(policy), "--state-dir", str(tmp_path / "state"), "--json",
                                environment=environment(policy, AWS_PROFILE="nowhere"))
    found = json.loads(out)["findings"]
    failed = [finding for finding in found if finding["verdict"] == "fail"]
    skipped = {finding["check"] for finding in found if finding["verdict"] == "skipped"}

    assert code == 1
    assert [finding["check"] for finding in failed] == ["credentials"]
    assert "AWS_PROFILE" in failed[0]["text"]
    assert "stoker iam" not in failed[0]["remedy"]
    assert skipped >= {"pool", "answer", "permission"}


async def test_the_log_names_the_setup_fault_in_one_line_for_each_pool_without_quoting_secrets(policy, tmp_path):
    code, _, err = await stoker("run", "--policy", str(policy), "--state-dir", str(tmp_path / "state"), "--once", "--log-format",
                                "json", environment=environment(policy, AWS_PROFILE="failing-program"))
    named = [line for line in err.splitlines() if "credential_process of profile failing-program" in line]

    assert code == 1
    assert clean(err), err
    assert len([line for line in named if '"event": "plan"' in line or '"event": "decision"' in line]) == 2, named

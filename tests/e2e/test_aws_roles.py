"""Temporary credentials of STS, which AWS's library asks for itself, reach every command: no sandbox option, only variables."""

import json

import pytest

from tests.e2e.daemons import policy_text, sandbox_of, serving, stoker


def assume_role(folder, role):
    (folder / "config").write_text(f"[profile work]\nrole_arn = {role}\nsource_profile = base\n")
    (folder / "credentials").write_text("[base]\naws_access_key_id = AKIASTOKERSANDBOX001\naws_secret_access_key = any\n")
    return {"AWS_PROFILE": "work"}


def web_identity(folder, role):
    (folder / "token").write_text("head.body.signature")
    return {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "token")}


@pytest.mark.parametrize("kind", [assume_role, web_identity])
async def test_a_plan_is_made_and_carried_out_under_a_role(kind, tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    variables = kind(tmp_path, f"arn:aws:iam::{sandbox.settings.account}:role/stoker") | {
        "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}
    async with serving(sandbox) as url:
        variables["AWS_ENDPOINT_URL"] = url
        code, out, err = await stoker("plan", "--policy", str(policy), "--json", environment=variables)
        assert (code, [pool["actual_requested"] for pool in json.loads(out)["pools"]]) == (0, [0]), err
        code, _, err = await stoker("run", "--policy", str(policy), "--state-dir", str(tmp_path / "state"), "--once",
                                    environment=variables)

    assert code == 0, err
    [write] = sandbox.calls.accepted("PutProvisionedConcurrencyConfig")
    assert write.value >= 3
    assert sandbox.credentials.sessions

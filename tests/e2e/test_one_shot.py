"""A command that ends promises nothing that only a daemon does."""

import pytest

from tests.e2e.daemons import policy_text, sandbox_of, serving, stoker


@pytest.mark.parametrize("command", [
    ("plan", "--policy", "POLICY"), ("doctor", "POLICY", "--state-dir", "STATE"), ("discover", "--region", "us-east-1"),
    ("history", "--policy", "POLICY", "--output", "STATE"), ("release", "--policy", "POLICY", "--state-dir", "STATE", "--yes"),
], ids=lambda command: command[0])
@pytest.mark.parametrize("trouble", ["reset", "server_error"])
async def test_an_unusable_answer_of_a_provider_does_not_promise_a_retry(tmp_path, command, trouble):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))
    getattr(sandbox.faults, trouble)()
    places = {"POLICY": str(policy), "STATE": str(tmp_path / "state")}
    async with serving(sandbox) as url:
        code, out, err = await stoker(*(places.get(word, word) for word in command), "--sandbox-url", url)

    assert code != 0, out
    assert "tick" not in out + err
    assert "asked again" not in out + err

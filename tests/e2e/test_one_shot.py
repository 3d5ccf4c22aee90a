"""A command that ends promises nothing that only a daemon does."""

import pytest

from tests.e2e.daemons import policy_text, sandbox_of, serving, stoker


@pytest.mark.parametrize("command", [
    ("plan", "--policy", "POLICY"), ("doctor", "POLICY", "--state-dir", "STATE"), ("discover", "--region", "us-east-1"),
    ("history", "--policy", "POLICY", "--output", "STATE"), ("release", "--policy", "POLICY", "--state-dir", "STATE", "--yes"),
], ids=lambda command: command[0])
@pytest.mark.parametrize("trouble", ["reset", "server_error"])
async def test_a_provider_that_gives_no_usable_answer_is_not_said_to_be_asked_again(tmp_path, command, trouble):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))
    getattr(sandbox.faults, trouble)()
    places = {"POLICY": str(policy), "STATE": str(tmp_path / "state")}
    async with serving(sandbox) as url:
        code, out, err = await stoker(*(places.get(word, word) for word in command), "--sandbox-url", url)

    assert code != 0, out
    assert "tick" not in out + err
    assert "asked again" not in out + err

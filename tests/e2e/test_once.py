"""`stoker run --once` tells by its exit code whether anything could be looked at."""

from tests.e2e.daemons import policy_text, puts, sandbox_of, serving, stoker


async def once(policy, state, url):
    return await stoker("run", "--policy", str(policy), "--state-dir", str(state), "--once", "--log-format", "json",
                        "--sandbox-url", url)


async def test_it_fails_when_no_pool_could_be_read_and_names_the_reason(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", "tool"))
    code, _, err = await once(policy, tmp_path / "state", "http://127.0.0.1:9")

    assert code == 1
    assert "no pool could be read:" in err
    assert "cannot be reached" in err.split("no pool could be read:")[1]


async def test_one_pool_that_could_be_read_is_enough_and_is_set(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", "lost", low=3, lost="no-such-function"))
    async with serving(sandbox) as url:
        code, _, err = await once(policy, tmp_path / "state", url)

    assert code == 0, err
    assert len(puts(sandbox)) == 1

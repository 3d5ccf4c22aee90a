"""`stoker run --once` tells by its exit code whether anything could be looked at."""

from tests.e2e.daemons import policy_text, puts, sandbox_of, serving, stoker


async def once(policy, state, url):
    return await stoker("run", "--policy", str(policy), "--state-dir", str(state), "--once", "--log-format", "json",
                        "--sandbox-url", url)


async def test_a_single_run_fails_with_the_reason_when_no_pool_is_readable(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", "tool"))
    code, _, err = await once(policy, tmp_path / "state", "http://127.0.0.1:9")

    assert code == 1
    assert "no pool could be read:" in err
    assert "cannot be reached" in err.split("no pool could be read:")[1]


async def test_a_single_run_sets_the_one_readable_pool(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", "lost", low=3, lost="no-such-function"))
    async with serving(sandbox) as url:
        code, _, err = await once(policy, tmp_path / "state", url)

    assert code == 0, err
    assert len(puts(sandbox)) == 1

"""What an operator sees of a real daemon: shadow touches nothing, one bad pool is one line, an end is in order."""

import signal

from tests.e2e.daemons import daemon, policy_text, puts, sandbox_of, serving, stoker


async def test_shadow_makes_no_mutating_call_even_outside_floor_and_ceiling(tmp_path):
    sandbox, policy = sandbox_of(below=5, above=5), tmp_path / "policy.yaml"
    sandbox.hosted("above").function.capacity("live").put(50, sandbox.now_ms(), 0, init_fails=False)
    policy.write_text(policy_text("below", "above", mode="shadow", low=8, high=12))
    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url) as run:
        await run.until(lambda: run.told("first-tick"))
        await run.until(lambda: {line["pool"] for line in run.told("decision", action="would-write")} == {"below", "above"})
        wanted = {line["pool"]: line["target"] for line in run.told("decision", action="would-write")}
        assert await run.end(signal.SIGTERM) == 0

    assert 8 <= wanted["below"] <= 12
    assert wanted["above"] <= 12
    assert sandbox.calls.mutating.total() == 0
    assert sandbox.calls.reading.total() > 0


async def test_plan_makes_no_mutating_call_and_its_exit_code_reports_changes(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=3))
    async with serving(sandbox) as url:
        code, out, err = await stoker("plan", "--policy", str(policy), "--detailed-exitcode", "--sandbox-url", url)
        plain, _, _ = await stoker("plan", "--policy", str(policy), "--json", "--sandbox-url", url)

    assert code == 3, err
    assert plain == 0
    assert "agent" in out
    assert sandbox.calls.mutating.total() == 0


async def test_an_unknown_function_is_logged_in_one_line_and_other_pools_work(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", "lost", low=3, lost="no-such-function"))
    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url) as run:
        await run.until(lambda: run.told("decision", action="write", pool="agent") and run.told("decision", pool="lost"))

        lines = run.told("decision", pool="lost")
        assert len(lines) == 1
        assert "no-such-function" in lines[0]["text"]
        assert len(puts(sandbox)) == 1


async def test_an_unreachable_endpoint_is_logged_and_the_daemon_continues(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))
    async with daemon(policy, tmp_path / "state", "http://127.0.0.1:9") as run:
        await run.until(lambda: run.told("decision", pool="agent"))

        assert "cannot be reached" in run.told("decision", pool="agent")[0]["text"]
        assert await run.end(signal.SIGTERM) == 0


async def test_expired_credentials_are_logged_in_one_line_for_each_pool(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    sandbox.credentials.expired |= sandbox.credentials.accepted
    policy.write_text(policy_text("agent"))
    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url) as run:
        await run.until(lambda: run.told("first-tick"))

        lines = run.told("decision", pool="agent")
        assert len(lines) == 1
        assert "expired" in lines[0]["text"]
        assert not run.told("step-failed")
        assert await run.end(signal.SIGTERM) == 0


async def test_an_invalid_policy_exits_with_2_before_any_change(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent", low=30, high=20))
    code, _, err = await stoker("run", "--policy", str(policy), "--state-dir", str(tmp_path / "state"))

    assert code == 2
    assert f"{policy}:" in err
    assert not (tmp_path / "state").exists()


async def test_ctrl_c_shuts_down_gracefully_and_a_port_in_use_is_reported(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))
    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url) as run:
        await run.until(lambda: run.told("first-tick"))
        port = run.told("listening")[0]["url"].rpartition(":")[2]
        code, _, err = await stoker("run", "--policy", str(policy), "--state-dir", str(tmp_path / "other"), "--port", port,
                                    "--sandbox-url", url)
        assert (code, "set another --port" in err) == (1, True)

        assert await run.end(signal.SIGINT) == 0
        assert run.told("stopped")

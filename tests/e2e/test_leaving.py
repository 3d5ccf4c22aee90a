"""A real daemon is stopped or killed: what it leaves behind, at the wire."""

import signal

import aiohttp

from tests.e2e.daemons import daemon, policy_text, puts, sandbox_of, serving, stoker

DELETE, PUT = "DeleteProvisionedConcurrencyConfig", "PutProvisionedConcurrencyConfig"


async def test_a_stopped_daemon_releases_its_capacity_and_a_single_run_does_not(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent").replace("mode: active", "mode: active, on_exit: release"))
    async with serving(sandbox) as url:
        code, _, err = await stoker("run", "--policy", str(policy), "--state-dir", str(tmp_path / "state"), "--once",
                                    "--sandbox-url", url)
        assert code == 0, err
        assert len(puts(sandbox)) == 1
        assert sandbox.calls.mutating[DELETE] == 0
        async with daemon(policy, tmp_path / "state", url) as run:
            await run.until(lambda: run.told("first-tick"))
            assert await run.end(signal.SIGTERM) == 0

        assert sandbox.calls.mutating[DELETE] == 1
        assert sandbox.hosted("agent").function.provisioned == 0


async def test_release_works_after_a_kill_and_not_while_a_daemon_runs_or_without_yes(tmp_path):
    sandbox, policy = sandbox_of(agent=5, quiet=5), tmp_path / "policy.yaml"
    text = policy_text("agent", "quiet", low=2).replace("mode: active", "mode: active, on_exit: floor")
    policy.write_text(text + "    mode: shadow\n")
    release = ("release", "--policy", str(policy), "--state-dir", str(tmp_path / "state"))
    async with serving(sandbox) as url:
        async with daemon(policy, tmp_path / "state", url) as run:
            await run.until(lambda: run.told("first-tick"))
            code, _, err = await stoker(*release, "--yes", "--sandbox-url", url)
            assert (code, "in use" in err) == (1, True), err
            assert await run.end(signal.SIGKILL) == -signal.SIGKILL
        assert sandbox.hosted("agent").function.provisioned == 5
        before = sandbox.calls.mutating.total()

        code, out, err = await stoker(*release, "--sandbox-url", url)
        assert (code, sandbox.calls.mutating.total()) == (0, before), err
        assert "agent: would change from 5 to 2" in out
        assert "quiet: not changed: mode is shadow" in out

        code, out, err = await stoker(*release, "--yes", "--sandbox-url", url)
        assert code == 0, err
        assert "agent: changed from 5 to 2" in out
        assert sandbox.hosted("agent").function.provisioned == 2
        assert sandbox.hosted("quiet").function.provisioned == 0


async def test_release_sets_the_base_of_layers_and_sends_no_ping(tmp_path):
    sandbox, policy = sandbox_of(agent=5), tmp_path / "policy.yaml"
    address = "region: us-east-1, function: agent, alias: live"
    policy.write_text(f"""version: 1
pools:
  - name: agent
    mode: active
    on_exit: floor
    min: 2
    max: 20
    levers:
      - {{kind: lambda-provisioned-concurrency, {address}}}
      - {{kind: lambda-ping, {address}, handler: stoker, opted_in: true}}
""")
    async with serving(sandbox) as url:
        async with daemon(policy, tmp_path / "state", url) as run:
            await run.until(lambda: run.told("first-tick"))
            assert await run.end(signal.SIGKILL) == -signal.SIGKILL
        assert sandbox.hosted("agent").function.provisioned >= 2
        before = sandbox.calls.reading["Invoke"] + sandbox.calls.mutating["Invoke"]

        code, out, err = await stoker("release", "--policy", str(policy), "--state-dir", str(tmp_path / "state"), "--yes",
                                      "--sandbox-url", url)
        assert code == 0, err
        assert all(line.startswith(("agent: ", "agent:pings: not changed: ")) for line in out.splitlines() if line), out
        assert sandbox.hosted("agent").function.provisioned == 2
        assert sandbox.calls.reading["Invoke"] + sandbox.calls.mutating["Invoke"] == before


async def test_release_without_a_store_names_the_option(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy_text("agent"))

    code, _, err = await stoker("release", "--policy", str(policy), "--state-dir", str(tmp_path / "nowhere"))

    assert code == 2
    assert "--state-dir" in err
    assert not (tmp_path / "nowhere").exists()


async def test_release_with_a_damaged_store_fails(tmp_path):
    policy, state = tmp_path / "policy.yaml", tmp_path / "state"
    policy.write_text(policy_text("agent"))
    state.mkdir()
    (state / "stoker.db").write_bytes(b"not a database" * 1000)
    code, out, err = await stoker("release", "--policy", str(policy), "--state-dir", str(state), "--yes",
                                  "--sandbox-url", "http://127.0.0.1:9")

    assert (code, out) == (1, "")
    assert "was damaged and is now" in err
    assert "it is not known which pools Stoker has set" in err


async def test_a_pool_removed_from_the_policy_is_reported_until_it_is_released(tmp_path):
    sandbox, policy, state = sandbox_of(agent=5, former=5), tmp_path / "policy.yaml", tmp_path / "state"
    release = ("release", "--policy", str(policy), "--state-dir", str(state))
    async with serving(sandbox) as url:
        policy.write_text(policy_text("agent", "former"))
        async with daemon(policy, state, url) as run:
            await run.until(lambda: len(puts(sandbox)) == 2)
            await run.until(lambda: run.told("first-tick"))
            assert await run.end(signal.SIGTERM) == 0
        policy.write_text(policy_text("agent"))
        async with daemon(policy, state, url) as run:
            await run.until(lambda: run.told("first-tick"))
            (line,) = run.told("orphan")
            _, table, _ = await stoker("status", "--url", run.told("listening")[0]["url"])
            async with aiohttp.ClientSession() as session, session.get(run.told("listening")[0]["url"] + "/metrics") as answer:
                metrics = await answer.text()
            assert await run.end(signal.SIGTERM) == 0
        assert (line["pool"], line["units"]) == ("former", 5)
        assert "orphan former: 5 units that Stoker set on region=us-east-1 function=former alias=live" in table
        assert 'stoker_orphan_units{lever="lambda-provisioned-concurrency",pool="former"} 5.0' in metrics
        assert sandbox.hosted("former").function.provisioned == 5

        code, out, err = await stoker(*release, "--sandbox-url", url)
        assert (code, sandbox.calls.mutating[DELETE]) == (0, 0), err
        assert "former: not in the policy: would change from 5 to 0" in out

        code, out, err = await stoker(*release, "--yes", "--sandbox-url", url)
        assert code == 0, err
        assert "former: not in the policy: changed from 5 to 0" in out
        assert "agent: not changed: on_exit is hold" in out
        assert sandbox.hosted("former").function.provisioned == 0
        assert sandbox.hosted("agent").function.provisioned == 5

        code, out, err = await stoker(*release, "--yes", "--sandbox-url", url)
        assert (code, "former" in out) == (0, False), err

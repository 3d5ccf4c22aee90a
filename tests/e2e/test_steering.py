"""An operator steers a real daemon: the order is carried out, outlives a kill, is followed by a plan, and is explained."""

import json
import signal

from tests.e2e.daemons import daemon, policy_text, puts, sandbox_of, serving, stoker

TOKEN = "correct-horse-battery-staple"


async def test_a_pin_is_applied_survives_a_kill_and_is_explained(tmp_path):
    sandbox, policy, token, record = sandbox_of(agent=2), tmp_path / "policy.yaml", tmp_path / "token", tmp_path / "record.json"
    policy.write_text(policy_text("agent", low=1))
    token.write_text(f"{TOKEN}\n")
    more = ("--token-file", str(token), "--tick-seconds", "0.5")
    async with serving(sandbox) as url:
        async with daemon(policy, tmp_path / "state", url, *more) as run:
            await run.until(lambda: run.told("first-tick"))
            at = ("--url", run.told("listening")[0]["url"])
            refused, _, why_not = await stoker("pin", "agent", "9", "--for", "1h", "--reason", "launch", *at)
            code, out, err = await stoker("pin", "agent", "9", "--for", "1h", "--reason", "launch", "--by", "ana", *at, *more[:2])
            assert (code, "pin 9 until" in out) == (0, True), err
            assert "; takes effect now\nagent: pinned at 9 (requested " in out
            await run.until(lambda: puts(sandbox)[-1:] == [9])
            await run.end(signal.SIGKILL)
        async with daemon(policy, tmp_path / "state", url, *more) as run:
            await run.until(lambda: run.told("override-kept", pool="agent", override="pin 9") and run.told("first-tick"))
            at = ("--url", run.told("listening")[0]["url"])
            _, planned, _ = await stoker("plan", "--policy", str(policy), "--json", "--sandbox-url", url, *at)
            _, shown, _ = await stoker("status", "agent", *at)
            _, why, _ = await stoker("why", "agent", "--json", *at)
            record.write_text(why)
            same, told, wrong = await stoker("replay", str(record))
            assert puts(sandbox)[-1] == 9
            ended, _, _ = await stoker("clear", "agent", *at, *more[:2])
            assert await run.end(signal.SIGTERM) == 0

    assert (refused, "STOKER_TOKEN" in why_not) == (1, True)
    assert json.loads(planned)["pools"][0]["target"] == 9
    assert "by ana (launch): pinned at 9\n" in shown
    assert (same, told.startswith("the plans are equal:")) == (0, True), wrong
    assert (ended, bool(run.told("override-cleared", pool="agent"))) == (0, True)
    assert not any(TOKEN in json.dumps(line) for line in run.lines)


async def test_an_override_acts_between_two_ticks_and_says_what_holds_it(tmp_path):
    """Ticks are 60 s apart, longer than this test waits: only an immediate step can write what the command said."""
    sandbox, policy, token = sandbox_of(agent=2, watched=2), tmp_path / "policy.yaml", tmp_path / "token"
    policy.write_text(policy_text("agent", low=1, high=6)
                      + policy_text("watched", high=6, low=1).split("pools:\n")[1].replace("min:", "mode: shadow\n    min:"))
    token.write_text(f"{TOKEN}\n")
    say = ("--for", "1h", "--reason", "launch", "--by", "ana", "--token-file", str(token))
    async with serving(sandbox) as url, daemon(policy, tmp_path / "state", url, "--token-file", str(token)) as run:
        await run.until(lambda: run.told("first-tick"))
        at = ("--url", run.told("listening")[0]["url"])
        _, pinned, wrong = await stoker("pin", "agent", "2000", *say, *at)
        await run.until(lambda: puts(sandbox)[-1:] == [6])
        _, watched, _ = await stoker("pin", "watched", "4", *say, *at)
        await run.until(lambda: run.told("decision", pool="watched", target=4))
        _, why, _ = await stoker("why", "agent", *at)
        _, shown, _ = await stoker("status", "watched", *at)
        written = puts(sandbox)
        ended, said, _ = await stoker("clear", "agent", *at, "--token-file", str(token))

    held = "pinned at 2000; held at 6: the ceiling `max: 6` of the policy"
    assert pinned.splitlines()[1] == f"agent: {held}", wrong
    assert f": {held}\n" in why
    assert "shadow: nothing is written; simulated capacity follows" in watched
    assert "simulated capacity follows" in shown
    assert 4 not in written
    assert (ended, "takes effect now" in said) == (0, True)

"""The commands that steer, against a real daemon."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller.cli import main
from controller.decision.planning.overrides_in_force import Kind
from tests.services import TOKEN, serving

WITH = {"STOKER_TOKEN": TOKEN}
SAY = ("--reason", "launch", "--by", "ana")


@pytest.mark.parametrize(("command", "order", "effect"), [
    (("pause", "a"), "pause", "holding 3"), (("pin", "a", "12"), "pin 12", "pinned at 12 (requested 3 → 12)"),
    (("boost", "a", "+5"), "boost +5", "boosted from 3 to 8 (requested 3 → 8)"),
    (("boost", "a", "x1.5"), "boost x1.5", "boosted from 3 to 5 (requested 3 → 5)"),
])
async def test_an_override_is_set_and_cleared(tmp_path, command, order, effect):
    async with serving(tmp_path) as here:
        given = await here.stoker(*command, "--for", "90m", *SAY, env=WITH)
        assert (given.exit_code, given.output) == (
            0, f"a: {order} until 2026-03-02 13:30 UTC by ana (launch); takes effect now\na: {effect}\n")
        assert [each.order for each in here.components.active_overrides.of("a", here.clock.now())] == [order]
        ended = await here.stoker("clear", "a", env=WITH)

        assert (ended.exit_code, f"ended {order}" in ended.output) == (0, True)
        assert here.components.active_overrides.of("a", here.clock.now()) == ()


async def test_unpause_keeps_a_pin_and_reports_a_missing_pause(tmp_path):
    async with serving(tmp_path) as here:
        for order in (("pause", "a"), ("pin", "a", "3")):
            await here.stoker(*order, "--for", "1h", *SAY, env=WITH)
        first, second = [await here.stoker("unpause", "a", env=WITH) for _ in range(2)]

        assert "ended pause" in first.output
        assert (second.exit_code, second.output) == (0, "a: no pause is active\n")
        assert [each.kind for each in here.components.active_overrides.of("a", here.clock.now())] == [Kind.PIN]


async def test_status_shows_the_override(tmp_path):
    async with serving(tmp_path) as here:
        await here.stoker("pin", "a", "12", "--until", "2026-03-02T13:00:00Z", *SAY, env=WITH)
        await here.ticks()
        one, every = await here.stoker("status", "a"), await here.stoker("status")

    told = "pin 12 until 2026-03-02 13:00 UTC by ana (launch)"
    assert f"override                    {told}: pinned at 12\n" in one.output
    assert f"a: {told}: pinned at 12\n" in every.output


async def test_the_author_is_the_current_user_by_default(tmp_path):
    async with serving(tmp_path) as here:
        given = await here.stoker("pause", "a", "--for", "1h", "--reason", "r", "--json", env=WITH | {"LOGNAME": "carla"})

    assert json.loads(given.output)["set"]["by"] == "carla"


async def test_the_token_may_be_in_a_file(tmp_path):
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    async with serving(tmp_path) as here:
        given = await here.stoker("pause", "a", "--for", "1h", *SAY, "--token-file", str(file))

    assert given.exit_code == 0


@pytest.mark.parametrize(("env", "told"), [
    ({}, "set STOKER_TOKEN, or give --token-file"), ({"STOKER_TOKEN": "another-token-altogether"}, "wrong token"),
])
async def test_without_the_right_token_it_fails_in_one_line(tmp_path, env, told):
    async with serving(tmp_path) as here:
        given = await here.stoker("pause", "a", "--for", "1h", *SAY, env=env)

        assert (given.exit_code, len(given.output.splitlines())) == (1, 1)
        assert told in given.output
        assert here.components.active_overrides.of("a", here.clock.now()) == ()


async def test_a_daemon_without_a_token_names_the_option_for_one(tmp_path):
    async with serving(tmp_path, token=None) as here:
        given = await here.stoker("pause", "a", "--for", "1h", *SAY, env=WITH)

    assert (given.exit_code, "--token-file" in given.output) == (1, True)


async def test_a_status_400_of_the_daemon_is_wrong_input(tmp_path):
    async with serving(tmp_path) as here:
        given = await here.stoker("pause", "a", "--for", "8d", *SAY, env=WITH)
        nobody = await here.stoker("pause", "nobody", "--for", "1h", *SAY, env=WITH)

    assert (given.exit_code, "at most 7d" in given.output) == (2, True)
    assert (nobody.exit_code, "no pool called 'nobody'" in nobody.output) == (1, True)


@pytest.mark.parametrize("arguments", [
    ("pause", "a", "--for", "1h"), ("pause", "a", *SAY), ("pause", "a", "--for", "1h", "--until", "2026-03-02T13:00:00Z", *SAY),
    ("pin", "a", "-1", "--for", "1h", *SAY), ("pin", "a", "x", "--for", "1h", *SAY), ("boost", "a", "5", "--for", "1h", *SAY),
    ("boost", "a", "-5", "--for", "1h", *SAY), ("pause", "a", "--for", "1h", *SAY, "--url", "ftp://x"),
    ("pause", "a", "--for", "1h", *SAY, "--token-file", "/nowhere/token"),
])
def test_wrong_input_sends_no_request(arguments):
    told = CliRunner(env={"STOKER_URL": "http://127.0.0.1:9"}).invoke(main, arguments)

    assert told.exit_code == 2


@pytest.mark.parametrize("token", ["short", "with spaces in the middle of it", "ünïcödé-tökén-of-some-length"])
def test_an_unusable_token_is_refused_and_not_shown(tmp_path, token):
    file = tmp_path / "token"
    file.write_text(token)
    told = CliRunner().invoke(main, ["unpause", "a", "--token-file", str(file)])

    assert (told.exit_code, token in told.output, "openssl" in told.output) == (2, False, True)


def test_a_daemon_that_does_not_answer_is_one_line_with_the_remedy():
    told = CliRunner(env=WITH).invoke(main, ["unpause", "a", "--url", "http://127.0.0.1:9"])

    assert (told.exit_code, "check that `stoker run` is running there" in told.output) == (1, True)


async def test_a_plan_with_url_applies_the_overrides_of_the_daemon(tmp_path):
    """What `stoker plan --url` asks the daemon for is what the preview plans by."""
    from controller.cli.setup.plan import daemon_state
    from controller.preflight.dry_run import preview
    from tests.builders import pool_policy
    from tests.fakes import FakeProviders, FakeSource, steady
    from tests.worlds import policy_of

    async with serving(tmp_path) as here:
        await here.stoker("pin", "a", "12", "--for", "1h", *SAY, env=WITH)
        await here.ticks()
        import asyncio
        orders = (await asyncio.to_thread(daemon_state, here.service.url)).overrides
        providers = FakeProviders([(FakeSource({"a": steady(3)}), ("a",))], here.clock)
        [shown] = await preview(policy_of([pool_policy(name="a")]), providers, here.clock, orders)

    assert (shown.plan.target, shown.plan.reasons[-1].code.value) == (12, "pinned")
    assert orders["b"] == ()
    assert orders["a"][0].until - orders["a"][0].since == timedelta(hours=1)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no file without an end here")
def test_an_endless_token_file_is_refused():
    told = CliRunner().invoke(main, ["unpause", "a", "--token-file", "/dev/zero"])

    assert (told.exit_code, "a token is one line" in told.output) == (2, True)

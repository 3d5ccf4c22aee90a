"""`stoker status --watch`: each new state once, or a screen that is redrawn, until Ctrl-C; a daemon may be away meanwhile."""

import asyncio
import json

import pytest

from controller.cli.daemon_client import fetch
from controller.cli.failure import Failed
from controller.cli.operate.status import text_of
from controller.cli.operate.watch import EVERY_SECONDS, watch
from tests.services import serving, typed

AWAY = Failed("http://127.0.0.1:8080 does not answer")


def watched(answers, height=None):
    """Watch answers, of which some are errors, and press Ctrl-C after the last one. The seconds that were waited."""
    left, waited = iter(answers), []

    def read():
        answer = next(left)
        if isinstance(answer, Failed):
            raise answer
        return answer

    def pause(seconds):
        waited.append(seconds)
        if len(waited) == len(answers):
            raise KeyboardInterrupt

    watch(read, lambda body: f"{body['text']}\n", pause, height)
    return waited


def state(minute, text):
    return {"as_of": minute, "text": text}


def test_elsewhere_each_state_is_printed_once_and_an_outage_once(capsys):
    waited = watched([state(1, "one"), state(1, "one"), AWAY, AWAY, state(2, "two"), AWAY])

    assert capsys.readouterr() == ("one\ntwo\n", f"stoker: {AWAY.message}\n" * 2)
    assert waited == [EVERY_SECONDS] * 6


def test_a_terminal_is_redrawn_and_keeps_the_last_state_during_an_outage(capsys):
    watched([state(1, "one"), AWAY, state(2, "two")], height=24)
    screens = capsys.readouterr().out.split("\x1b[H\x1b[2J")[1:]

    assert screens == ["one\nevery 5 s; Ctrl-C stops\n", f"one\nstoker: {AWAY.message}\n", "two\nevery 5 s; Ctrl-C stops\n"]


def test_what_does_not_fit_the_terminal_is_counted(capsys):
    watched([state(1, "\n".join("abcdefgh"))], height=6)

    assert capsys.readouterr().out.splitlines() == ["\x1b[H\x1b[2Ja", "b", "c", "... 5 more lines", "every 5 s; Ctrl-C stops"]


def test_a_daemon_that_does_not_answer_at_first_is_a_failure():
    with pytest.raises(Failed, match="does not answer"):
        watched([AWAY])


async def test_the_option_needs_a_daemon_at_its_start():
    told = await typed("status", "--watch", "--url", "http://127.0.0.1:1")

    assert (told.exit_code, "check that `stoker run` is running there" in told.stderr) == (1, True)


@pytest.mark.parametrize("form", ["table", "json"])
async def test_the_text_of_all_and_of_one_is_that_of_the_status_command(tmp_path, form):
    async with serving(tmp_path) as here:
        for pool, path in ((None, "/status"), ("a", "/v1/pools/a")):
            told = await here.stoker("status", *filter(None, [pool]), "-o", form)
            body = await asyncio.to_thread(fetch, here.service.url, path)
            again = text_of(body, pool is None, form)
            assert form == "json" or told.stdout.split()[:3] == again.split()[:3]
            assert form == "table" or json.loads(again)["schema"] == f"stoker/{'status' if pool is None else 'pool'}/v1"

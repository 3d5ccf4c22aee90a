"""`stoker completion`: what it prints works in a real bash, and pools are named by the policy or by a running daemon."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from controller.cli import COMMANDS, main
from controller.cli.operate.completion import VARIABLE
from tests.patience import PATIENCE_SECONDS
from tests.services import serving

POLICY = """version: 1
pools:
  - {name: chat, max: 5, lever: {kind: http-ping, url: "https://a.example.com/ping"}}
  - {name: checkout, max: 5, lever: {kind: http-ping, url: "https://b.example.com/ping"}}
"""


def offered(*words: str) -> list[str]:
    """What is offered for the last of the words."""
    *before, last = words
    return [item.value for item in ShellComplete(main, {}, "stoker", VARIABLE).get_completions(before, last)]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_a_script(shell):
    told = CliRunner().invoke(main, ["completion", shell])

    assert told.exit_code == 0
    assert VARIABLE in told.output


def test_commands_and_options_are_offered():
    assert set(offered("")) == {name for name in COMMANDS if " " not in name}
    assert offered("back") == ["backtest"]
    assert "--history" in offered("backtest", "--h")
    assert offered("plan", "-o", "") == ["table", "wide", "json", "yaml"]
    assert offered("init", "--provider", "g") == ["google"]


def test_the_second_word_of_a_command_of_two_is_offered_and_then_its_options(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert offered("history", "im") == ["import"]
    assert offered("history", "ex") == ["export"]
    assert "--timezone" in offered("history", "import", "a.csv", "--t")


def test_pools_are_those_of_the_policy_that_was_named(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)

    assert offered("history", "--policy", str(policy), "ch") == ["chat", "checkout"]
    assert offered("history", "--policy", str(policy), "chat", "chec") == ["checkout"]


@pytest.mark.parametrize("text", ["", "pools: [", "version: 1\npools: []\n"])
def test_an_invalid_or_missing_policy_completes_nothing_silently(tmp_path, text, capsys):
    policy = tmp_path / "policy.yaml"
    if text:
        policy.write_text(text)

    assert offered("history", "--policy", str(policy), "") == []
    assert capsys.readouterr() == ("", "")


async def test_pools_are_those_of_the_running_daemon(tmp_path):
    async with serving(tmp_path) as here:
        told = await asyncio.to_thread(offered, "status", "--url", here.service.url, "")

    assert told == ["a", "b"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_a_real_bash_completes(tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY)
    script = (f'export PATH="{Path(sys.executable).parent}:$PATH"; eval "$(stoker completion bash)"; '
              "COMP_WORDS=(stoker history --policy policy.yaml che); COMP_CWORD=4; _stoker_completion stoker; "
              'echo "${COMPREPLY[@]}"')
    told = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS, cwd=tmp_path)

    assert told.stdout.split() == ["checkout"], told.stderr


def test_every_argument_that_is_a_pool_is_completed():
    context = click.Context(main)
    found = {(name, each.name): each for name in COMMANDS for each in main.get_command(context, name).params
             if isinstance(each, click.Argument) and each.name in ("pool", "names")}

    assert len(found) >= 9
    assert [key for key, argument in found.items() if argument._custom_shell_complete is None] == []

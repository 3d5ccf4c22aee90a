"""Exit codes as docs/cli.md lists them: every command ends with 0, with 1 for a failure and with 2 for wrong input."""

import contextlib
import json
import signal
import socket
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from adapters.demand.history_file import write_history
from adapters.sandbox.server import SandboxServer
from config.model.prewarm import Prewarm
from controller.cli import COMMANDS, LazyGroup
from tests.e2e.daemons import policy_text, sandbox_of, steady_history
from tests.patience import PATIENCE_SECONDS
from tests.services import TOKEN, serving, typed

AWAY = "--url http://127.0.0.1:1"
NO_CLOUD = "--sandbox-url http://127.0.0.1:1"
ORDER = "--reason launch --by ana --for 1h"
FIRST = "--provider google --name acme/europe-west1/chat --cold-start-cost 1"
GOAL = "tune agent --history agent=agent.csv --max-cold-starts-per-day"

DONE = [
    "run policy.yaml --once --port 0 --state-dir stored SANDBOX", "release --state-dir stored", f"init new.yaml {FIRST}",
    "discover --region us-east-1 SANDBOX", "diff policy.yaml policy.yaml", "plan SANDBOX", "pools SANDBOX",
    "validate", "doctor SANDBOX", "iam",
    "schema", "status DAEMON", "why a DAEMON", "decisions DAEMON", "replay record.json", f"pause a {ORDER} DAEMON",
    f"pin a 9 {ORDER} DAEMON", f"boost a +5 {ORDER} DAEMON", "prewarm b 5 --for 10m --reason webinar DAEMON", "unpause a DAEMON",
    "clear a DAEMON", "backtest --history agent=agent.csv", f"{GOAL} 100000", "history --output out SANDBOX",
    "history import agent.csv --output new.csv", "history export --state-dir stored --output out2", "report --state-dir stored",
    "forecast a --hours 1 DAEMON", "completion bash",
]
FAILED = [
    f"run policy.yaml --once --port 0 --state-dir other {NO_CLOUD}", "release --state-dir daemon",
    f"init nowhere/new.yaml {FIRST}",
    f"discover --region us-east-1 {NO_CLOUD}", f"plan {NO_CLOUD}",
    f"pools select.yaml {NO_CLOUD}", f"doctor {NO_CLOUD}", "notify-test sinks.yaml",
    "replay other.json", "backtest --history agent=agent.csv --report nowhere/out.html", f"{GOAL} 0",
    f"history --output out3 {NO_CLOUD}", "history import agent.csv --output policy.yaml/new.csv",
    "history export --state-dir nowhere", "report --state-dir nowhere", f"status {AWAY}", f"why a {AWAY}",
    f"decisions {AWAY}", f"forecast a {AWAY}", f"pause a {ORDER} {AWAY}", f"pin a 9 {ORDER} {AWAY}", f"boost a +5 {ORDER} {AWAY}",
    f"prewarm a 5 --for 10m --reason webinar {AWAY}", f"unpause a {AWAY}", f"clear a {AWAY}",
    f"reload {AWAY}",
]
WRONG = [
    "run nowhere.yaml", "release --state-dir nowhere", "init policy.yaml", "discover", "diff policy.yaml nowhere.yaml",
    "plan nowhere.yaml", "pools nowhere.yaml",
    "validate wrong.yaml", "doctor nowhere.yaml", "iam nowhere.yaml", "notify-test", "schema now",
    "status --url nowhere", "reload --url nowhere", "why", "decisions --since never", "replay nowhere.json", "pause a",
    "pin a many", f"boost a 5 {ORDER}", "prewarm a 5", "unpause", "clear a --only all", "backtest",
    "tune agent --history agent=agent.csv", "history lost", "history import nowhere.csv --output new2.csv", "history export lost",
    "report --since never", "forecast a --history agent", "demo --start-day 1", "sandbox --port many", "completion tcsh",
]
WITHOUT_DATA = {"run", "init", "completion", "schema"}
UNWRITTEN = {"schema", "completion", "iam", "validate", "diff"}
"""Commands that fail only where their output cannot be written, which `test_main.py` tests."""

ELSEWHERE = {"notify-test", "demo", "sandbox", "reload"}, {"demo", "sandbox"}
"""Commands whose success, and whose failure, is tested with the receivers and emulators that they need."""


KINDS = {"history import": "history-import", "history export": "history", **dict.fromkeys(("pause", "pin", "boost"), "override"),
         **dict.fromkeys(("unpause", "clear"), "ended-overrides")}
"""Kinds of objects in JSON that have another name than their command."""


def name_of(line: str) -> str:
    """The name of the command of a line."""
    return next(name for name in (" ".join(line.split()[:2]), line.split(maxsplit=1)[0]) if name in COMMANDS)


def named(lines) -> set[str]:
    """The names of the commands of lines."""
    return set(map(name_of, lines))


def test_every_command_has_a_line_for_each_code():
    assert [set(COMMANDS) - named(lines) for lines in (DONE, [*FAILED, *UNWRITTEN], WRONG)] == [*ELSEWHERE, set()]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "policy.yaml").write_text(policy_text("agent", mode="shadow"))
    (tmp_path / "wrong.yaml").write_text("pools: []\n")
    (tmp_path / "select.yaml").write_text(
        "version: 1\nselect:\n  - include: {name: agent}\n    lever: {kind: lambda-provisioned-concurrency, region: us-east-1}\n"
        "    max: 5\n")
    (tmp_path / "sinks.yaml").write_text(
        policy_text("agent") + "notify:\n  - {name: ops, kind: webhook, url: 'http://127.0.0.1:1/'}\n")
    write_history(tmp_path / "agent.csv", steady_history(5, days=0.2))
    with contextlib.chdir(tmp_path):
        yield tmp_path


async def codes(lines, *more, **places) -> dict[str, tuple[int, str, str]]:
    """The exit codes of lines, with standard error and output. `more`: for commands that print data."""
    found = {}
    for line in lines:
        text = line
        for name, value in places.items():
            text = text.replace(name, value)
        options = () if name_of(line) in WITHOUT_DATA else more
        done = await typed(*text.split(), *options, env={"STOKER_TOKEN": TOKEN})
        found[line] = done.exit_code, done.stderr, done.stdout
    return found


async def test_commands_that_succeed_and_commands_that_fail(folder):
    async with serving(folder / "daemon", prewarm=Prewarm(max_units=5)) as here, SandboxServer(sandbox_of(agent=5)) as server:
        record = json.loads((await here.stoker("why", "a", "-o", "json")).stdout)["record"]
        (folder / "record.json").write_text(json.dumps(record))
        (folder / "other.json").write_text(json.dumps(record | {"target": 17}))
        places = {"DAEMON": f"--url {here.service.url}", "SANDBOX": f"--sandbox-url {server.url}"}
        done, failed = await codes(DONE, "-o", "json", **places), await codes(FAILED, **places)
        examined = failed.pop(f"doctor {NO_CLOUD}")

    assert {line: found for line, found in done.items() if found[0] != 0} == {}
    printed = {name_of(line): found[2] for line, found in done.items() if name_of(line) not in WITHOUT_DATA}
    assert {name: next(iter(json.loads(text).items())) for name, text in printed.items()} == {
        name: ("schema", f"stoker/{KINDS.get(name, name)}/v1") for name in printed}
    assert {line: found for line, found in failed.items() if found[0] != 1 or "stoker: " not in found[1]} == {}
    assert examined[0] == 1, "its findings are its output"


async def test_commands_with_wrong_input(folder):
    before = sorted(folder.rglob("*"))
    found = await codes(WRONG)

    assert {line: each for line, each in found.items() if each[0] != 2 or not each[1].startswith("stoker: ")} == {}
    assert sorted(folder.rglob("*")) == before, "nothing is written"


def test_ctrl_c_is_130_and_a_question_that_is_not_confirmed_is_1():
    @click.command()
    def interrupted() -> None:
        signal.raise_signal(signal.SIGINT)

    @click.command()
    def asking() -> None:
        click.confirm("Continue?", abort=True)

    for command, expected in ((interrupted, (130, "stoker: interrupted\n")),
                              (asking, (1, "stoker: not confirmed; nothing was changed\n"))):
        group = LazyGroup("stoker")
        group.get_command = lambda *_, it=command: it
        done = CliRunner().invoke(group, ["any"], input="n\n")
        assert (done.exit_code, done.stderr.lstrip()) == expected


def test_a_sandbox_whose_port_is_in_use_is_a_failure():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run([sys.executable, "-m", "controller.cli", "sandbox", "--port", port], capture_output=True, text=True,
                              timeout=PATIENCE_SECONDS)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"stoker: 127.0.0.1:{port} is not available (Address already in use): give another --port\n"

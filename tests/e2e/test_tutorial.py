"""The tutorial's commands run as they are written, in order, as real processes against a real sandbox.

What is changed in them: free ports for the two servers, ticks every second instead of every minute, and `stoker backtest` replays
the last 2 days instead of 14.
"""

import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
STEP = re.compile(r"<!-- (?P<what>do|start|stop)(?: (?P<name>[a-z]+))?,?(?: until \"(?P<until>[^\"]+)\")? -->\n"
                  r"(?:```console\n(?P<body>.*?)```)?", re.DOTALL)
LAST_2_DAYS = ("mkdir recent; for file in history/*.gz; do "
               "(zcat $file | sed -n 1p; zcat $file | tail -n 2880) | gzip > recent/${file#history/}; done")
SHELL = "set -eu; touch state.sh; . ./state.sh; {}; export -p > state.sh"


def free_port() -> int:
    """One that nobody has, nor will be given by the system before it is used: those begin at 32768."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port


class Terminals:
    """Runs the steps of the page in one folder; what one exports, the next ones have."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.running, self.ports = folder, {}, (free_port(), free_port())
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STOKER_"))}
        self.environment = kept | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "160",
                                   "STOKER_URL": f"http://127.0.0.1:{self.ports[1]}"}

    def typed(self, body: str) -> list[str]:
        """The commands of a block, with what is changed in them."""
        commands = [line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ")]
        commands = [f"{each}; {LAST_2_DAYS}" if each.startswith("stoker history") else each for each in commands]
        commands = [each.replace("--since 14d", "--since 2d") for each in commands]
        commands = [each.replace("=history/", "=recent/") if each.startswith("stoker backtest") else each for each in commands]
        return [command.replace("9911", str(self.ports[0])).replace("stoker sandbox", f"stoker sandbox --port {self.ports[0]}")
                .replace("stoker run", f"stoker run --port {self.ports[1]} --tick-seconds 1 --log-format json")
                for command in commands]

    def do(self, body: str, until: str | None) -> None:
        script = SHELL.format("; ".join(self.typed(body)))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            told = subprocess.run(["bash", "-c", script], cwd=self.folder, env=self.environment, capture_output=True, text=True,
                                  timeout=PATIENCE_SECONDS)
            if until is None or re.search(until, told.stdout) or time.monotonic() > deadline:
                break
            time.sleep(1.0)  # each try starts a process, and there is a tick a second
        assert told.returncode == 0, f"{body}\n{told.stdout}\n{told.stderr}"
        assert until is None or re.search(until, told.stdout), told.stdout
        expected = [line for line in body.splitlines() if not line.startswith("$ ")]
        assert [line for line in expected if line not in told.stdout + told.stderr] == [], told.stdout + told.stderr

    def start(self, name: str, body: str, until: str) -> None:
        (command,) = self.typed(body)
        script = SHELL.format(f"exec {command}")
        log = self.folder / f"{name}.log"
        with log.open("w") as out:
            self.running[name] = subprocess.Popen(["bash", "-c", script], cwd=self.folder, env=self.environment, stdout=out,
                                                  stderr=out)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while until not in log.read_text():
            assert self.running[name].poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)

    def stop(self, name: str) -> None:
        process = self.running.pop(name)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0, (self.folder / f"{name}.log").read_text()


def play(folder: Path, page: Path = PAGE) -> Terminals:
    """Every step of the page, in order."""
    terminals = Terminals(folder)
    try:
        for step in STEP.finditer(page.read_text()):
            if step["what"] == "do":
                terminals.do(step["body"], step["until"])
            elif step["what"] == "start":
                terminals.start(step["name"], step["body"], step["until"])
            else:
                terminals.stop(step["name"])
        return terminals
    finally:
        for process in terminals.running.values():
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> Terminals:
    return play(tmp_path_factory.mktemp("played"))


def test_the_tutorial_works_as_written(played):
    assert played.running == {}
    said = (played.folder / "sandbox.log").read_text()
    assert int(re.search(r"(\d+) write calls", said)[1]) >= 2, "the plan, and the pin"


def test_every_command_of_the_tutorial_is_tested():
    page = PAGE.read_text()

    assert page.count("```console") == sum(step["what"] != "stop" for step in STEP.finditer(page))

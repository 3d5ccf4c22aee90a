"""The group: commands are known by name, imported when called, and end with the exit codes of the contract."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from controller.cli import COMMANDS, main
from controller.cli.failure import Failed, WrongInput
from tests.patience import PATIENCE_SECONDS

FOLDER = Path(__file__).parents[3] / "controller" / "cli"
HEAVY = ("numpy", "pydantic", "boto3", "aiohttp", "statsmodels", "rich", "google.cloud")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "controller.cli", *arguments], capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS)


def test_help_names_every_command_with_its_line():
    told = CliRunner().invoke(main, ["--help"], terminal_width=200)

    assert told.exit_code == 0
    assert all(name in told.output and entry.line in told.output for name, entry in COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_named_command_exists(name):
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert command.help, "a command says what it does"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_answers_help(name):
    told = CliRunner().invoke(main, [name, "--help"])

    assert (told.exit_code, told.output.startswith("Usage:")) == (0, True)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example(name):
    told = CliRunner().invoke(main, [name, "--help"], terminal_width=200).output
    usage, below = told.split("\n", 1)

    assert usage.startswith("Usage:")
    assert f"stoker {name}" in below


@pytest.mark.parametrize("arguments", [
    ("schema",), ("--help",), ("validate", "config/example.yaml", "--json"), ("iam", "config/example.yaml"),
    ("completion", "bash"), ("diff", "config/example.yaml", "docs/policy.example.yaml")])
def test_a_full_disk_behind_standard_output_is_one_line(arguments):
    with Path("/dev/full").open("w") as full:
        told = subprocess.run([sys.executable, "-m", "controller.cli", *arguments], stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=PATIENCE_SECONDS, cwd=FOLDER.parents[1])

    assert told.returncode == 1
    assert told.stderr == ("stoker: standard output cannot be written (No space left on device): "
                           "free space, or send it elsewhere\n")


def test_every_module_with_a_command_is_named():
    modules = {".".join(path.relative_to(FOLDER).with_suffix("").parts) for path in FOLDER.rglob("*.py")
               if "@click.command" in path.read_text()}

    assert modules == {entry.module for entry in COMMANDS.values()}


def test_help_imports_no_library():
    code = "import sys, controller.cli as c\ntry:\n c.main(['--help'])\nfinally:\n print(*sys.modules, file=sys.stderr)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    assert [name for name in HEAVY if name in told.stderr.split()] == []


def test_the_help_of_each_command_imports_no_library():
    code = ("import sys\nfrom importlib import import_module\nfrom controller.cli import COMMANDS\n"
            "for entry in COMMANDS.values():\n import_module(f'controller.cli.{entry.module}')\n"
            "print(*sys.modules)")
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)

    assert [name for name in HEAVY if name in told.stdout.split()] == []


def test_an_unknown_command_is_wrong_input():
    told = CliRunner().invoke(main, ["warm"])

    assert told.exit_code == 2
    assert "No such command 'warm'" in told.output


def test_a_misspelled_command_suggests_the_closest_one():
    told = CliRunner().invoke(main, ["backtset"])

    assert told.exit_code == 2
    assert "backtest" in told.output


def test_the_module_runs_like_the_script():
    assert re.fullmatch(r"stoker \S+ \(commit ([0-9a-f]{12}(-dirty)?|unknown)\)\n", run("--version").stdout)


@pytest.mark.parametrize(("failure", "code"), [(Failed("the disk is full"), 1), (WrongInput("policy.yaml:3:1 pools: empty"), 2)])
def test_a_failure_is_one_message_and_the_exit_code_of_the_contract(failure, code):
    @click.command()
    def broken() -> None:
        raise failure

    told = CliRunner().invoke(broken)

    assert told.exit_code == code
    assert failure.message in told.stderr
    assert told.stdout == ""

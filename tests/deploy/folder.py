"""What lies in `deploy/`, and what is true of every way to run the daemon."""

import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import click
import pytest

from controller.cli import main
from controller.fleet.fleet import CLOSE_SECONDS
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CLOSES_WITHIN = timedelta(seconds=CLOSE_SECONDS)


def tool(name):
    """The path of a checker; skips, saying so, where it is not installed."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not installed: what it would check is not checked")
    return found


def clean(*command, **more):
    """Run a checker that must find nothing."""
    told = subprocess.run([tool(command[0]), *map(str, command[1:])], capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS, **more)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def is_a_command(arguments):
    """Whether `stoker` takes these arguments; what they name need not exist. The options that are set."""
    name, *rest = arguments
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return command.make_context(name, list(rest)).params


def writes_the_policy(code, tmp_path):
    """Whether a container's program puts the policy where the daemon reads it."""
    assert "/etc/stoker/policy.yaml" in code
    here = tmp_path / "policy.yaml"
    text = "version: 1\npools: []  # and $signs, 'quotes' and \"these\"\n"
    subprocess.run([sys.executable, "-c", code.replace("/etc/stoker/policy.yaml", str(here))], check=True,
                   timeout=PATIENCE_SECONDS, env={"STOKER_POLICY_TEXT": text})
    return here.read_text() == text

"""The unit, by systemd's own checks."""

import re
import shlex

from tests.deploy.folder import CLOSES_WITHIN, DEPLOY, clean, is_a_command

UNIT = (DEPLOY / "systemd" / "stoker.service").read_text()
PROGRAM = "/opt/stoker/bin/stoker"


def here(tmp_path):
    """The unit with a program that exists on any machine."""
    unit = tmp_path / "stoker.service"
    unit.write_text(UNIT.replace(PROGRAM, "/bin/true"))
    return unit


def test_systemd_accepts_the_unit(tmp_path):
    clean("systemd-analyze", "verify", here(tmp_path))


def test_the_exposure_score_of_systemd_is_low(tmp_path):
    clean("systemd-analyze", "security", "--offline=true", "--threshold=20", here(tmp_path))


def test_the_unit_runs_commands_of_stoker_and_has_time_to_shut_down():
    commands = [shlex.split(line) for line in re.findall(r"^ExecStart\w*=(.*)$", UNIT, re.MULTILINE)]

    assert [command[0] for command in commands] == [PROGRAM, PROGRAM]
    assert [bool(is_a_command(command[1:])) for command in commands] == [True, True]
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)[1]) > CLOSES_WITHIN.total_seconds()
    assert re.search(r"^DynamicUser=yes$", UNIT, re.MULTILINE)
    assert re.search(r"^MemoryMax=", UNIT, re.MULTILINE)


def test_the_unit_contains_no_secret():
    assert not re.findall(r"^Environment=.*(?:TOKEN|KEY|SECRET)=", UNIT, re.MULTILINE)

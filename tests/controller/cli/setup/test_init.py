"""`stoker init`: what it writes is valid and has a comment for each key; it asks on a terminal only, and overwrites nothing."""

import os
import pty
import subprocess
import sys

import pytest
from click.testing import CliRunner

from controller.cli import main
from tests.patience import PATIENCE_SECONDS

AWS = {"AWS_REGION": "eu-west-1"}
ARN = "arn:aws:lambda:us-east-1:123456789012:function:chat:prod"


def init(path, *options, **environment):
    none = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_REGION"))
    return CliRunner().invoke(main, ["init", str(path), *options], env=none | environment)


@pytest.mark.parametrize(("options", "environment", "says"), [
    (("aws", "chat", "0.2"), AWS, ["region: eu-west-1 ", "function: chat ", "alias: live ", "cold_start_cost_usd: 0.2 "]),
    (("aws", ARN, "critical"), {}, ["region: us-east-1 ", "alias: prod ", "cold_start_cost_usd: 0.5 "]),
    (("aws", "123:on", "0.1"), AWS, ['name: "123" ', 'function: "123" ', 'alias: "on" ']),
    (("google", "acme/europe-west1/chat", "background"), {}, ["project: acme ", "location: europe-west1 ", "usd: 0.005 "]),
    (("google", "chat", "1"), {"GOOGLE_CLOUD_PROJECT": "acme", "GOOGLE_CLOUD_REGION": "europe-west1"}, ["service: chat "]),
    (("google", "projects/acme/locations/europe-west1/services/chat", "1"), {}, ["project: acme ", "service: chat "]),
])
def test_the_policy_is_valid_and_in_shadow_mode(tmp_path, options, environment, says):
    path = tmp_path / "policy.yaml"
    provider, name, cost = options
    done = init(path, "--provider", provider, "--name", name, "--cold-start-cost", cost, **environment)
    text = path.read_text()
    checked = CliRunner().invoke(main, ["validate", str(path)])

    assert (done.exit_code, done.stderr) == (0, f"{path}: 1 pool in shadow mode; next: stoker doctor {path}\n")
    assert [each for each in (*says, "mode: shadow ") if each not in text] == []
    assert (checked.exit_code, "1 shadow" in checked.stdout) == (0, True), checked.stderr


@pytest.mark.parametrize(("options", "says"), [
    ((), "without a terminal, no question can be asked: add --provider, --name, --cold-start-cost"),
    (("--provider", "aws", "--name", "chat", "--cold-start-cost", "1"), "the region of chat is unknown: give the function's ARN"),
    (("--provider", "aws", "--name", "a b", "--cold-start-cost", "1"), "--name: 'a b' is no name of a Lambda function"),
    (("--provider", "aws", "--name", ARN.replace("prod", "7"), "--cold-start-cost", "1"), "version number"),
    (("--provider", "google", "--name", "chat", "--cold-start-cost", "1"), "--name: project and location of chat are unknown"),
    (("--provider", "aws", "--name", ARN, "--cold-start-cost", "cheap"), "neither a price in USD above 0, such as 0.05, nor"),
    (("--provider", "aws", "--name", ARN, "--cold-start-cost", "-1"), "neither a price"),
])
def test_wrong_input_writes_nothing_and_names_the_remedy(tmp_path, options, says):
    done = init(tmp_path / "policy.yaml", *options)

    assert done.exit_code == 2
    assert says in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_not_overwritten(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text("mine")
    done = init(path, "--provider", "aws", "--name", ARN, "--cold-start-cost", "1")

    assert (done.exit_code, path.read_text()) == (2, "mine")
    assert "already exists: give another name" in done.stderr


def test_a_folder_that_does_not_exist_is_a_failure(tmp_path):
    done = init(tmp_path / "nowhere" / "policy.yaml", "--provider", "aws", "--name", ARN, "--cold-start-cost", "1")

    assert (done.exit_code, "cannot be written (No such file or directory)" in done.stderr) == (1, True)


def test_on_a_terminal_it_asks_three_questions_and_repeats_one_that_was_not_understood(tmp_path):
    outer, inner = pty.openpty()
    os.write(outer, f"aws\nchat\n{ARN}\n\n".encode())
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run([sys.executable, "-m", "controller.cli", "init", str(tmp_path / "policy.yaml")], stdin=inner, env=kept,
                          capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    os.close(inner), os.close(outer)
    text = (tmp_path / "policy.yaml").read_text()

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Lambda function (FUNCTION:ALIAS or ARN)") == 2
    assert "the region of chat is unknown" in done.stdout + done.stderr
    assert ("alias: prod " in text, "cold_start_cost_usd: 0.05 " in text) == (True, True)

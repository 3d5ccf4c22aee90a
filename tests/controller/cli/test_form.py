"""The form that all commands share: where the policy is named, how output and errors look, and how loud a command is."""

import json
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from controller.cli import COMMANDS, main
from controller.cli.output import FORMS, rendered
from tests.sources import ROOT

EXAMPLE = ROOT / "docs" / "policy.example.yaml"
WITHOUT_DATA = {"run", "init", "sandbox", "completion", "schema"}
"""Commands without data to print; that of `schema` has the form of JSON Schema."""

WARNED = """version: 1
pools:
  - {name: agent, max: 5, lever: {kind: http-ping, url: "http://169.254.169.254/"}}
"""


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def parameters(name: str) -> dict[str, click.Parameter]:
    return {str(each.name): each for each in command(name).params}


READING = [name for name in COMMANDS if "policy_path" in parameters(name)]


@pytest.mark.parametrize("name", READING)
def test_a_policy_has_one_option_one_variable_and_one_default(name):
    option, others = parameters(name)["policy_path"], parameters(name).keys()

    assert ("--policy" in option.opts, option.envvar, option.default) == (True, "STOKER_POLICY", Path("policy.yaml"))
    assert not option.required
    assert others & {"named", "policies", "pool", "names"}, "the first arguments are policies or pools"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_variable_is_in_the_help(name):
    variables = {each.envvar for each in command(name).params if each.envvar and not each.hidden}
    told = CliRunner().invoke(main, [*name.split(), "--help"]).output

    assert [variable for variable in variables if f"env var: {variable}" not in " ".join(told.split())] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_prints_data_has_the_four_forms(name):
    forms = [each for each in command(name).params if "--format" in each.opts]

    assert bool(forms) == (name not in WITHOUT_DATA)
    assert all(tuple(each.type.choices) == FORMS and each.default == "table" for each in forms)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_the_options_of_the_log_once(name):
    spelled = [option for each in command(name).params for option in each.opts]

    assert [spelled.count(option) for option in ("--log-level", "-q", "--quiet", "-v", "--verbose", "-o")] == [
        1, 1, 1, 1, 1, int(name not in WITHOUT_DATA)]


@pytest.mark.parametrize("given", [["POLICY"], ["--policy", "POLICY"]])
def test_the_policy_is_an_argument_or_an_option(given):
    told = CliRunner().invoke(main, ["iam", *(str(EXAMPLE) if each == "POLICY" else each for each in given), "-o", "json"])

    assert (told.exit_code, list(json.loads(told.stdout))) == (0, ["schema", "aws"])


def test_the_policy_of_the_variable_is_used_unless_the_command_line_has_one():
    by_variable = CliRunner().invoke(main, ["iam"], env={"STOKER_POLICY": str(EXAMPLE)})
    by_argument = CliRunner().invoke(main, ["iam", str(EXAMPLE)], env={"STOKER_POLICY": "nowhere.yaml"})

    assert (by_variable.exit_code, by_argument.exit_code) == (0, 0)


@pytest.mark.parametrize("name", ["iam", "validate"])
def test_a_policy_that_is_named_twice_is_refused(name):
    told = CliRunner().invoke(main, [name, str(EXAMPLE), "--policy", str(EXAMPLE)])

    assert (told.exit_code, told.stderr) == (2, "stoker: POLICY and --policy name the policy twice: remove one of them\n")


def test_json_and_yaml_are_the_same_object_with_the_schema_first():
    body = {"pools": [{"name": "agent", "share": 0.25, "error": None, "text": "é: yes"}]}
    as_json, as_yaml = json.loads(rendered("plan", body)), yaml.safe_load(rendered("plan", body, "yaml"))

    assert as_json == as_yaml == {"schema": "stoker/plan/v1", **body}
    assert next(iter(as_json)) == next(iter(as_yaml)) == "schema"


def test_the_old_option_for_json_is_still_accepted():
    told = CliRunner().invoke(main, ["validate", "--json", str(EXAMPLE)])

    assert json.loads(told.stdout) == json.loads(CliRunner().invoke(main, ["validate", "-o", "json", str(EXAMPLE)]).stdout)


def test_quiet_leaves_results_and_errors(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(WARNED)
    loud, quiet = (CliRunner().invoke(main, ["validate", str(policy), *more]) for more in ((), ("-q",)))

    assert loud.stderr.startswith("stoker: warning: ")
    assert (quiet.stderr, quiet.stdout) == ("", loud.stdout)
    assert CliRunner().invoke(main, ["validate", "nowhere.yaml", "-q"]).stderr.startswith("stoker: nowhere.yaml:1:1 ")


def test_two_levels_of_the_log_are_refused():
    told = CliRunner().invoke(main, ["validate", str(EXAMPLE), "-q", "-v"])

    assert told.exit_code == 2
    assert "exclude each other" in told.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_that_does_not_exist_is_one_line_that_names_the_help(name):
    told = CliRunner().invoke(main, [*name.split(), "--no-such-option"])

    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr.startswith("stoker: No such option")
    assert told.stderr.endswith((f"; see `stoker {name} --help`\n", "?\n")), "or another option is suggested"
    assert len(told.stderr.splitlines()) == 1

"""A command or an option that is named somewhere is there: in messages, help, docs and files for deployment."""

import ast
import re
from functools import cache
from pathlib import Path

import click
import pytest

from controller import cli
from controller.cli import main
from tests.sources import MODULES, ROOT, nodes_of

KINDS = {".md", ".yaml", ".json", ".tf", ".service", ".txt", ".html", ".js"}
FOLDERS = [ROOT / "docs", ROOT / "deploy", ROOT / "controller" / "http" / "static"]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md",
         *sorted(path for folder in FOLDERS for path in folder.rglob("*") if path.suffix in KINDS)]
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
NAMED = re.compile(r"(?<![\w/.@-])stoker ([a-z][a-z-]*)(?![\w/-])((?:(?!stoker )[^`\n|;])*)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
PROSE = {"is", "for"}
"""Words that follow the name of the program where no command is meant."""


def commands() -> dict[str, set[str]]:
    """Each command with its options, and those of commands below it, such as `history import`."""
    context, found = click.Context(main), {}
    for name in cli.COMMANDS:
        params = main.get_command(context, name).get_params(context)
        found.setdefault(name.split()[0], {"--help"}).update(
            option for param in params for option in (*param.opts, *param.secondary_opts))
    return found


COMMANDS = commands()
OTHERS = {"adapters/aws/names.py", "adapters/aws/token_faults.py", "adapters/gcp/names.py", "adapters/gcp/permissions.py",
          "adapters/gcp/settings.py", "controller/cli/build.py", "controller/forecasts/chart.py",
          "controller/preflight/templates/rules.py"}
"""Modules that name options of other commands, or variables of CSS."""

EVERY_OPTION = set().union(*COMMANDS.values()) | {"--version"}


@cache
def texts(path: Path) -> list[str]:
    """The strings of a module as they are shown, parts that are put in left out."""
    joined = [node for node in nodes_of(path) if isinstance(node, ast.JoinedStr)]
    within = {id(part) for node in joined for part in ast.walk(node)}
    found = ["".join(str(part.value) if isinstance(part, ast.Constant) else " … " for part in node.values) for node in joined]
    return found + [node.value for node in nodes_of(path)
                    if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in within]


def shown(path: Path) -> list[str]:
    """The strings of a module but for those that only a reader of the source sees."""
    notes = [node.value.value for node in nodes_of(path) if isinstance(node, ast.Expr)
             and isinstance(node.value, ast.Constant)]
    return [text for text in texts(path) if text not in notes]


def unknown(text: str) -> list[str]:
    """Commands that a text names and that are not there, and options that a command it names has not."""
    found = []
    for name, rest in NAMED.findall(text):
        if name not in COMMANDS:
            found.append(f"stoker {name}")
        else:
            found += [f"stoker {name} {option}" for option in OPTION.findall(rest) if option not in COMMANDS[name]]
    return found


def test_every_command_named_in_a_message_exists():
    missing = {f"{path.relative_to(ROOT)}: {each}" for path in MODULES for text in texts(path) for each in unknown(text)
               if each.removeprefix("stoker ") not in PROSE}

    assert missing == set()


def test_every_option_named_in_a_message_exists():
    ours = [path for path in MODULES if str(path.relative_to(ROOT)) not in OTHERS]
    missing = {f"{path.relative_to(ROOT)}: {option}" for path in ours for text in texts(path)
               for option in set(OPTION.findall(text)) - EVERY_OPTION}

    assert missing == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_named_on_a_page_exists(page):
    text = page.read_text()
    code = CODE.findall(text) if page.suffix == ".md" else [text]

    assert [each for part in code for each in unknown(part)] == []


def test_messages_of_adapters_do_not_promise_what_the_caller_does():
    """It serves the daemon, which reads again with the next tick, and commands that end."""
    promising = re.compile(r"\btick\b|\b(?:asked|read|tried) again\b")
    paths = [path for path in MODULES if path.is_relative_to(ROOT / "adapters") and "sandbox" not in path.parts]
    found = {f"{path.relative_to(ROOT)}: {text}" for path in paths for text in shown(path) if promising.search(text)}

    assert found == set()


def test_an_unknown_command_or_option_is_found():
    assert unknown("see `stoker permissions`") == ["stoker permissions"]
    assert unknown("stoker iam policy.yaml --json, then stoker plan --colour") == ["stoker plan --colour"]

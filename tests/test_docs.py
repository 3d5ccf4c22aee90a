"""What is written is true: commands, options and dependencies are documented, links lead somewhere, and marked commands run."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import click
import pytest

from controller.cli import COMMANDS, main
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUNNABLE = re.compile(r"<!-- run(?: in (?P<folder>\S+))? -->\n```(?:console|sh)\n(?P<body>.*?)```", re.DOTALL)
COMMON = {"--format", "--log-level", "--quiet", "--verbose"}
"""Options that are documented once, in the section on output."""
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s#]+)(?:#[^)]*)?\)")


def section(page: str, heading: str) -> str:
    """The text under a heading of the second level, up to the next one."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def options(name: str) -> set[str]:
    """The options and arguments of a command that its help shows, as they are spelled, but for those of every command."""
    context = click.Context(main)
    command = main.get_command(context, name)
    assert command is not None
    shown = [one for one in command.params if not getattr(one, "hidden", False)]
    return {next((each for each in one.opts if each.startswith("--")), one.make_metavar(context)) for one in shown} - COMMON


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section(name):
    assert section((ROOT / "docs" / "cli.md").read_text(), f"stoker {name}").strip()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented(name):
    text = section((ROOT / "docs" / "cli.md").read_text(), f"stoker {name}")

    assert [spelled for spelled in sorted(options(name)) if f"`{spelled}" not in text] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_documented_option_exists(name):
    text = section((ROOT / "docs" / "cli.md").read_text(), f"stoker {name}")
    documented = set(re.findall(r"^\| `(--[a-z-]+)", text, re.MULTILINE))

    assert documented - options(name) == set()


def test_options_of_every_command_are_documented_once():
    text = section((ROOT / "docs" / "cli.md").read_text(), "Output")

    assert [spelled for spelled in sorted(COMMON) if f"`{spelled}" not in text] == []


def test_every_dependency_has_a_documented_reason():
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = tables["project"]["optional-dependencies"]
    lists = [tables["project"]["dependencies"], *extras.values(), *tables["dependency-groups"].values()]
    names = {re.split(r"[<>=!~\[; ]", line)[0] for lines in lists for line in lines}
    page = (ROOT / "docs" / "dependencies.md").read_text()
    explained = set(re.findall(r"^\| ([a-z0-9-]+) \| [^|]{10,} \|$", page, re.MULTILINE))

    assert names - explained == set()
    assert explained - names == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_project_resolve(page):
    local = [link for link in LINK.findall(page.read_text()) if "://" not in link and not link.startswith("mailto:")]

    assert [link for link in local if not (page.parent / link).exists()] == []


def test_every_page_is_linked_from_the_readme():
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        linked = [(page.parent / link).resolve() for link in LINK.findall(page.read_text()) if link.endswith(".md")]
        ahead += [other for other in linked if other not in reached and other.exists()]

    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in reached] == []


def runnable() -> list:
    """Blocks marked to be run, by page and number."""
    return [
        pytest.param(found["body"], found["folder"], id=f"{page.relative_to(ROOT)}:{number}")
        for page in PAGES
        for number, found in enumerate(RUNNABLE.finditer(page.read_text()), start=1)
    ]


@pytest.mark.parametrize(("body", "folder"), runnable())
def test_documented_commands_run(body, folder, tmp_path):
    """A block succeeds. With lines that begin with `$ ` those are the commands, and the other lines must be printed."""
    typed = [line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ")]
    script = "\n".join(typed) or body
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    (tmp_path / "docs").symlink_to(ROOT / "docs")  # a reader is in a checkout; what a block writes stays out of it
    told = subprocess.run(["bash", "-euc", script], cwd=tmp_path if folder is None else ROOT / folder, env=environment,
                          capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    assert told.returncode == 0, told.stdout + told.stderr
    expected = [line for line in body.splitlines() if typed and not line.startswith("$ ") and line.strip() not in ("", "...")]
    assert [line for line in expected if line not in told.stdout] == []


def test_every_make_target_in_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:^|`)make ([a-z]+)\b", (ROOT / "README.md").read_text(), re.MULTILINE))

    assert {"demo", "test"} <= named
    assert [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_ci_runs_the_test_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text().splitlines()

    assert [shlex.split(line, comments=True) for line in script if line.startswith("exec")] == [["exec", "make", "test"]]


def test_the_architecture_page_names_every_contract_and_layer():
    page = (ROOT / "docs" / "architecture.md").read_text()
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    packages = {name for each in layers for layer in each for name in layer.split(" | ")}

    picture = (ROOT / "docs" / "architecture.dot").read_text()
    assert [name for name in sorted(packages) if name not in page + picture] == []
    assert [contract["name"] for contract in contracts if contract["name"] not in page] == []


@pytest.mark.parametrize("layer", ["config", "forecasting", "adapters", "controller"])
def test_the_architecture_page_names_only_modules_that_exist(layer):
    page = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(rf"`({layer}[./][\w./]+)`", page))
    missing = [name for name in named if not is_there(name)]

    assert missing == []


def is_there(name: str) -> bool:
    """Whether a path or a dotted name, of a module or something in it, exists."""
    path = ROOT / name
    if path.exists():
        return True
    dotted = name.replace("/", ".").removesuffix(".py").rstrip(".")
    try:
        import_module(dotted)
    except ImportError:
        module, _, attribute = dotted.rpartition(".")
        return bool(module) and hasattr(import_module(module), attribute)
    return True

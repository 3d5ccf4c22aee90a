"""What is shipped: four flat packages that nobody else owns, hashed locks that name no address, an image that is safe to run."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import entry_points, packages_distributions
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import pytest
from click.shell_completion import get_completion_class
from packaging.requirements import Requirement

from controller.cli import COMMANDS, main
from controller.cli.operate.completion import VARIABLE
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[1]
PACKAGES = ("config", "forecasting", "adapters", "controller")
LOCKS = ("requirements.txt", *(f"requirements-{name}.txt" for name in ("build", "dev", "docs", "sbom", "foreign")))

SHIPPED_EXTRAS = ("aws", "forecast", "gcp", "otel", "postgresql", "redis")
"""Extras that the image contains."""


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked(name: str) -> dict[str, set[str]]:
    """The versions of each distribution in a lock (more than one where Python versions differ)."""
    pins: dict[str, set[str]] = {}
    for project, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE):
        pins.setdefault(canonical(project), set()).add(version)
    return pins


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, argument), continued lines joined and comments dropped."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]  # type: ignore[misc]


def final_stage() -> list[tuple[str, str]]:
    whole = instructions()
    return whole[max(at for at, (word, _) in enumerate(whole) if word == "FROM") :]


def test_no_other_distribution_owns_the_package_names():
    owners = packages_distributions()  # reads the records of every installed distribution

    assert {owner for package in PACKAGES for owner in owners.get(package, [])} <= {"stoker"}


def test_the_four_packages_lie_in_one_folder():
    homes = {Path(find_spec(package).origin).parents[1] for package in PACKAGES}

    assert len(homes) == 1


def test_the_console_script_is_called_stoker():
    script = next(iter(entry_points(group="console_scripts", name="stoker")))

    assert script.value == "controller.cli:main"


def test_the_wheel_contains_only_the_four_packages():
    wheel = pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert set(wheel) == set(PACKAGES)


class Built(NamedTuple):
    """A tree of what builds, and what it built."""

    tree: Path
    wheel: Path
    sdist: Path


def build(tree: Path, **environment: str) -> Built:
    built = subprocess.run([sys.executable, "-m", "hatchling", "build"], cwd=tree, capture_output=True, text=True,
                           env={**os.environ, "SOURCE_DATE_EPOCH": "1767225600", **environment}, timeout=PATIENCE_SECONDS)
    assert built.returncode == 0, built.stderr
    [wheel], [sdist] = ((tree / "dist").glob(form) for form in ("*.whl", "*.tar.gz"))
    return Built(tree, wheel, sdist)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Wheel and sdist of a copy of the tree without its repository."""
    pytest.importorskip("hatchling", reason="hatchling is not installed: make installs it")
    tree = tmp_path_factory.mktemp("tree")
    for package in (*PACKAGES, "completions"):
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "hatch_build.py"):
        shutil.copy(ROOT / name, tree)
    return build(tree, STOKER_COMMIT="0123456789ab")


@pytest.fixture(scope="module")
def unpacked(built, tmp_path_factory):
    """The folder into which an installer unpacks the wheel."""
    folder = tmp_path_factory.mktemp("site")
    ZipFile(built.wheel).extractall(folder)  # noqa: S202  (built here)
    return folder


def test_the_built_wheel_contains_every_file_of_the_packages(built):
    """Pages, examples and whatever else lies beside the modules, too."""
    brought = set(ZipFile(built.wheel).namelist())
    files = [path for package in PACKAGES for path in (built.tree / package).rglob("*") if path.is_file()]
    there = {str(path.relative_to(built.tree)) for path in files}

    assert there - brought == set()
    assert {name.split("/")[0] for name in brought if not re.match(r"stoker-[^/]*(dist-info|data)/", name)} == set(PACKAGES)


def test_the_unpacked_sdist_builds_the_same_bytes_again(built, tmp_path):
    """With other times of the files, in another folder, and with the commit that the sdist carries."""
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [tree] = tmp_path.iterdir()
    (tree / "PKG-INFO").unlink()  # an sdist has its own
    for path in tree.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))

    again = build(tree)
    assert again.wheel.read_bytes() == built.wheel.read_bytes()
    assert again.sdist.read_bytes() == built.sdist.read_bytes()


def from_wheel(unpacked: Path, *command: str) -> subprocess.CompletedProcess:
    program = "import sys; from controller.cli import main; sys.argv[0] = 'stoker'; main()"
    return subprocess.run([sys.executable, "-P", "-c", program, *command], cwd=unpacked.parent, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(unpacked)}, timeout=PATIENCE_SECONDS)


def test_the_version_names_the_commit_that_the_wheel_was_built_from(unpacked):
    assert from_wheel(unpacked, "--version").stdout == f"stoker {pyproject()['project']['version']} (commit 0123456789ab)\n"


def test_the_wheel_works_without_the_tree(unpacked):
    policy = unpacked.parent / "policy.yaml"
    shutil.copy(ROOT / "docs" / "policy.example.yaml", policy)
    checked = from_wheel(unpacked, "validate", str(policy))

    assert (checked.returncode, checked.stderr) == (0, "")
    assert len(from_wheel(unpacked, "--help").stdout.splitlines()) > len(COMMANDS)


def test_the_wheel_brings_completion_to_the_folders_that_shells_read(built):
    names = ZipFile(built.wheel).namelist()
    data = [name.partition(".data/data/")[2] for name in names if ".data/data/" in name]

    assert {"share/bash-completion/completions/stoker", "share/fish/vendor_completions.d/stoker.fish",
            "share/zsh/site-functions/_stoker"} <= set(data)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_in_the_wheel_is_what_the_command_prints(shell):
    printed = get_completion_class(shell)(main, {}, "stoker", VARIABLE)
    lines = (ROOT / "completions" / f"stoker.{shell}").read_text()

    assert lines.rstrip() == (printed.source_template % printed.source_vars()).rstrip()


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_name_no_address(lock):
    text = (ROOT / lock).read_text()

    assert "://" not in text
    assert not re.search(r"^\s*(--index-url|--extra-index-url|--find-links|-i |-f )", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_line_has_a_hash(lock):
    blocks = re.split(r"\n(?=\S)", (ROOT / lock).read_text())
    unhashed = [block.splitlines()[0] for block in blocks if "==" in block.splitlines()[0] and "--hash=sha256:" not in block]

    assert unhashed == []


def wanted(*tables: list[str]) -> list[Requirement]:
    return [Requirement(line) for table in tables for line in table]


def test_locks_satisfy_the_requirements_of_pyproject():
    project = pyproject()["project"]
    extras = project["optional-dependencies"]
    groups = pyproject()["dependency-groups"]
    owed = {
        "requirements.txt": wanted(project["dependencies"], *(extras[name] for name in SHIPPED_EXTRAS)),
        "requirements-build.txt": wanted(groups["build"], pyproject()["build-system"]["requires"]),
        "requirements-dev.txt": wanted(project["dependencies"], *extras.values()),
        "requirements-docs.txt": wanted(groups["docs"]),
        "requirements-sbom.txt": wanted(groups["sbom"]),
        "requirements-foreign.txt": wanted(groups["foreign"]),
    }
    stale = [
        f"{lock}: {requirement}"
        for lock, requirements in owed.items()
        for requirement in requirements
        if not any(requirement.specifier.contains(version) for version in locked(lock).get(canonical(requirement.name), ()))
    ]

    assert stale == [], "run `make lock`"


NOT_OURS = re.compile(r"pip3? install[^\n]*[\s'\"]stoker(?![-/\w.])|stoker\[\w[\w,]*\](?! @ \./)")


def test_nothing_tells_to_install_our_name_from_an_index():
    """On an index, the name may belong to somebody else: messages and pages say to install the wheel."""
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    files = [*modules, *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]

    assert [str(path.relative_to(ROOT)) for path in files if NOT_OURS.search(path.read_text())] == []
    assert NOT_OURS.search("pip install 'stoker[aws]'")
    assert NOT_OURS.search("pip install stoker")


def test_tests_run_with_the_shipped_versions():
    shipped, tested = locked("requirements.txt"), locked("requirements-dev.txt")

    assert {name: tested.get(name) for name in shipped} == shipped


def test_the_image_runs_as_a_non_root_user():
    users = [argument for word, argument in final_stage() if word == "USER"]

    assert users
    assert all(re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", user) for user in users), "numeric, so that runAsNonRoot can be proved"


def test_the_image_checks_its_health_with_python_alone():
    [check] = [argument for word, argument in final_stage() if word == "HEALTHCHECK"]
    command = json.loads(check[check.index("CMD") + 3 :])

    assert command[:2] == ["python", "-c"]
    compile(command[2], "HEALTHCHECK", "exec")
    assert "timeout=" in command[2]


def test_a_folder_in_the_working_directory_cannot_hide_modules_of_stoker():
    environment = " ".join(argument for word, argument in final_stage() if word == "ENV")

    assert re.search(r"\bPYTHONSAFEPATH=1\b", environment)


def test_the_root_file_system_of_the_image_may_be_read_only():
    stage = dict(reversed(final_stage()))
    environment = " ".join(argument for word, argument in final_stage() if word == "ENV")

    assert stage["VOLUME"].split() == ["/var/lib/stoker", "/etc/stoker"]
    assert stage["WORKDIR"] == "/var/lib/stoker"
    assert "PYTHONDONTWRITEBYTECODE=1" in environment


def test_the_image_installs_hashed_wheels_and_the_console_script():
    runs = " ".join(argument for word, argument in instructions() if word == "RUN")
    installs = re.findall(r"pip install ([^&]*)", runs)

    assert all("--require-hashes" in install or "--no-deps --no-index dist/*.whl" in install for install in installs)
    assert "--editable" not in runs
    assert ("ENTRYPOINT", '["stoker"]') in final_stage()


def test_the_build_context_holds_only_what_the_dockerfile_copies():
    copied = {
        source
        for word, argument in instructions()
        if word == "COPY" and "--from" not in argument
        for source in argument.split()[:-1]
    }
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


@functools.cache
def rehearsed(target: str) -> str:
    """What make would run for a target, on a machine where nothing is installed yet."""
    command = ["make", "--dry-run", "VENV=not-made-yet", "FOREIGN=not-made-either", target]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert told.returncode == 0, told.stderr
    return told.stdout


needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here to rehearse with")


@needs_make
def test_make_test_runs_every_check_in_order_with_pip_alone():
    script = rehearsed("test")
    steps = [script.index(step) for step in ("-m venv", "requirements.txt", "requirements-dev.txt", "bin/ruff check", "bin/mypy",
                                             "bin/lint-imports", "-m pytest")]

    assert steps == sorted(steps)
    assert not re.search(r"\buv\b", script)


@needs_make
@pytest.mark.parametrize("target", ["demo", "test", "foreign", "docs"])
def test_make_installs_only_hashed_packages_and_the_project(target):
    installs = re.findall(r"pip .*? install (.*)", rehearsed(target))

    assert installs
    assert all("--require-hashes" in line or "--no-build-isolation --no-deps --editable ." in line for line in installs)


@needs_make
def test_another_interpreter_gets_an_environment_of_its_own():
    """An environment of another version must not replace the usual one, nor be used for it."""
    command = ["make", "--dry-run", f"PYTHON={sys.executable}", "check"]
    rehearsal = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"

    assert set(re.findall(r"(\S+)/bin/python -m pytest", rehearsal.stdout)) == {f".venv-{version}"}


@needs_make
def test_make_demo_installs_only_what_runs():
    assert "requirements-dev.txt" not in rehearsed("demo")


@needs_make
def test_foreign_servers_are_installed_in_their_own_environment_by_make_foreign_only():
    """They pin other versions of what Stoker runs with."""
    script = rehearsed("foreign")

    assert re.findall(r"(\S+)/bin/python -m pip .*requirements-foreign.txt", script) == ["not-made-either"]
    assert "requirements-foreign.txt" not in rehearsed("test") + rehearsed("demo")


def test_the_ci_script_is_executable_and_parses():
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], timeout=PATIENCE_SECONDS).returncode == 0

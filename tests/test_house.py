"""The rules of the house: what a linter does not hold, and that the linter does hold what it is said to."""

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.slow import LONGEST, SLOW
from tests.sources import MODULES, ROOT, nodes_of, tree_of

TESTS = sorted((ROOT / "tests").rglob("*.py"))
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "core", "lib", "stuff"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> list[tuple[str, int]]:
    """Name and length in lines of each function of a module."""
    found = [node for node in nodes_of(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [(node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in found]


def test_no_module_is_longer_than_300_lines():
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in MODULES}

    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_no_function_is_longer_than_60_lines():
    long = {f"{name_of(path)}:{name}": length for path in MODULES for name, length in functions(path) if length > 60}

    assert long == {}


def test_no_module_has_a_name_without_meaning():
    assert [name_of(path) for path in MODULES if path.stem.lower().strip("_") in NAMELESS] == []


def test_every_module_has_a_docstring():
    silent = [name_of(path) for path in MODULES if path.stat().st_size and ast.get_docstring(tree_of(path)) is None]

    assert silent == []


def test_no_folder_under_tests_is_a_package():
    """One would be imported as the package it mirrors, and hide it."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def imported(path: Path, modules: dict[str, Path]) -> set[str]:
    """Modules of `modules` that a module imports anywhere: in functions and for type checking too."""
    names = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= (members & modules.keys()) or {node.module}
    return names & modules.keys()


def test_no_package_of_the_controller_has_more_than_15_modules():
    folders = Counter(path.parent.relative_to(ROOT) for path in (ROOT / "controller").rglob("*.py") if path.name != "__init__.py")

    assert {str(folder): count for folder, count in folders.items() if count > 15} == {}


def test_no_modules_import_each_other_in_a_cycle():
    modules = {name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in MODULES}
    imports = {name: imported(path, modules) - {name} for name, path in modules.items()}
    while leaves := [name for name, others in imports.items() if not others & imports.keys()]:
        for name in leaves:
            del imports[name]

    assert imports == {}, "these modules are in a cycle, or import one that is"


def test_patches_are_rare():
    """Seams, not patches: below 5 in 100 tests."""
    tests = sum(len(re.findall(r"^\s*(?:async )?def test_", path.read_text(), re.MULTILINE)) for path in TESTS)
    patched = re.compile(r"\bmonkeypatch\.\w+\(|\bmock\.patch|@patch\b|\bmocker\.patch")
    patches = sum(len(patched.findall(path.read_text())) for path in TESTS if path != Path(__file__))

    assert patches <= max(1, tests * 0.05)


DEADLINE = re.compile(r"(?:\btimeout=|\btimeout\(|\.result\(|\.join\(|\bwait_for\(.*, )[1-9][\d.]*\b")


def test_no_test_has_a_deadline_of_its_own():
    """A machine may be slower than anybody thinks: what must come is waited for by `tests.patience`."""
    own = {f"{name_of(path)}:{at}" for path in TESTS for at, line in enumerate(path.read_text().splitlines(), 1)
           if DEADLINE.search(line)}

    assert own == set()


def test_every_slow_file_exists():
    assert [path for path in (*SLOW, *LONGEST) if not path.exists()] == []


BANNED_CALLS = [
    "from datetime import datetime\nNOW = datetime.now()\n",
    "import time\nNOW = time.monotonic()\n",
    "import random\n",
    "import numpy as np\nRNG = np.random.default_rng()\n",
    "import asyncio\n\n\nasync def wait() -> None:\n    await asyncio.sleep(1)\n",
]


@pytest.mark.parametrize("code", BANNED_CALLS)
def test_the_clock_and_chance_are_banned_outside_their_place(code):
    command = [Path(sys.executable).with_name("ruff"), "check", "--no-cache", "--output-format", "concise", "--stdin-filename",
               ROOT / "controller" / "sketch.py", "-"]
    told = subprocess.run(command, input=code, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    assert "TID251" in told.stdout


def test_the_controller_reads_no_time_from_the_event_loop():
    """ruff cannot ban `loop.time()`: it resolves imported names only."""
    readers = re.compile(r"\b(loop|get_running_loop\(\)|get_event_loop\(\))\.time\(\)")

    assert [name_of(path) for path in (ROOT / "controller").rglob("*.py") if readers.search(path.read_text())] == []

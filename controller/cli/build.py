"""Version and commit of this program."""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RECORD = Path(__file__).with_name("commit")
"""Written into the wheel and the sdist by `hatch_build.py`; absent in a source tree."""

ROOT = Path(__file__).parents[2]
GIT_SECONDS = 5.0


def version_text() -> str:
    """Return program, version and commit, for example `stoker 0.1.0 (commit 2f57167d8c31)`."""
    try:
        known = version("stoker")
    except PackageNotFoundError:  # a tree that was never installed
        known = "of a source tree"
    return f"stoker {known} (commit {commit()})"


def commit() -> str:
    """Return the commit that this program was built from, with `-dirty` if files differed from it; `unknown` without a record."""
    try:
        return RECORD.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return described(ROOT)


def described(tree: Path) -> str:
    """Return the commit of a source tree by git; `unknown` if it is not the root of a repository or git cannot read it."""
    if not (tree / ".git").exists():
        return "unknown"
    command = ["git", "-C", str(tree), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip()

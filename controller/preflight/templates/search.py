"""Search of a folder for templates that set the number of a pool too. Text is matched: no template is run or resolved."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from config.loading.problem import Problem
from controller.preflight.templates.rules import RULES, TERRAFORM, Rule

SKIPPED = {"node_modules", "cdk.out", "__pycache__", "dist", "vendor"}
"""Folders with copies and generated files; hidden folders are skipped too."""

MOST_BYTES = 2_000_000
IGNORED = "stoker: ignore"
"""Comment on the line or the line above, for numbers that are meant."""

NEXT_LINES = 20
"""Lines after a number in which its exception is accepted, where a language has no blocks that end at the margin."""

NAME = re.compile(r'(?:function_name|name)\s*=\s*"(?P<name>[\w-]+)"')


def conflicts(folder: Path, levers: Iterable[str], names: Iterable[str]) -> Iterator[Problem]:
    """Yield each place in the templates below `folder` that sets a number which Stoker sets.

    `levers`: kinds of the policy's pools. `names`: their functions and services; a block of Terraform that names another one is
    left out.
    """
    kinds, known = set(levers), set(names)
    rules = [rule for rule in RULES if rule.lever in kinds]
    for path in files(folder):
        of_file = [rule for rule in rules if path.name.lower().endswith(rule.files)]
        if of_file:
            yield from in_file(path, of_file, known)


def files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder in order of name, without hidden and generated folders, and without large files."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if each not in SKIPPED and not each.startswith("."))
        for name in sorted(names):
            path = Path(parent) / name
            if path.is_file() and path.stat().st_size <= MOST_BYTES:
                yield path


def in_file(path: Path, rules: Iterable[Rule], names: set[str]) -> Iterator[Problem]:
    """Yield the problems of one file, one a line at most."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    by_line: dict[int, Problem] = {}
    for rule in rules:
        for at, line in enumerate(lines):
            found = rule.found.search(line)
            is_meant = IGNORED in "".join(lines[max(0, at - 1) : at + 1])
            if found is None or at in by_line or is_meant or line.lstrip().startswith(("#", "//")):
                continue
            block = block_of(lines, at, path)
            if (rule.allowed is not None and rule.allowed.search(block)) or is_of_another(block, path, names):
                continue
            text = f"{rule.tool} sets a number that Stoker also sets: {rule.remedy} (docs/infrastructure-as-code.md)"
            by_line[at] = Problem(str(path), at + 1, found.start() + 1, "", text)
    yield from (by_line[at] for at in sorted(by_line))


def block_of(lines: list[str], at: int, path: Path) -> str:
    """Return the text around a line: in Terraform its block, which begins and ends at the margin; elsewhere the next lines."""
    if not path.name.endswith(TERRAFORM):
        return "\n".join(lines[at : at + NEXT_LINES])
    first = next((each for each in range(at, -1, -1) if lines[each][:1].isalpha()), 0)
    last = next((each for each in range(at, len(lines)) if lines[each].startswith("}")), len(lines) - 1)
    return "\n".join(lines[first : last + 1])


def is_of_another(block: str, path: Path, names: set[str]) -> bool:
    """Return whether a block of Terraform is of a function or service that no pool has."""
    if not path.name.endswith(TERRAFORM):
        return False
    found = NAME.search(block)
    return found is not None and found["name"] not in names

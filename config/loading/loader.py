"""Loader of policy files: returns a `Policy`, or raises every problem of the file at once."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from config.loading.calendar_file import Calendars
from config.loading.check import TOP_KEYS, Check
from config.loading.layers import LAYERS, SEVERAL
from config.loading.problem import PolicyError, Problem, path_text
from config.loading.report import Report
from config.model.kinds import Kinds
from config.model.policy import Policy
from config.yaml_text.document import MOST_BYTES, decoded, read_document
from config.yaml_text.node import Fault, Place

__all__ = ["TOP_KEYS", "PolicyError", "Problem", "load_policy", "parse_policy"]


class Located(NamedTuple):
    """A policy, and the places of its values in the file."""

    policy: Policy
    report: Report

    def place(self, pool: int, path: Iterable[str | int]) -> str:
        """Return the place of a pool's value, in the pool or in the defaults, as `file:line:column path`."""
        own = self._listed(("pools", pool, *path))
        return self.at(own if self.report.reach(own[:3]) is not None else ("defaults", *own[2:]))

    def at(self, path: tuple[str | int, ...]) -> str:
        """Return the place of the value at `path` of the file, as `file:line:column path`.

        `path` may name the layers of a pool as the model does, `lever` and `top`, also where the file has `levers`.
        """
        path = self._listed(path)
        return f"{self.report.source}:{':'.join(map(str, self.report.place_of(path)))} {path_text(path)}"

    def _listed(self, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
        """Return `path` with the place in `levers` of a layer that the model names `lever` or `top`."""
        if path[:1] == ("pools",) and len(path) > 2 and path[2] in LAYERS and self.report.reach((*path[:2], SEVERAL)) is not None:
            return (*path[:2], SEVERAL, LAYERS.index(path[2]), *path[3:])
        return path


def load_policy(path: Path, kinds: Kinds) -> Policy:
    """Return the policy in a file. Raise `PolicyError` with every problem, also when the file cannot be read."""
    return locate_policy(path, kinds).policy


def locate_policy(path: Path, kinds: Kinds) -> Located:
    """Return the policy in a file with the places of its values. Raise like `load_policy`."""
    try:
        with path.open("rb") as file:
            text = decoded(file.read(MOST_BYTES + 1))
    except OSError as error:
        raise PolicyError([Problem(str(path), 1, 1, "", f"cannot be read: {error.strerror or error}")]) from error
    if isinstance(text, Fault):
        raise PolicyError([Problem(str(path), *text.place, "", text.message)])
    return parsed(text, kinds, str(path), Calendars(path.parent))


def parse_policy(text: str, kinds: Kinds, source: str = "policy.yaml", calendars: Calendars | None = None) -> Policy:
    """Return the policy in `text`. Raise `PolicyError` with every problem, and no other exception for any text.

    `kinds`: models of the settings by kind. `source`: name of the file in problems. Without `calendars`, no calendar file is
    read, and events that name one have no windows.
    """
    return parsed(text, kinds, source, calendars).policy


def parsed(text: str, kinds: Kinds, source: str, calendars: Calendars | None) -> Located:
    """Return the policy in `text` with the places of its values. Raise like `parse_policy`."""
    root, faults = read_document(text)
    report = Report(source, root, faults)
    check = Check(report, kinds, calendars)
    readable = root is not None and not (root.kind == "scalar" and root.scalar is None)
    if root is not None and readable:
        check.document(root)
    elif not faults:
        report.note(Place(1, 1), (), "empty: a policy starts with version: 1 and has pools")
    if report.problems or check.policy is None:
        raise PolicyError(report.problems)
    return Located(check.policy, report)

"""From a policy file to a `Policy`, or to every problem in it at once."""

from pathlib import Path

from config.calendar_file import Calendars
from config.check import TOP_KEYS, Check, Kinds
from config.document import MOST_BYTES, decoded, read_document
from config.node import Fault, Place
from config.policy import Policy
from config.problem import PolicyError, Problem
from config.report import Report

__all__ = ["TOP_KEYS", "PolicyError", "Problem", "load_policy", "parse_policy"]


def load_policy(path: Path, kinds: Kinds) -> Policy:
    """The policy in the file at `path`; `PolicyError` with every problem, one that cannot be read included."""
    try:
        with path.open("rb") as file:
            text = decoded(file.read(MOST_BYTES + 1))
    except OSError as error:
        raise PolicyError([Problem(str(path), 1, 1, "", f"cannot be read: {error.strerror or error}")]) from error
    if isinstance(text, Fault):
        raise PolicyError([Problem(str(path), *text.place, "", text.message)])
    return parse_policy(text, kinds, str(path), Calendars(path.parent))


def parse_policy(text: str, kinds: Kinds, source: str = "policy.yaml", calendars: Calendars | None = None) -> Policy:
    """The policy that `text` says; `PolicyError` with every problem. Raises nothing else for any text.

    `kinds` maps a lever's kind to the model of its settings; `source` is what problems call the file. Without `calendars` no
    calendar file is read, and events that name one have no windows.
    """
    root, faults = read_document(text)
    report = Report(source, root, faults)
    check = Check(report, kinds, calendars)
    readable = root is not None and not (root.kind == "scalar" and root.scalar is None)
    if root is not None and readable:
        check.document(root)
    elif not faults:
        report.note(Place(1, 1), (), "empty: a policy begins with version: 1 and names pools")
    if report.problems or check.policy is None:
        raise PolicyError(report.problems)
    return check.policy

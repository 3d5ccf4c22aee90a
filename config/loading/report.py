"""Report of the problems of one document: each once, and none that only follows from another."""

from collections.abc import Container, Iterable, Iterator

from pydantic_core import ErrorDetails

from config.loading.problem import Problem, path_text
from config.yaml_text.node import Fault, Node, Place

Step = str | int
Path = tuple[Step, ...]

EXTENSION = "x-"
"""Prefix of the top-level keys that Stoker ignores: for anchors and for data of other programs."""

FREE_TEXT = ("name", "summary")


def place_within(error: ErrorDetails) -> tuple[Step, ...]:
    """Return the path of the error within the checked value. Stoker's validators add the path within their field as `at`."""
    return (*error["loc"], *error.get("ctx", {}).get("at", ()))


class Report:
    """Problems of the document `root`, in addition to the `faults` of its text. `source`: name of the file in messages."""

    def __init__(self, source: str, root: Node | None, faults: Iterable[Fault]) -> None:
        self.problems: list[Problem] = []
        self.source, self._root = source, root
        self._secret: list[Path] = []
        self._faulty: set[Place] = set()
        self._noted: set[tuple[Place, str]] = set()
        for fault in faults:
            self.note(fault.place, (), fault.message)
            self._faulty.add(fault.place)

    def note(self, place: Place, path: Path, message: str) -> None:
        """Add a problem, unless it follows from an earlier one.

        A secret gets only the problem that reports it, so that no message repeats the value. A misread value gets only the fault
        of the text. A value that aliases repeat gets one problem for all its uses.
        """
        follows = place in self._faulty or (place, message) in self._noted
        if not follows and not self.hides(path):
            self.problems.append(Problem(self.source, place.line, place.column, path_text(path), message))
            self._noted.add((place, message))

    def misread(self, path: Path) -> None:
        """Suppress further problems of the value at `path`."""
        self._faulty.add(self.place_of(path))

    def is_misread(self, path: Path, on_key: bool = False) -> bool:
        """Return whether the value at `path`, or its key, was misread because of a fault of the text."""
        return self.place_of(path, on_key) in self._faulty

    def note_secret(self, place: Place, path: Path, message: str) -> None:
        """Add the problem of a secret, and suppress further problems at and below `path`."""
        self.note(place, path, message)
        self._secret.append(path)

    def note_at(self, path: Path, message: str, on_key: bool = False) -> None:
        """Add a problem at the value at `path`, or at its key; at the innermost existing value if there is none."""
        self.note(self.place_of(path, on_key), path, message)

    def misindented(self, path: Path, node: Node, allowed: Container[str]) -> set[str]:
        """Report the unknown keys that directly follow an empty key in the same column and belong below it; return them."""
        keys_after: dict[str, list[str]] = {}
        empty = ""
        for key, member in node.members.items():
            if key in allowed or key.startswith(EXTENSION):
                empty = key if member.scalar is None and member.kind == "scalar" and not member.source else ""
            elif empty and node.keys[key].column == node.keys[empty].column:
                keys_after.setdefault(empty, []).append(key)
        for above, keys in keys_after.items():
            if not any(self.is_misread((*path, key), on_key=True) for key in keys):
                message = f"empty, and {', '.join(keys)} below it in the same column: indent what belongs to {above} deeper"
                self.note_at((*path, above), message)
            self.misread((*path, above))
        return {key for keys in keys_after.values() for key in keys}

    def cut_texts(self) -> Iterator[tuple[Place, Path, Node]]:
        """Yield place, path and value of names and summaries that end at a `#` which may be intended as part of them."""
        pending: list[tuple[Path, Node]] = [] if self._root is None else [((), self._root)]
        while pending:
            path, node = pending.pop()
            if node.comment and isinstance(node.scalar, str) and path[-1:] and path[-1] in FREE_TEXT:
                yield node.place, path, node
            pending += [((*path, key), member) for key, member in node.members.items()]
            pending += [((*path, index), item) for index, item in enumerate(node.items)]

    def hides(self, path: Path) -> bool:
        """Return whether the value at `path` is part of a secret."""
        return any(path[: len(secret)] == secret for secret in self._secret)

    def has_secret(self, path: Path) -> bool:
        """Return whether the value at `path` contains a secret."""
        return any(secret[: len(path)] == path for secret in self._secret)

    def has_misread(self, path: Path) -> bool:
        """Return whether a member of the mapping at `path` was misread."""
        node = self.reach(path)
        return node is not None and any(self.is_misread((*path, key)) for key in node.members)

    def reach(self, path: Path) -> Node | None:
        """Return the value at `path`; None when there is none or it is secret."""
        return None if self._root is None or self.hides(path) else self._root.reach(path)

    def place_of(self, path: Path, on_key: bool = False) -> Place:
        """Return the place of the value at `path`, or of its key; of the innermost existing value if there is none."""
        node, place = self._root, Place(1, 1)
        for depth, step in enumerate(path):
            if node is None:
                break
            place = node.place
            if on_key and depth == len(path) - 1 and isinstance(step, str):
                place, node = node.keys.get(step, place), None
            else:
                node = node.child(step)
        return node.place if node is not None else place

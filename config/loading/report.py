"""The problems of one document as they are found, each once and none that only follows from another."""

from collections.abc import Iterable, Iterator

from config.loading.problem import Problem, path_text
from config.yaml_text.node import Fault, Node, Place

Step = str | int
Path = tuple[Step, ...]

FREE_TEXT = ("name", "summary")


class Report:
    """Problems of the document whose `root` is given, after the `faults` of its text. `source` is what they call the file."""

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
        """Add a problem, unless it follows from one that is there.

        On something secret only the problem that says so is added, so that no message repeats the value; on a value that was
        misread, only the fault of the text; on a value that aliases repeat, one problem for all of its uses.
        """
        follows = place in self._faulty or (place, message) in self._noted
        if not follows and not self.hides(path):
            self.problems.append(Problem(self.source, place.line, place.column, path_text(path), message))
            self._noted.add((place, message))

    def misread(self, path: Path) -> None:
        """Let nothing more be said of the value under `path`."""
        self._faulty.add(self.place_of(path))

    def is_misread(self, path: Path, on_key: bool = False) -> bool:
        """Whether the value under `path`, or its key, is not what was meant."""
        return self.place_of(path, on_key) in self._faulty

    def note_secret(self, place: Place, path: Path, message: str) -> None:
        """Add the problem of something secret; nothing more is said of what is under `path`."""
        self.note(place, path, message)
        self._secret.append(path)

    def note_at(self, path: Path, message: str, on_key: bool = False) -> None:
        """Add a problem at the value under `path`, or at its key; at the innermost thing that exists."""
        self.note(self.place_of(path, on_key), path, message)

    def cut_texts(self) -> Iterator[tuple[Place, Path, Node]]:
        """Names and the like that a `#` ends which may have been meant as part of them, each with its place and path."""
        ahead: list[tuple[Path, Node]] = [] if self._root is None else [((), self._root)]
        while ahead:
            path, node = ahead.pop()
            if node.comment and isinstance(node.scalar, str) and path[-1:] and path[-1] in FREE_TEXT:
                yield node.place, path, node
            ahead += [((*path, key), member) for key, member in node.members.items()]
            ahead += [((*path, index), item) for index, item in enumerate(node.items)]

    def hides(self, path: Path) -> bool:
        """Whether what is under `path` is secret."""
        return any(path[: len(secret)] == secret for secret in self._secret)

    def has_secret(self, path: Path) -> bool:
        """Whether something under `path` is secret."""
        return any(secret[: len(path)] == path for secret in self._secret)

    def has_misread(self, path: Path) -> bool:
        """Whether a value right under `path` is not what was meant."""
        node = self.reach(path)
        return node is not None and any(self.is_misread((*path, key)) for key in node.members)

    def reach(self, path: Path) -> Node | None:
        """The value under `path`; None when there is none, or when it is secret."""
        return None if self._root is None or self.hides(path) else self._root.reach(path)

    def place_of(self, path: Path, on_key: bool = False) -> Place:
        """Where the value under `path` stands, or its key; the innermost thing that exists."""
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

"""Values of a document with their places in its text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """Line and column where something starts in the text. Both count from 1."""

    line: int
    column: int


class Fault(NamedTuple):
    """Fault of the text itself, and its place."""

    place: Place
    message: str


@dataclass(slots=True)
class Node:
    """A value with its place. `kind` is "scalar", "list" or "mapping". `keys`: the place of each key of a mapping.

    `source`: the text of a scalar as written, None if it was quoted. `comment`: a comment after an unquoted scalar without a
    space after the `#`, which may be intended as part of the value. `size`: number of values in it. `height`: number of levels.
    """

    place: Place
    kind: str
    scalar: object = None
    items: list["Node"] = field(default_factory=list)
    members: dict[str, "Node"] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    size: int = 1
    height: int = 1
    source: str | None = None
    comment: str = ""

    def plain(self) -> object:
        """Return the value without places."""
        if self.kind == "list":
            return [item.plain() for item in self.items]
        if self.kind == "mapping":
            return {key: member.plain() for key, member in self.members.items()}
        return self.scalar

    def child(self, step: str | int) -> "Node | None":
        """Return the member or item `step`; None when there is none."""
        if isinstance(step, int):
            return self.items[step] if step < len(self.items) else None
        return self.members.get(step)

    def reach(self, path: Sequence[str | int]) -> "Node | None":
        """Return the value at `path`; None when there is none."""
        node: Node | None = self
        for step in path:
            node = None if node is None else node.child(step)
        return node

"""Values of a document that know where they stand in its text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """Where something begins in the text; both count from 1."""

    line: int
    column: int


class Fault(NamedTuple):
    """What is wrong with the text itself, and where."""

    place: Place
    message: str


@dataclass(slots=True)
class Node:
    """A value with its place. `kind` is "scalar", "list" or "mapping"; `keys` holds where each key of a mapping stands.

    `source`: the text of a scalar as written, None where it was quoted. `comment`: what follows an unquoted scalar in its line as
    a comment without a blank after the `#`, so that it may have been meant as part of the value.
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
        """The value without its places."""
        if self.kind == "list":
            return [item.plain() for item in self.items]
        if self.kind == "mapping":
            return {key: member.plain() for key, member in self.members.items()}
        return self.scalar

    def child(self, step: str | int) -> "Node | None":
        """The member or item called `step`; None when there is none."""
        if isinstance(step, int):
            return self.items[step] if step < len(self.items) else None
        return self.members.get(step)

    def reach(self, path: Sequence[str | int]) -> "Node | None":
        """The value under `path`; None when there is none."""
        node: Node | None = self
        for step in path:
            node = None if node is None else node.child(step)
        return node

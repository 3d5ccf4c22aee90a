"""A YAML text as plain values that know where they stand.

Read with the meaning of YAML 1.2's core schema: `no`, `on` and `1:30` are text, `1e-6` is a number. Tags are refused, aliases may
not blow up, and nothing is ever constructed but text, numbers, true, false, null, lists and mappings.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import yaml

MOST_BYTES = 4 * 1024 * 1024
"""Ten thousand pools take a quarter of it."""
MOST_VALUES = 500_000
DEEPEST = 32
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C where there is one: ten times as fast."""

WORDS: dict[str, object] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}
WHOLE = re.compile(r"[-+]?[0-9]{1,18}")
NUMBER = re.compile(
    r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,3})?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


class Place(NamedTuple):
    """Where something begins in the text; both count from 1."""

    line: int
    column: int


class Mark(Protocol):
    """What both parsers tell of a place; they count from 0."""

    line: int
    column: int


class Fault(NamedTuple):
    """What is wrong with the text itself, and where."""

    place: Place
    message: str


@dataclass(slots=True)
class Node:
    """A value with its place. `kind` is "scalar", "list" or "mapping"; `keys` holds where each key of a mapping stands."""

    place: Place
    kind: str
    scalar: object = None
    items: list["Node"] = field(default_factory=list)
    members: dict[str, "Node"] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    size: int = 1
    height: int = 1

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


class Stop(Exception):
    """The rest of the text cannot be read."""


def read_document(text: str) -> tuple[Node | None, list[Fault]]:
    """The one document of `text`, and all that is wrong with it as YAML. Never raises for any text."""
    builder = Builder()
    try:
        size = len(text.encode())
        if size > MOST_BYTES:
            return None, [Fault(Place(1, 1), f"the file has {size:,} bytes: at most {MOST_BYTES:,} are read")]
        for event in events(text):
            builder.take(event)
    except UnicodeEncodeError as error:
        builder.faults.append(Fault(place_of(text, error.start), "not a character of Unicode"))
    except yaml.reader.ReaderError as error:
        builder.faults.append(Fault(place_of(text, error.position), f"not allowed in YAML: {error.reason}"))
    except yaml.MarkedYAMLError as error:
        builder.faults.append(Fault(place_at(error.problem_mark or error.context_mark), syntax_message(error)))
    except Stop:
        pass
    return builder.root, builder.faults


def events(text: str) -> Iterator[yaml.Event]:
    """The parser's events; an iterator, so that nothing is read after what stops the builder."""
    yield from yaml.parse(text, Loader=LOADER)


def syntax_message(error: yaml.MarkedYAMLError) -> str:
    """What the parser says, in one line."""
    parts = [part for part in (error.context, error.problem) if part]
    hint = " (indent with spaces, never tabs)" if "\\t" in str(error.problem) else ""
    return f"not valid YAML: {', '.join(parts) or 'it cannot be read'}{hint}"


def place_at(mark: Mark | None) -> Place:
    """The place of a mark; the beginning when there is none."""
    return Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1)


def place_of(text: str, position: object) -> Place:
    """The place of a position in the text."""
    before = text[:position] if isinstance(position, int) else ""
    return Place(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def scalar_value(text: str, quoted: bool) -> object:
    """What a scalar means: text if quoted or nothing else."""
    if quoted:
        return text
    if text in WORDS:
        return WORDS[text]
    if WHOLE.fullmatch(text):
        return int(text)
    if NUMBER.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


class Builder:
    """Puts parser events together without recursion, so that no nesting can exhaust the stack."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.faults: list[Fault] = []
        self._stack: list[Node] = []
        self._pending: list[tuple[str, Place] | None] = []
        self._anchors: dict[str, Node] = {}
        self._names: list[str | None] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """One event more. Raises `Stop` where going on makes no sense."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._stop(event, "a second document begins here: a policy is one document")
        elif isinstance(event, yaml.ScalarEvent):
            self._refuse_tag(event)
            quoted = bool(event.style)  # plain is '' or None, depending on the parser
            if self._expects_key():
                self._key(event.value, place_at(event.start_mark))
                return
            node = Node(place_at(event.start_mark), "scalar", scalar_value(event.value, quoted))
            self._name(event.anchor, node)
            self._add(node, event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)

    def _stop(self, event: yaml.Event, message: str) -> None:
        self.faults.append(Fault(place_at(event.start_mark), message))
        raise Stop

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            message = f"the tag {event.tag[:60]} is not allowed: write the plain value"
            self.faults.append(Fault(place_at(event.start_mark), message))

    def _expects_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].kind == "mapping" and self._pending[-1] is None

    def _key(self, text: str, place: Place) -> None:
        first = self._stack[-1].keys.get(text)
        if first is not None:
            message = f"the key {text[:60]!r} stands here a second time: it is already in line {first.line}"
            self.faults.append(Fault(place, message))
        self._pending[-1] = (text, place)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if self._expects_key():
            self._stop(event, "a key must be plain text, not an alias")
        name = event.anchor or ""
        node = self._anchors.get(name)
        if node is None:
            self._stop(event, f"the alias *{name[:60]} names nothing that ended before it")
        else:
            self._add(node, event)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        self._refuse_tag(event)
        if self._expects_key():
            self._stop(event, "a key must be plain text; values in braces must be quoted if they are text")
        if len(self._stack) >= DEEPEST:
            self._stop(event, f"nested deeper than {DEEPEST} levels")
        kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "list"
        self._stack.append(Node(place_at(event.start_mark), kind))
        self._pending.append(None)
        self._names.append(event.anchor)

    def _close(self, event: yaml.Event) -> None:
        node = self._stack.pop()
        self._pending.pop()
        self._name(self._names.pop(), node)
        self._add(node, event)

    def _name(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self._anchors[anchor] = node

    def _add(self, node: Node, event: yaml.Event) -> None:
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        parent.size += node.size
        parent.height = max(parent.height, node.height + 1)
        if parent.size > MOST_VALUES or len(self._stack) + node.height > DEEPEST + 1:
            self._stop(event, f"aliases make this larger than {MOST_VALUES:,} values or deeper than {DEEPEST} levels")
        if parent.kind == "list":
            parent.items.append(node)
            return
        pending, self._pending[-1] = self._pending[-1], None
        if pending is not None and pending[0] not in parent.members:
            key, place = pending
            parent.members[key], parent.keys[key] = node, place

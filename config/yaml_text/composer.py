"""Composer of YAML parser events: builds values with their places, resolves scalars and reports what is not allowed.

It does not recurse, so nesting cannot exhaust the stack. The size that aliases and merge keys expand to is limited.
"""

import re
from itertools import chain
from typing import NamedTuple, Protocol

import yaml

from config.yaml_text.characters import advice, cleaned, misplaced
from config.yaml_text.node import Fault, Node, Place

MOST_VALUES = 500_000
DEEPEST = 32
MERGE = "<<"

WORDS: dict[str, object] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}
WHOLE = re.compile(r"[-+]?[0-9]{1,18}")
OCTAL = re.compile(r"[-+]?0[0-7]+")
NUMBER = re.compile(
    r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,3})?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
GLUED_DASH = re.compile(r"-[A-Za-z]")
COMMENT = re.compile(r"[ \t]+(#[^\s#].*)")


class Mark(Protocol):
    """Position that both parsers report; line and column count from 0."""

    line: int
    column: int


class Key(NamedTuple):
    """Key whose value has not been read."""

    text: str
    place: Place
    merges: bool


class Stop(Exception):
    """Signal that the rest of the text cannot be read."""


def scalar_value(text: str) -> object:
    """Return the value of an unquoted scalar."""
    if text in WORDS:
        return WORDS[text]
    if WHOLE.fullmatch(text):
        return int(text)
    if NUMBER.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def place_at(mark: Mark | None) -> Place:
    """Return the place of a parser mark, which counts from 0; the start of the text when there is none."""
    return Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1)


class Composer:
    """Builder of one document from parser events; `root` is set when the document is complete."""

    def __init__(self, lines: list[str]) -> None:
        self.root: Node | None = None
        self.faults: list[Fault] = []
        self._lines = lines
        self._stack: list[Node] = []
        self._pending: list[Key | None] = []
        self._merges: list[list[tuple[Place, Node]]] = []
        self._anchors: dict[str, Node] = {}
        self._names: list[str | None] = []
        self._unused: dict[str, Place] = {}
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Process one event. Raise `Stop` when the rest cannot be read."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._stop(event, "a second document starts here: a policy is one document; remove the line --- and keep one "
                                  "version and one list of pools")
        elif isinstance(event, yaml.DocumentEndEvent):
            self._anchors_are_used()
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)

    def _stop(self, event: yaml.Event, message: str) -> None:
        self._fault(event, message)
        raise Stop

    def _fault(self, event: yaml.Event, message: str, beyond: int = 0) -> None:
        place = place_at(event.start_mark)
        self.faults.append(Fault(Place(place.line, place.column + beyond), message))

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            self._fault(event, f"the tag {event.tag[:60]} is not allowed: write the plain value, or quote it if ! is part of it")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._refuse_tag(event)
        style = event.style or ""  # plain is '' or None, depending on the parser
        plain = not style
        text = self._without_odd_characters(event) if plain else event.value
        if self._expects_key():
            self._key(event, text, plain)
            return
        node = Node(place_at(event.start_mark), "scalar", scalar_value(text) if plain else text)
        if plain:
            node.source = text
            end = place_at(event.end_mark)
            behind = COMMENT.fullmatch(self._lines[end.line - 1][end.column - 1:])
            node.comment = "" if behind is None else behind[1].rstrip()
            if OCTAL.fullmatch(text) and int(text) != int(text, 8):
                self._fault(event, f"{text} is {int(text)} to YAML 1.2 and {int(text, 8)} to YAML 1.1, "
                                   "which reads a leading zero as octal: remove the zero, or quote it if it is text")
        elif style in "|>" and not text.strip():
            self._fault(event, f"{style} starts a block of text, which is empty here: quote the value if {style} is "
                               "part of it")
        self._name(event, event.anchor, node)
        self._add(node, event)

    def _without_odd_characters(self, event: yaml.ScalarEvent) -> str:
        at = misplaced(event.value)
        if at is None:
            return event.value
        self._fault(event, advice(event.value[at]) or "", beyond=at)
        return cleaned(event.value)

    def _expects_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].kind == "mapping" and self._pending[-1] is None

    def _key(self, event: yaml.ScalarEvent, text: str, plain: bool) -> None:
        place = place_at(event.start_mark)
        merge = plain and text == MERGE
        if plain and GLUED_DASH.match(text):
            self._fault(event, f"a space is missing after the dash that starts a list item: write - {text[1:60]}")
        first = self._merges[-1][0][0] if merge and self._merges[-1] else None if merge else self._stack[-1].keys.get(text)
        if first is not None:
            remedy = "give a list: <<: [*one, *two]" if merge else "keep one of them"
            self._fault(event, f"duplicate key {text[:60]!r}: it is already in line {first.line}; {remedy}")
        self._pending[-1] = Key(text, place, merge)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if self._expects_key():
            self._stop(event, "a key must be plain text, not an alias")
        name = event.anchor or ""
        node = self._anchors.get(name)
        self._unused.pop(name, None)
        if node is None:
            self._stop(event, f"the alias *{name[:60]} is not defined above: define it there with &{name[:60]}, or quote the "
                              "value if * is part of it")
        else:
            self._add(node, event)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        self._refuse_tag(event)
        if self._expects_key():
            self._stop(event, "a key must be plain text: quote a value that starts with { or [, and render a template ({{ … }}) "
                              "before Stoker reads the file")
        if len(self._stack) >= DEEPEST:
            self._stop(event, f"nested deeper than {DEEPEST} levels")
        kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "list"
        self._stack.append(Node(place_at(event.start_mark), kind))
        self._pending.append(None)
        self._merges.append([])
        self._names.append(event.anchor)

    def _close(self, event: yaml.Event) -> None:
        node = self._stack.pop()
        self._pending.pop()
        self._merge(node, self._merges.pop(), event)
        self._name(event, self._names.pop(), node)
        self._add(node, event)

    def _merge(self, node: Node, merges: list[tuple[Place, Node]], event: yaml.Event) -> None:
        """Add the members of merged mappings that `node` does not set; the first mapping that has a key wins."""
        for place, merged in merges:
            sources = merged.items if merged.kind == "list" else [merged]
            if any(source.kind != "mapping" for source in sources):
                self.faults.append(Fault(place, "<< needs a mapping: write <<: *name, or <<: [*one, *two]"))
                continue
            for key, member in chain.from_iterable(source.members.items() for source in sources):
                if key not in node.members:
                    self._grow(node, member, event)
                    node.members[key] = member
                    node.keys[key] = next(source.keys[key] for source in sources if key in source.keys)

    def _name(self, event: yaml.Event, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
            if node.kind == "scalar":
                self._unused[anchor] = place_at(event.start_mark)

    def _anchors_are_used(self) -> None:
        for name, place in self._unused.items():
            self.faults.append(Fault(place, f"no alias uses the anchor &{name[:60]}: quote the value if & is part of it, or "
                                            "remove the anchor"))

    def _grow(self, parent: Node, node: Node, event: yaml.Event) -> None:
        parent.size += node.size
        parent.height = max(parent.height, node.height + 1)
        if parent.size > MOST_VALUES or len(self._stack) + node.height > DEEPEST + 1:
            self._stop(event, f"aliases make this larger than {MOST_VALUES:,} values or deeper than {DEEPEST} levels")

    def _add(self, node: Node, event: yaml.Event) -> None:
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        self._grow(parent, node, event)
        if parent.kind == "list":
            parent.items.append(node)
            return
        pending, self._pending[-1] = self._pending[-1], None
        if pending is not None and pending.merges:
            self._merges[-1].append((pending.place, node))
        elif pending is not None and pending.text not in parent.members:
            parent.members[pending.text], parent.keys[pending.text] = node, pending.place

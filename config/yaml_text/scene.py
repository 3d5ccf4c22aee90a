"""Context of a YAML syntax error: the text around the place where the parser stopped."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

from config.loading.problem import one_line
from config.yaml_text.composer import place_at
from config.yaml_text.node import Fault, Place

KEY_BEFORE = re.compile(r"([\w.-]+)[ \t]*:[ \t]*$")


@dataclass(frozen=True, slots=True)
class Scene:
    """Lines of a text, its tokens up to the error, and the parser's message.

    `at`: where the parser stopped. `since`: where the construct that it parsed starts. Places count from 1.
    """

    lines: Sequence[str]
    tokens: Sequence[yaml.Token]
    at: Place
    since: Place
    context: str
    problem: str

    def line(self, number: int) -> str:
        """Return the text of a line; empty past the last line."""
        return self.lines[number - 1] if number <= len(self.lines) else ""

    def char(self, place: Place) -> str:
        """Return the character at a place; empty at the end of a line."""
        return self.line(place.line)[place.column - 1: place.column]

    @property
    def text(self) -> str:
        """Line where the parser stopped."""
        return self.line(self.at.line)

    @property
    def opened(self) -> Place | None:
        """Place of the innermost bracket that is open where the parser stopped; None without one."""
        brackets: list[Place] = []
        for token in self.tokens:
            if isinstance(token, yaml.FlowMappingStartToken | yaml.FlowSequenceStartToken):
                brackets.append(place_at(token.start_mark))
            elif isinstance(token, yaml.FlowMappingEndToken | yaml.FlowSequenceEndToken) and brackets:
                brackets.pop()
        for bracket in self._unscanned():
            if self.char(bracket) in "{[":
                brackets.append(bracket)
            elif brackets:
                brackets.pop()
        return brackets[-1] if brackets else None

    def _unscanned(self) -> Iterator[Place]:
        """Yield the brackets between the last token and the error. The scanner drops the tokens of the line where it stops."""
        end = place_at(self.tokens[-1].end_mark) if self.tokens else Place(1, 1)
        start = end.column - 1 if end.line == self.at.line else 0
        text = re.sub(r"\"[^\"]*\"|'[^']*'", lambda quoted: " " * len(quoted[0]), self.text[start: self.at.column - 1])
        for bracket in re.finditer(r"(?<![^\s{\[,:-])[{\[]|[}\]]", text):
            yield Place(self.at.line, start + bracket.start() + 1)

    @property
    def quoted(self) -> yaml.ScalarToken | None:
        """Last quoted scalar before the error; None without one."""
        scalars = [token for token in self.tokens if isinstance(token, yaml.ScalarToken) and token.style in ("'", '"')]
        return scalars[-1] if scalars else None


def indentation(text: str) -> int:
    """Return the number of spaces at the start of a line."""
    return len(text) - len(text.lstrip(" "))


def quote_it(scene: Scene, start: Place, what: str) -> Fault:
    """Return the fault of a value that must be quoted, with the quoted value."""
    return Fault(start, f"{what}: quote the value: {written(scene, start)}")


def written(scene: Scene, start: Place) -> str:
    """Return `key: "value"` for the value that starts there, up to the end of the line or of the bracketed item."""
    text = scene.line(start.line)
    value = re.sub(r"\s+#.*$", "", text[start.column - 1:]).strip()
    if scene.opened is not None:
        value = re.split(r"\s*,\s*[\w-]+\s*:|\s*[}\]]|,\s*$", value)[0] or value
    key = KEY_BEFORE.search(text[: start.column - 1])
    return one_line(f"{key[1] + ': ' if key else ''}{in_quotes(value)}", 120)


def in_quotes(value: str) -> str:
    """Return the text in double quotes, or in single quotes when double quotes would need escapes."""
    if '"' not in value and "\\" not in value:
        return f'"{value}"'
    return "'" + value.replace("'", "''") + "'"

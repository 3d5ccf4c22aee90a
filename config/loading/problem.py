"""Problems of a policy file: each with its place, what is wrong and what is allowed."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem. `line` and `column` count from 1. `path`: such as `pools[0].max`, empty for the whole file."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column} {self.path + ': ' if self.path else ''}{self.message}"


class PolicyError(Exception):
    """Signal that a policy cannot be used. `problems` is never empty and is in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: list[Problem] = sorted(set(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def path_text(path: Sequence[str | int]) -> str:
    """Return a path as text: `pools[0].max` for `("pools", 0, "max")`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return one_line(text.removeprefix("."))


def one_line(text: str, most: int = 200) -> str:
    """Return `text` without line breaks and control characters, shortened to at most `most` characters."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"

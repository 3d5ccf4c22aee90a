"""Expressions of named metrics, in the syntax of CloudWatch's metric math, as trees. No I/O and no library.

CloudWatch does not compute them: it can give a point where one metric is missing, and a wrong expression fails the call of all
pools. Only what has the same value in every window is allowed.
"""

import re
from collections.abc import Collection, Iterator

Tree = float | str | tuple[object, ...]
"""A number, the name of a metric, or an operator or function with its arguments, which are trees."""

LEVELS = (("OR", "||"), ("AND", "&&"), ("==", "!=", "<", ">", "<=", ">="), ("+", "-"), ("*", "/"), ("^",))
"""Operators, those that bind least first."""

OF_ONE = ("ABS", "CEIL", "FLOOR", "LOG", "LOG10")
OF_SEVERAL = ("AVG", "MAX", "MIN", "SUM")
FUNCTIONS = (*OF_ONE, *OF_SEVERAL, "IF")
TOKEN = re.compile(r"\s*(\d+\.?\d*(?:[eE][+-]?\d+)?|[A-Za-z][A-Za-z0-9_]*|==|!=|<=|>=|&&|\|\||[-+*/^<>(),\[\]])")
DEEPEST, MOST_TOKENS = 20, 200
"""Most brackets within each other, and most names, numbers and signs: the recursion is limited."""


class WrongExpression(ValueError):
    """An expression that cannot be computed. The text says what is wrong and what is allowed."""


def parsed(text: str, names: Collection[str]) -> Tree:
    """Return the tree of an expression that uses each of `names`. Raise `WrongExpression`."""
    tokens = list(_tokens(text))
    if len(tokens) > MOST_TOKENS:
        raise WrongExpression(f"it has {len(tokens)} parts: at most {MOST_TOKENS} are allowed")
    parser = _Parser(tokens, names)
    tree = parser.binary(0)
    if parser.left:
        raise WrongExpression(f"{parser.left[0]!r} is not expected there")
    if unused := [name for name in names if name not in names_in(tree)]:
        raise WrongExpression(f"it does not use {' and '.join(unused)}: remove what is not used from metrics")
    return tree


def names_in(tree: Tree) -> set[str]:
    """Return the names of the metrics in a tree."""
    if isinstance(tree, str):
        return {tree}
    if isinstance(tree, tuple):
        return set().union(*(names_in(each) for each in tree[1:]))  # type: ignore[arg-type]
    return set()


def _tokens(text: str) -> Iterator[str]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None:
            raise WrongExpression(f"{text[at:].strip()[:10]!r} is not expected there")
        yield match[1]
        at = match.end()


class _Parser:
    """Recursive descent over tokens; `left` are those that are not consumed."""

    def __init__(self, tokens: list[str], names: Collection[str]) -> None:
        self.left, self._names, self._depth = tokens, names, 0

    def binary(self, level: int) -> Tree:
        """Return the tree of operators of `level` and of those that bind more."""
        if level == len(LEVELS):
            return self._primary()
        if LEVELS[level] == ("^",) and self._next() == "-":
            self._take("-")
            return ("-", 0.0, self._chain(level))
        return self._chain(level)

    def _chain(self, level: int) -> Tree:
        tree = self.binary(level + 1)
        while (operator := self._next()) in LEVELS[level]:
            self._take(operator)
            tree = (operator, tree, self.binary(level + 1))
        return tree

    def _primary(self) -> Tree:
        token = self._next()
        self._take(token)
        if token == "(":  # noqa: S105  (no password)
            return self._within(")", 1, 1)[0]
        if token[:1].isdigit():
            return float(token)
        if token in self._names:
            return token
        if token in FUNCTIONS:
            self._take("(")
            if token not in OF_SEVERAL:
                return (token, *self._within(")", *((2, 3) if token == "IF" else (1, 1))))  # noqa: S105
            self._take("[")
            tree = (token, *self._within("]", 1, 100))
            self._take(")")
            return tree
        if token[:1].isalpha():
            raise WrongExpression(f"{token} is neither a metric nor a function that is allowed: the metrics are "
                                  f"{', '.join(self._names)}, the functions {', '.join(FUNCTIONS)}")
        raise WrongExpression(f"{token!r} is not expected there" if token else "it ends too early")

    def _within(self, close: str, fewest: int, most: int) -> list[Tree]:
        """Return the arguments up to the bracket `close`."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise WrongExpression(f"more than {DEEPEST} brackets are open at once")
        found = [self.binary(0)]
        while self._next() == ",":
            self._take(",")
            found.append(self.binary(0))
        if not fewest <= len(found) <= most:
            raise WrongExpression(f"{len(found)} values are given before {close!r}: {fewest} to {most} are allowed")
        self._take(close)
        self._depth -= 1
        return found

    def _next(self) -> str:
        return self.left[0] if self.left else ""

    def _take(self, token: str) -> None:
        if self._next() != token:
            where = f"before {self._next()!r}" if self.left else "at the end"
            raise WrongExpression(f"{token!r} is missing {where}")
        if self.left:
            del self.left[0]

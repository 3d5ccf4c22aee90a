"""Explanations of YAML syntax errors for policy authors; the parser's own messages name its grammar rules.

Each function in `CHECKS` searches for one mistake near the place where the parser stopped, and reports it at its own place.
"""

import re
from collections.abc import Callable, Sequence

import yaml

from config.loading.problem import one_line
from config.yaml_text.characters import BLANKS, DASHES, INVISIBLE, LOOKALIKES, advice
from config.yaml_text.composer import place_at
from config.yaml_text.node import Fault, Place
from config.yaml_text.scene import KEY_BEFORE, Scene, quote_it
from config.yaml_text.structure import after_bracket, colon, directive, end_of_document, flow_end, no_colon, wrong_column

INDICATORS = {
    "*": "starts an alias in YAML", "&": "starts an anchor in YAML", "!": "starts a tag in YAML", "?": "starts a key in YAML",
    "%": "cannot start a value in YAML", "@": "cannot start a value in YAML", "`": "cannot start a value in YAML",
    "|": "starts a block of text in YAML", ">": "starts a block of text in YAML", "-": "starts a list item in YAML",
    ",": "separates values in YAML", "}": "closes a { in YAML", "]": "closes a [ in YAML",
}


def explain(lines: Sequence[str], error: yaml.MarkedYAMLError, tokens: Sequence[yaml.Token]) -> Fault:
    """Return the fault with its correction, at the place of the mistake."""
    at = place_at(error.problem_mark or error.context_mark)
    before = [token for token in tokens if place_at(token.end_mark) <= at]
    scene = Scene(lines, before, at, place_at(error.context_mark or error.problem_mark), error.context or "", error.problem or "")
    for check in CHECKS:
        fault = check(scene)
        if fault is not None:
            return fault
    message = ", ".join(part for part in (error.context, error.problem) if part)
    return Fault(at, f"not valid YAML ({one_line(message)}): quote values that contain special characters, and give the keys of "
                     "one mapping the same indentation")


def tab(scene: Scene) -> Fault | None:
    """Report a tab that indents a line, or a tab where the parser expects a token."""
    margin = margin_of(scene.text)
    column = margin.find("\t") + 1 or (scene.at.column if scene.char(scene.at) == "\t" else 0)
    if not column:
        return None
    more = sum("\t" in margin_of(line) for line in scene.lines) - ("\t" in margin)
    also = f" ({more} more {'line is' if more == 1 else 'lines are'} indented with tabs)" if more else ""
    what = f"a tab indents this line{also}" if "\t" in margin else "unexpected tab"
    return Fault(Place(scene.at.line, column), f"{what}: YAML allows only spaces; replace each tab with two spaces")


def margin_of(line: str) -> str:
    """Return the spaces and tabs at the start of a line."""
    return line[: len(line) - len(line.lstrip())]


def lookalike(scene: Scene) -> Fault | None:
    """Report a typographic or invisible character in the line or the line above, where YAML needs an ASCII character."""
    for number in range(max(1, scene.at.line - 1), scene.at.line + 1):
        text = re.sub(r"\"[^\"]*\"|'[^']*'|(?:^|\s)#.*", lambda match: "x" * len(match[0]), scene.line(number))
        for column, char in enumerate(text, start=1):
            if (char in LOOKALIKES and char not in DASHES) or char in BLANKS + INVISIBLE:
                return Fault(Place(number, column), advice(char) or "")
    return None


def foreign_comment(scene: Scene) -> Fault | None:
    """Report a comment of another language, in the line or in the line above."""
    for number in range(max(1, scene.at.line - 1), scene.at.line + 1):
        comment = re.match(r"\s*(//|/\*)", scene.line(number))
        if comment is not None:
            return Fault(Place(number, comment.start(1) + 1), f"{comment[1]} does not start a comment in YAML or JSON: write # "
                                                              "instead")
    return None


def open_quote(scene: Scene) -> Fault | None:
    """Report a quote that is never closed, or that a quote in a later line closes."""
    if "quoted scalar" in scene.context and ("end of stream" in scene.problem or "document" in scene.problem):
        return Fault(scene.since, f"the quote {scene.char(scene.since)} that opens here is not closed: close it at the end of "
                                  "the value")
    token = scene.quoted
    if token is None or token.end_mark.line == token.start_mark.line or token.end_mark.line + 1 != scene.at.line:
        return None
    opened, closed = place_at(token.start_mark), place_at(token.end_mark)
    return Fault(opened, f"the quote {token.style} that opens here closes in line {closed.line}, column {closed.column - 1}: "
                         f"close it at the end of line {opened.line}")


def after_quote(scene: Scene) -> Fault | None:
    """Report text after a closing quote: an apostrophe, or a value that is quoted in part."""
    token = scene.quoted
    if token is None or place_at(token.end_mark).line != scene.at.line:
        return None
    start, end = place_at(token.start_mark), place_at(token.end_mark)
    between, behind = scene.text[end.column - 1: scene.at.column - 1], scene.char(scene.at)
    if between.strip() or not behind or behind in "}],:":
        return None
    if token.style == "'" and not between:
        return Fault(Place(end.line, end.column - 1), "this apostrophe closes the text in single quotes: write it twice "
                                                      "('it''s'), or put "
                                                      'the text in double quotes ("it\'s")')
    return Fault(scene.at, f"text after the closing quote {token.style}: quote the whole value, starting at line {start.line}, "
                           f"column {start.column}")


def escape(scene: Scene) -> Fault | None:
    """Report an escape sequence in double quotes that YAML does not define."""
    column = scene.text.rfind("\\", 0, scene.at.column) + 1
    if not column or ("quoted scalar" not in scene.context and "double-quoted" not in scene.context):
        return None
    place, after = Place(scene.at.line, column), scene.text[column: column + 5]
    if after[:1] in ("u", "U", "x"):
        return Fault(place, f"\\{after} is an incomplete escape sequence: write the character itself")
    return Fault(place, f"\\{after[:1]} is not a valid escape in double quotes: put the text in single quotes, or write "
                        "\\\\ for a backslash")


def indicator(scene: Scene) -> Fault | None:
    """Report a value that starts with a character that YAML reserves."""
    start = scene.since if re.search(r"alias|anchor|tag|block scalar|directive|a node", scene.context) else scene.at
    char, before = scene.char(start), scene.line(start.line)[: start.column - 1]
    keyed = KEY_BEFORE.search(before) is not None
    if char in ("}", "]") and scene.opened is None and not keyed:
        return Fault(start, f"unmatched {char}: remove it, or open it with {'{' if char == '}' else '['}")
    if not char or char not in INDICATORS or re.search(r"[^\s:,\[{-]\s*$", before):
        return None
    if char == "%" and start.column == 1:
        return directive(start)
    if char == "-":
        return Fault(start, f"- {INDICATORS[char]}: write each item on a separate line, or quote the value") if keyed else None
    return quote_it(scene, start, f"{char} {INDICATORS[char]}")


CHECKS: tuple[Callable[[Scene], Fault | None], ...] = (
    tab, lookalike, foreign_comment, open_quote, after_quote, after_bracket, escape, indicator, colon, flow_end, no_colon,
    end_of_document, wrong_column)

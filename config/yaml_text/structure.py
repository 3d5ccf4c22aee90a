"""Detection of structural mistakes in YAML: colons, commas, brackets and indentation, each at the place of the mistake."""

import re

import yaml

from config.loading.problem import one_line
from config.yaml_text.composer import place_at
from config.yaml_text.node import Fault, Place
from config.yaml_text.scene import Scene, indentation, quote_it

GLUED_COLON = re.compile(r"([ \t-]*)([\w.-]+):([^\s/].*)")
GLUED_DASH = re.compile(r" *-(?=[A-Za-z])")
CLOSES = {"{": "}", "[": "]"}
OPENS = {"}": "{", "]": "["}
KINDS = {"{": "mapping", "[": "list"}


def after_bracket(scene: Scene) -> Fault | None:
    """Report text after a closing bracket."""
    token = scene.tokens[-1] if scene.tokens else None
    if not isinstance(token, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken) or scene.opened is not None:
        return None
    end, behind = place_at(token.end_mark), scene.char(scene.at)
    if end.line != scene.at.line or not behind or behind in "}]:":
        return None
    char = scene.char(Place(end.line, end.column - 1))
    return Fault(scene.at, f"text after the closing {char}: a value that starts with {OPENS[char]} is a {KINDS[OPENS[char]]}; "
                           "quote the whole value if it is text")


def colon(scene: Scene) -> Fault | None:
    """Report a colon and a space within a value, a missing comma, or a key in the wrong column."""
    if scene.char(scene.at) != ":" or "quoted scalar" in scene.context:
        return None
    if scene.opened is not None:
        return missing_comma(scene, scene.opened)
    before = scene.text[: scene.at.column - 1]
    first = re.match(r"(?:[ \t]*(?:- +)*)([^:,{\[]+?)[ \t]*:[ \t]+(?=\S)", before)
    if first is not None:
        return colon_within(scene, Place(scene.at.line, first.end() + 1))
    filled = (number for number in range(scene.at.line - 1, 0, -1) if re.sub(r"(^|\s)#.*", "", scene.line(number)).strip())
    above = next(filled, 0)
    return below(scene, above) if above else None


def colon_within(scene: Scene, start: Place) -> Fault:
    """Report a value that contains a colon and a space, at the start of the value."""
    return quote_it(scene, start, "a colon and a space within a value start a mapping in YAML")


def missing_comma(scene: Scene, opened: Place) -> Fault:
    """Report a colon where a comma or the closing bracket is expected."""
    if outside(scene, opened):
        return unclosed(scene, opened)
    before = scene.text[: scene.at.column - 1].rstrip()
    value = re.search(r":\s+([^\s,{}\[\]]+)$", before)
    if value is not None:
        return colon_within(scene, Place(scene.at.line, value.start(1) + 1))
    word = re.split(r"[\s,{\[]", before)[-1]
    return Fault(Place(scene.at.line, len(before) - len(word) + 1),
                 f"a comma is missing before {one_line(word, 40)} (the {scene.char(opened)} opens in line {opened.line}, column "
                 f"{opened.column})")


def outside(scene: Scene, opened: Place) -> bool:
    """Return whether the parser stopped in a line that is indented no deeper than the line of the open bracket."""
    return scene.at.line > opened.line and indentation(scene.text) <= indentation(scene.line(opened.line))


def unclosed(scene: Scene, opened: Place) -> Fault:
    """Report a bracket that is not closed."""
    char = scene.char(opened)
    return Fault(opened, f"the {char} that opens here is not closed before line {scene.at.line}: close it with "
                         f"{CLOSES.get(char, '}')}")


def flow_end(scene: Scene) -> Fault | None:
    """Report brackets that are not closed, or that the wrong bracket closes."""
    opened, wrong = scene.opened, scene.char(scene.at)
    if opened is None or "flow" not in scene.context:
        return None
    char = scene.char(opened)
    if wrong in OPENS:
        return Fault(scene.at, f"this {wrong} does not close the {char} that opens in line {opened.line}, column "
                               f"{opened.column}: close that with {CLOSES[char]} first")
    if not wrong or outside(scene, opened):
        return unclosed(scene, opened)
    return Fault(scene.at, f"a comma or {CLOSES[char]} is missing before this: the {char} opens in line {opened.line}, column "
                           f"{opened.column}; quote a value that has commas or brackets")


def below(scene: Scene, above: int) -> Fault:
    """Report a key that is indented below a value, or below a line that is neither key nor item."""
    upper, indent = scene.line(above), indentation(scene.text)
    wrong = neither(upper, Place(above, indentation(upper) + 1))
    if wrong is not None:
        return wrong
    return Fault(Place(scene.at.line, indent + 1),
                 f"this line is indented by {indent} spaces, below line {above}, whose key already has a value: indent it by "
                 f"{column_within(upper)} like that key")


def neither(text: str, place: Place) -> Fault | None:
    """Return the fault of a line that is neither key nor item; None when the line has a key."""
    glued = GLUED_COLON.fullmatch(text)
    if glued is not None:
        return Fault(place, f"a space is missing after the colon: write {one_line(glued[2], 60)}: {one_line(glued[3], 60)}")
    dash = GLUED_DASH.match(text)
    if dash is not None:
        rest = one_line(text[dash.end():], 60)
        return Fault(place, f"a space is missing after the dash that starts a list item: write - {rest}")
    if re.search(r":(\s|$)", text):
        return None
    return Fault(place, "this line is neither key: value nor - item: write "
                        f"{one_line(': '.join(text.strip().split(None, 1)), 60)}")


def no_colon(scene: Scene) -> Fault | None:
    """Report a line that is neither key nor item."""
    if "simple key" not in scene.context:
        return None
    return neither(scene.line(scene.since.line)[scene.since.column - 1:], scene.since)


def end_of_document(scene: Scene) -> Fault | None:
    """Report text after the end of the document."""
    if "document start" not in scene.problem:
        return None
    for number in range(scene.at.line, 0, -1):
        if scene.line(number).startswith("%"):
            return directive(Place(number, 1))
    return Fault(scene.at, "text after the end of the document (a line ..., or a value that is the whole file): a "
                           "policy is one document; remove what closes it")


def directive(place: Place) -> Fault:
    """Report a line that starts with a percent sign."""
    return Fault(place, "a line that starts with % is a YAML directive, which a policy cannot have: remove it, or start "
                        "it with #")


def wrong_column(scene: Scene) -> Fault | None:
    """Report a line whose indentation matches no line above it."""
    if "block" not in scene.context or scene.text[: scene.at.column - 1].strip(" -"):
        return None
    wrong = neither(scene.text, scene.at)
    if wrong is not None:
        return wrong
    indent, fits = indentation(scene.text), columns_above(scene)
    item = scene.text.lstrip().startswith("- ")
    same, is_item = fits.get(indent, (0, item))
    if is_item != item:
        what = "is a key and this is a list item" if item else "is a list item and this is a key"
        remedy = "indent this deeper than its key" if item else "start it with '- ', or indent it like a key above"
        return Fault(scene.at, f"line {same} {what}, in the same column: {remedy}")
    ways = " or ".join(f"by {column} as {'the item in ' if is_item else ''}line {number}"
                       for column, (number, is_item) in sorted(fits.items(), reverse=True) if is_item <= item)
    return Fault(scene.at, f"this line is indented by {indent} {'space' if indent == 1 else 'spaces'}, which matches no line "
                           f"above: indent it {ways}")


def columns_above(scene: Scene) -> dict[int, tuple[int, bool]]:
    """Return the open columns where the parser stopped, each with the nearest line that has it and whether it is an item."""
    columns: dict[int, tuple[int, bool]] = {}
    for number in range(scene.at.line - 1, 0, -1):
        text = scene.line(number)
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        key, margin = column_within(text), indentation(text)
        if key < min(columns, default=key + 1):
            columns[key] = (number, False)
        if margin < min(columns):
            columns[margin] = (number, True)
        if margin == 0:
            break
    return columns


def column_within(text: str) -> int:
    """Return the number of characters before the first key of a line, including list dashes."""
    margin = re.match(r" *(- +)*", text)
    return margin.end() if margin else 0

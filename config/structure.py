"""Mistakes in the structure of a YAML text: colons, commas, brackets and indentation, each told where it was made."""

import re

import yaml

from config.composer import place_at
from config.node import Fault, Place
from config.problem import one_line
from config.scene import Scene, indentation, quote_it

GLUED_COLON = re.compile(r"([ \t-]*)([\w.-]+):([^\s/].*)")
GLUED_DASH = re.compile(r" *-(?=[A-Za-z])")
CLOSES = {"{": "}", "[": "]"}
OPENS = {"}": "{", "]": "["}
KINDS = {"{": "mapping", "[": "list"}


def after_bracket(scene: Scene) -> Fault | None:
    """Text behind a closing bracket."""
    token = scene.tokens[-1] if scene.tokens else None
    if not isinstance(token, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken) or scene.opened is not None:
        return None
    end, behind = place_at(token.end_mark), scene.char(scene.at)
    if end.line != scene.at.line or not behind or behind in "}]:":
        return None
    char = scene.char(Place(end.line, end.column - 1))
    return Fault(scene.at, f"text stands behind the closing {char}: what begins with {OPENS[char]} is a {KINDS[OPENS[char]]}; "
                           "quote the whole value if it is text")


def colon(scene: Scene) -> Fault | None:
    """A colon and a blank within a value, a comma that is missing, or a key in the wrong column."""
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


def colon_within(scene: Scene, begins: Place) -> Fault:
    """A value, from where it begins, that has a colon and a blank."""
    return quote_it(scene, begins, "a colon and a blank within a value begin a mapping in YAML")


def missing_comma(scene: Scene, opened: Place) -> Fault:
    """A colon that comes where a comma or the closing bracket is wanted."""
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
    """Whether the parser stopped in a line that by its indentation is beyond the bracket that is still open."""
    return scene.at.line > opened.line and indentation(scene.text) <= indentation(scene.line(opened.line))


def unclosed(scene: Scene, opened: Place) -> Fault:
    """A bracket that is not closed."""
    char = scene.char(opened)
    return Fault(opened, f"the {char} that opens here is not closed before line {scene.at.line}: close it with "
                         f"{CLOSES.get(char, '}')}")


def flow_end(scene: Scene) -> Fault | None:
    """Brackets whose content goes on where it should have ended, or that the wrong bracket ends."""
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
    """A key that is indented below a value, or below a line that is neither key nor item."""
    upper, here = scene.line(above), indentation(scene.text)
    wrong = neither(upper, Place(above, indentation(upper) + 1))
    if wrong is not None:
        return wrong
    return Fault(Place(scene.at.line, here + 1),
                 f"this line is indented by {here} blanks, below line {above}, whose key has a value already: indent it by "
                 f"{column_within(upper)} like that key")


def neither(text: str, place: Place) -> Fault | None:
    """What is wrong with a line that is neither key nor item, if it is not."""
    glued = GLUED_COLON.fullmatch(text)
    if glued is not None:
        return Fault(place, f"a blank is missing behind the colon: write {one_line(glued[2], 60)}: {one_line(glued[3], 60)}")
    dash = GLUED_DASH.match(text)
    if dash is not None:
        return Fault(place, f"a blank is missing behind the dash that begins an item: write - {one_line(text[dash.end():], 60)}")
    if re.search(r":(\s|$)", text):
        return None
    return Fault(place, "this line is neither key: value nor - item: write "
                        f"{one_line(': '.join(text.strip().split(None, 1)), 60)}")


def no_colon(scene: Scene) -> Fault | None:
    """A line that is neither key nor item."""
    if "simple key" not in scene.context:
        return None
    return neither(scene.line(scene.since.line)[scene.since.column - 1:], scene.since)


def end_of_document(scene: Scene) -> Fault | None:
    """Something behind the end of the document."""
    if "document start" not in scene.problem:
        return None
    for number in range(scene.at.line, 0, -1):
        if scene.line(number).startswith("%"):
            return directive(Place(number, 1))
    return Fault(scene.at, "this stands behind the end of the document (a line ..., or a value that is the whole file): a "
                           "policy is one document; take out what ends it")


def directive(place: Place) -> Fault:
    """A line that begins with a percent sign."""
    return Fault(place, "a line that begins with % is a directive of YAML, which a policy does not have: take it out, or begin "
                        "it with #")


def wrong_column(scene: Scene) -> Fault | None:
    """A line whose indentation fits no line above it."""
    if "block" not in scene.context or scene.text[: scene.at.column - 1].strip(" -"):
        return None
    wrong = neither(scene.text, scene.at)
    if wrong is not None:
        return wrong
    here, fits = indentation(scene.text), columns_above(scene)
    item = scene.text.lstrip().startswith("- ")
    same, is_item = fits.get(here, (0, item))
    if is_item != item:
        what = "is a key and this an item of a list" if item else "is an item of a list and this a key"
        remedy = "indent this deeper than its key" if item else "begin it with '- ', or indent it like a key above"
        return Fault(scene.at, f"line {same} {what}, in the same column: {remedy}")
    ways = " or ".join(f"by {column} as {'the item in ' if is_item else ''}line {number}"
                       for column, (number, is_item) in sorted(fits.items(), reverse=True) if is_item <= item)
    return Fault(scene.at, f"this line is indented by {here} {'blank' if here == 1 else 'blanks'}, which fits no line above: "
                           f"indent it {ways}")


def columns_above(scene: Scene) -> dict[int, tuple[int, bool]]:
    """The columns that are open where the parser stopped, each with the nearest line that has it and whether for an item."""
    found: dict[int, tuple[int, bool]] = {}
    for number in range(scene.at.line - 1, 0, -1):
        text = scene.line(number)
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        key, margin = column_within(text), indentation(text)
        if key < min(found, default=key + 1):
            found[key] = (number, False)
        if margin < min(found):
            found[margin] = (number, True)
        if margin == 0:
            break
    return found


def column_within(text: str) -> int:
    """How many characters stand before the first key of a line, dashes of a list included."""
    found = re.match(r" *(- +)*", text)
    return found.end() if found else 0

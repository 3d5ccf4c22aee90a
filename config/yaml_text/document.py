"""Reader of a YAML text into plain values with their places.

The text is read by the YAML 1.2 core schema: `no`, `on` and `1:30` are text, `1e-6` is a number. Merge keys (`<<`) work. Tags
are refused, alias expansion is limited, and values are only text, numbers, true, false, null, lists and mappings.
"""

import codecs
import re
from collections.abc import Iterator
from typing import Any

import yaml

from config.yaml_text.characters import BREAKS, named
from config.yaml_text.composer import Composer, Stop
from config.yaml_text.node import Fault, Node, Place
from config.yaml_text.syntax import explain

MOST_BYTES = 4 * 1024 * 1024
"""10,000 pools need about a quarter of this."""
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C parser where it is available: about 10 times as fast."""

WIDE = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16",
        codecs.BOM_UTF16_BE: "UTF-16"}
ODD_BREAK = re.compile(f"[{BREAKS}]")


def decoded(content: bytes) -> str | Fault:
    """Return the text of a UTF-8 file, or the fault of its encoding."""
    for mark, encoding in WIDE.items():
        if content.startswith(mark):
            return Fault(Place(1, 1), f"the file is {encoding}: save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8", "replace")
        wrong = error.object[error.start]
        char = bytes([wrong]).decode("cp1252", "replace")
        return Fault(place_of(before, len(before)), f"the byte 0x{wrong:02X} is not UTF-8 ({char} in Windows-1252): save the "
                                                    "file as UTF-8")
    if "\0" in text:
        return Fault(place_of(text, text.index("\0")), "the file has NUL bytes, as UTF-16 without a byte order mark has: save "
                                                       "it as UTF-8")
    return text


def read_document(text: str) -> tuple[Node | None, list[Fault]]:
    """Return the document of `text` and all its YAML faults. Raise nothing for any text."""
    lines = [*re.split(r"\r\n|\r|\n", text), ""]  # the parser counts one line more when the last has no line break
    composer = Composer(lines)
    try:
        size = len(text.encode())
        if size > MOST_BYTES:
            return None, [Fault(Place(1, 1), f"the file has {size:,} bytes: at most {MOST_BYTES:,} are read")]
        odd = [Fault(place_of(text, match.start()), f"{named(match[0])} is a line break for some YAML parsers only: delete "
                                                    "it")
               for match in ODD_BREAK.finditer(text)]
        if odd:
            return None, odd
        for event in events(text):
            composer.take(event)
    except UnicodeEncodeError as error:
        composer.faults.append(Fault(place_of(text, error.start), "not a valid Unicode character: delete it"))
    except yaml.reader.ReaderError as error:
        char = chr(error.character) if isinstance(error.character, int) else error.character
        composer.faults.append(Fault(place_of(text, text.index(char)), f"not allowed in YAML: {named(char)}; delete it"))
    except yaml.MarkedYAMLError as error:
        fault = explain(lines, error, list(tokens(text)))
        if all(known.place.line != fault.place.line for known in composer.faults):
            composer.faults.append(fault)
    except Stop:
        pass
    return composer.root, composer.faults


def events(text: str) -> Iterator[yaml.Event]:
    """Yield the parser's events, so that nothing is read after the composer stops."""
    yield from yaml.parse(text, Loader=LOADER)


def tokens(text: str) -> Iterator[yaml.Token]:
    """Yield the scanner's tokens up to the first error."""
    try:
        yield from yaml.scan(text, Loader=LOADER)
    except yaml.MarkedYAMLError:
        return


def place_of(text: str, position: int) -> Place:
    """Return the place of a position in the text."""
    before = text[:position]
    return Place(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)

"""Characters that look like something else or like nothing: word processors, chats and web pages put them into files."""

import unicodedata

QUOTES = "“”„‟‘’‚‛«»‹›"
DASHES = "‐‑‒–—―−"
LOOKALIKES = {**dict.fromkeys(QUOTES[:4] + QUOTES[8:], '"'), **dict.fromkeys(QUOTES[4:8], "'"), **dict.fromkeys(DASHES, "-"),
              "：": ":", "，": ",", "＃": "#", "｛": "{", "｝": "}", "［": "[", "］": "]", "＊": "*"}
"""Each with the character of YAML that it is taken for."""
BLANKS = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
BREAKS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
"""Some readers of YAML end a line at them, editors do not: every line number behind would be wrong."""

CONTROLS = {"\x00": "null", "\x0b": "vertical tab", "\x0c": "form feed", "\x1b": "escape", "\x85": "next line"}


def named(char: str) -> str:
    """The character by its code and its name."""
    name = unicodedata.name(char, CONTROLS.get(char, "control character")).lower()
    seen = f" {char}" if char.isprintable() and not char.isspace() else ""
    return f"U+{ord(char):04X}{seen} ({name})"


def advice(char: str) -> str | None:
    """What is wrong with a character outside quotes, and what to write; None when nothing is."""
    if char in LOOKALIKES:
        return f"{named(char)} is not the character {LOOKALIKES[char]} of YAML: write {LOOKALIKES[char]}"
    if char in BLANKS:
        return f"{named(char)} looks like a blank and is none: write a blank, or quote the value if it belongs to it"
    if char in INVISIBLE:
        return f"{named(char)} cannot be seen: delete it, or quote the value if it belongs to it"
    return None


def cleaned(text: str) -> str:
    """An unquoted scalar without such characters, to go on with after they have been reported."""
    return text.translate({ord(char): " " for char in BLANKS} | {ord(char): None for char in INVISIBLE}).strip(f" {QUOTES}")


def misplaced(text: str) -> int | None:
    """Where in an unquoted scalar a character stands that was hardly meant: at either end, or unseen anywhere."""
    if text.isascii():
        return None
    for at, char in enumerate(text):
        if char in BLANKS or char in INVISIBLE:
            return at
    dashed = text.startswith(tuple(DASHES)) and (text[1:2].isspace() or text[1:2].isdecimal())
    return 0 if dashed or text.startswith(tuple(QUOTES)) else None

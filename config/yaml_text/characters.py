"""Characters that look like other characters or are invisible: word processors, chats and web pages insert them."""

import unicodedata

QUOTES = "“”„‟‘’‚‛«»‹›"
DASHES = "‐‑‒–—―−"
LOOKALIKES = {**dict.fromkeys(QUOTES[:4] + QUOTES[8:], '"'), **dict.fromkeys(QUOTES[4:8], "'"), **dict.fromkeys(DASHES, "-"),
              "：": ":", "，": ",", "＃": "#", "｛": "{", "｝": "}", "［": "[", "］": "]", "＊": "*"}
"""Each with the YAML character that it resembles."""
BLANKS = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
BREAKS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
"""Some YAML parsers break lines at these characters and editors do not: later line numbers would be wrong."""

CONTROLS = {"\x00": "null", "\x0b": "vertical tab", "\x0c": "form feed", "\x1b": "escape", "\x85": "next line"}


def named(char: str) -> str:
    """Return the code and name of a character."""
    name = unicodedata.name(char, CONTROLS.get(char, "control character")).lower()
    printed = f" {char}" if char.isprintable() and not char.isspace() else ""
    return f"U+{ord(char):04X}{printed} ({name})"


def advice(char: str) -> str | None:
    """Return what is wrong with a character outside quotes and what to write; None when it is allowed."""
    if char in LOOKALIKES:
        return f"{named(char)} is not the YAML character {LOOKALIKES[char]}: write {LOOKALIKES[char]}"
    if char in BLANKS:
        return f"{named(char)} looks like a space but is not: write a space, or quote the value if it is part of it"
    if char in INVISIBLE:
        return f"{named(char)} is invisible: delete it, or quote the value if it is part of it"
    return None


def cleaned(text: str) -> str:
    """Return an unquoted scalar without such characters, so that the check continues after they are reported."""
    return text.translate({ord(char): " " for char in BLANKS} | {ord(char): None for char in INVISIBLE}).strip(f" {QUOTES}")


def misplaced(text: str) -> int | None:
    """Return the index of an unintended character in an unquoted scalar: at either end, or invisible anywhere; else None."""
    if text.isascii():
        return None
    for at, char in enumerate(text):
        if char in BLANKS or char in INVISIBLE:
            return at
    dashed = text.startswith(tuple(DASHES)) and (text[1:2].isspace() or text[1:2].isdecimal())
    return 0 if dashed or text.startswith(tuple(QUOTES)) else None

"""As much of Go's template language as the chart uses, for where there is no Helm; what it does not know it refuses."""

import hashlib
import json
import re

ACTION = re.compile(r"(\{\{-?)\s*(.*?)\s*(-?\}\})", re.DOTALL)
WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s]+')


class Failed(Exception):
    """What `required` and unknown words say."""


def rendered(text, values):
    """`text` with `values`, which has Values, Chart and Release."""
    words = ACTION.split(trimmed(text))
    out, rest = block(words, 0, values, values)
    if rest != len(words):
        raise Failed("an end without a beginning")
    return out


def trimmed(text):
    """White space taken away where a dash asks for it."""
    text = re.sub(r"\s*\{\{-", "{{", text)
    return re.sub(r"-\}\}\s*", "}}", text)


def block(words, at, dot, root):
    """Render up to the `end` or `else` that closes this block; the text and where that stands."""
    out = ""
    while at < len(words):
        out += words[at]
        if at + 2 >= len(words):
            return out, len(words)
        action = words[at + 2]
        if action == "end" or action.startswith("else"):
            return out, at
        if action.startswith(("if ", "range ")):
            told, at = branch(words, at, dot, root)
            out += told
        elif not action.startswith("/*"):
            out += shown(piped(action, dot, root))
            at += 4
        else:
            at += 4
    return out, at


def branch(words, at, dot, root):
    """An `if` with its `else`s, or a `range`."""
    keyword, _, condition = words[at + 2].partition(" ")
    value = piped(condition, dot, root)
    out, end = "", at
    for item in (value or [None]) if keyword == "range" else [dot]:
        body, end = block(words, at + 4, item, root)
        out += body if value else ""
    while words[end + 2] != "end":
        chosen = not value and (words[end + 2] == "else" or piped(words[end + 2].removeprefix("else if "), dot, root))
        value = value or chosen
        body, end = block(words, end + 4, dot, root)
        out += body if chosen else ""
    return out, end + 4


def piped(text, dot, root):
    """The value of a pipeline."""
    value, given = None, False
    for part in text.split("|"):
        name, *arguments = WORD.findall(part.strip())
        known = [read(each, dot, root) for each in arguments] + ([value] if given else [])
        value = call(name, known) if name in FUNCTIONS else read(name, dot, root)
        given = True
    return value


def read(word, dot, root):
    if word.startswith('"'):
        return json.loads(word)
    if not word.startswith("."):
        raise Failed(f"{word} is not known here")
    value = dot if word == "." else root
    for name in word[1:].split(".") if word != "." else ():
        value = value[name]
    return value


def call(name, arguments):
    return FUNCTIONS[name](*arguments)


def required(message, value):
    if value in ("", None):
        raise Failed(message)
    return value


def quoted(text):
    """As Go quotes it: with escapes for what cannot be printed."""
    told = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in told)


FUNCTIONS = {
    "quote": lambda value: quoted(shown(value)),
    "toJson": lambda value: json.dumps(value, separators=(",", ":")),
    "sha256sum": lambda value: hashlib.sha256(value.encode()).hexdigest(),
    "printf": lambda form, *values: form % values,
    "required": required,
}


def shown(value):
    return value if isinstance(value, str) else json.dumps(value)

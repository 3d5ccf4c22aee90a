"""Suggestions for values of the wrong type. Most such values only need another YAML notation."""

import re
from collections.abc import Callable

SEPARATED = re.compile(r"([-+]?\d{1,3}([_,'\u2019\u00a0 ]\d{3})+|[-+]?\d+(_\d+)+)(\.\d+)?")
BASED = re.compile(r"0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+")
PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
PERCENT = re.compile(r"(\d+(\.\d+)?)\s*%")
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d{1,2}|[-+]?0,\d+")
MONEY = re.compile(r"(?:USD|EUR|[$€£])\s*(\d+(?:\.\d+)?)|(\d+(?:\.\d+)?)\s*(?:USD|EUR|[$€£])", re.IGNORECASE)
TRUE, FALSE = ("yes", "on", "y", "true", "1"), ("no", "off", "n", "false", "0")


def remedy(shape: str, value: object, source: str | None) -> str:
    """Return what to write instead of `value` where `shape` (pydantic's error type) is expected; empty without a suggestion.

    `source` is the text of an unquoted value in the file, None for a quoted value.
    """
    find = REMEDIES.get(shape)
    return "" if find is None else find(value, source)


def number(value: object, source: str | None) -> str:
    """Return the suggestion where a number is expected."""
    return instead(meant_number(value), value, source)


def instead(corrected: str | None, value: object, source: str | None) -> str:
    """Return the suggestion to write `corrected`, the number that a value contains."""
    if corrected is None:
        return "" if value is not None else "write a number after the colon"
    if isinstance(value, str) and source is None and PLAIN.fullmatch(value.strip()):
        return f"remove the quotes: {corrected}"
    return f"write {corrected}"


def whole(value: object, source: str | None) -> str:
    """Return the suggestion where a whole number is expected."""
    corrected = meant_number(value)
    if corrected is not None and not re.fullmatch(r"[-+]?\d+(\.0*)?", corrected):
        return ""
    return instead(None if corrected is None else corrected.partition(".")[0], value, source)


def meant_number(value: object) -> str | None:
    """Return the number in a text that YAML 1.2 does not read as a number, such as `1_000`, `50%` or `$3`; None without one."""
    if isinstance(value, float):
        return f"{value:.0f}" if value == value // 1 and abs(value) < 1e15 else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    if PLAIN.fullmatch(text):
        return text
    if SEPARATED.fullmatch(text):
        return re.sub(r"[^\d.+-]", "", text)
    if BASED.fullmatch(text):
        return str(int(text, 0))
    if DECIMAL_COMMA.fullmatch(text):
        return text.replace(",", ".")
    percent, money = PERCENT.fullmatch(text), MONEY.fullmatch(text)
    if percent is not None:
        return f"{float(percent[1]) / 100:g}"
    return (money[1] or money[2]) if money is not None else None


def boolean(value: object, source: str | None) -> str:  # noqa: ARG001  (the signature of all remedies)
    """Return the suggestion where true or false is expected."""
    text = str(value).strip().lower()
    return "write true" if text in TRUE else "write false" if text in FALSE else ""


def text(value: object, source: str | None) -> str:
    """Return the suggestion where text is expected."""
    if value is None:
        return "write the text after the colon" if not source else f'quote it if it is text: "{source}"'
    return f'quote it: "{source}"' if source is not None else ""


def items(value: object, source: str | None) -> str:  # noqa: ARG001
    """Return the suggestion where a list is expected."""
    if value is None:
        return "write its items on the lines below, each starting with '- '"
    if isinstance(value, dict):
        return "start each item with '- '"
    return f"write [{value}]" if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def keys(value: object, source: str | None) -> str:  # noqa: ARG001
    """Return the suggestion where a mapping is expected."""
    if value is None:
        return "write its keys on the lines below, indented further, or remove it"
    return "remove the '- ' at its start" if isinstance(value, list) else ""


REMEDIES: dict[str, Callable[[object, str | None], str]] = {
    "int_type": whole, "int_from_float": whole, "float_type": number, "bool_type": boolean, "string_type": text,
    "list_type": items, "tuple_type": items, "dict_type": keys, "model_type": keys,
}

"""What to write in place of a value of the wrong type: most are right but for the way YAML reads them."""

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
    """What to write where `shape` is wanted (as pydantic calls the type) and `value` is given; empty when nothing can be said.

    `source` is how an unquoted value is written in the file, None for a quoted one.
    """
    find = REMEDIES.get(shape)
    return "" if find is None else find(value, source)


def number(value: object, source: str | None) -> str:
    """For a number."""
    return instead(meant_number(value), value, source)


def instead(found: str | None, value: object, source: str | None) -> str:
    """What to write for the number that was `found` in a value."""
    if found is None:
        return "" if value is not None else "write a number behind the colon"
    if isinstance(value, str) and source is None and PLAIN.fullmatch(value.strip()):
        return f"take the quotes away: {found}"
    return f"write {found}"


def whole(value: object, source: str | None) -> str:
    """For a whole number."""
    found = meant_number(value)
    if found is not None and not re.fullmatch(r"[-+]?\d+(\.0*)?", found):
        return ""
    return instead(None if found is None else found.partition(".")[0], value, source)


def meant_number(value: object) -> str | None:
    """The number that a text says in another way than YAML 1.2."""
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
    """For true or false."""
    text = str(value).strip().lower()
    return "write true" if text in TRUE else "write false" if text in FALSE else ""


def text(value: object, source: str | None) -> str:
    """For text."""
    if value is None:
        return "write it behind the colon" if not source else f'quote it if it is text: "{source}"'
    return f'quote it: "{source}"' if source is not None else ""


def items(value: object, source: str | None) -> str:  # noqa: ARG001
    """For a list."""
    if value is None:
        return "write its items below, each beginning with '- '"
    if isinstance(value, dict):
        return "begin each item with '- '"
    return f"write [{value}]" if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def keys(value: object, source: str | None) -> str:  # noqa: ARG001
    """For a mapping."""
    if value is None:
        return "write its keys below, indented deeper, or take it out"
    return "take the '- ' away that begins it" if isinstance(value, list) else ""


REMEDIES: dict[str, Callable[[object, str | None], str]] = {
    "int_type": whole, "int_from_float": whole, "float_type": number, "bool_type": boolean, "string_type": text,
    "list_type": items, "tuple_type": items, "dict_type": keys, "model_type": keys,
}

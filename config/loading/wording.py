"""Text of validation errors: what is wrong and what is allowed."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config.loading.problem import one_line
from config.loading.remedy import remedy
from config.yaml_text.node import Node

SHAPES = {
    "int_type": "a whole number", "int_from_float": "a whole number", "float_type": "a number", "string_type": "text",
    "bool_type": "true or false", "model_type": "a mapping of keys", "dict_type": "a mapping of keys", "list_type": "a list",
    "tuple_type": "a list", "finite_number": "a finite number",
}
LIMITS = {"greater_than_equal": ("ge", "at least"), "greater_than": ("gt", "more than"),
          "less_than_equal": ("le", "at most"), "less_than": ("lt", "less than")}
EMPTY = ("string_too_short", "too_short")
VARIABLE = re.compile(r"\$\{|\$\(|^\$[A-Za-z_]|\{\{|^%\w+%$")
"""Variable syntax of shells, CloudFormation, Serverless, templates and Windows."""
LONGEST_SHOWN = 120
"""Longest value that a message shows, in characters: an ARN fits."""


def shown(value: object) -> str:
    """Return a value as it is written in the file."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return one_line(repr(value), LONGEST_SHOWN)


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the most similar of `words`; None when none is similar."""
    words, word = list(words), word.lower()
    longer = [each for each in words if len(word) > 2 and each.startswith(word)]
    return next(iter(get_close_matches(word, words, n=1, cutoff=0.6) or longer), None)


def meant(words: Iterable[str], allowed: Collection[str]) -> set[str]:
    """Return those of `allowed` that misspelt `words` may stand for."""
    return {near for word in words if word not in allowed and (near := nearest(word, allowed)) is not None}


def unknown(what: str, word: str, allowed: Sequence[str]) -> str:
    """Return the message for an unknown word, with a similar word if there is one and the allowed words."""
    near = nearest(word, allowed)
    hint = f"did you mean {near}? " if near else ""
    return f"unknown {what} {one_line(word, 60)!r}: {hint}allowed: {', '.join(allowed)}"


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a model by the keys of a policy file."""
    return {str(field.validation_alias or name): field for name, field in model.model_fields.items()}


def field_at(model: type[BaseModel], path: Sequence[str | int]) -> FieldInfo | None:
    """Return the field at `path` in `model`; None when the path leaves the model."""
    owner, last = owner_of(model, path), path[-1] if path else None
    return keys_of(owner).get(last) if owner is not None and isinstance(last, str) else None


def owner_of(model: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the model that has the last step of `path` as a key."""
    owner: type[BaseModel] | None = model
    for step in path[:-1]:
        if owner is not None and isinstance(step, str):
            entry = keys_of(owner).get(step)
            owner = None if entry is None else model_within(entry.annotation)
    return owner


def model_within(annotation: object) -> type[BaseModel] | None:
    """Return the model within an annotation such as `tuple[Schedule, ...]` or `Prices | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := model_within(part)) is not None), None)


def without_consequences(errors: Sequence[ErrorDetails], model: type[BaseModel]) -> list[ErrorDetails]:
    """Return the errors on a value for `model`, without those that a misspelt key in the same mapping explains."""
    misspelt: set[tuple[str | int, ...]] = set()
    for error in errors:
        owner = owner_of(model, error["loc"]) if error["type"] == "extra_forbidden" else None
        if owner is not None:
            misspelt |= {(*error["loc"][:-1], name) for name in meant([str(error["loc"][-1])], keys_of(owner))}
    return [error for error in errors if not (error["type"] in ("missing", "bounds") and misspelt & named_by(error))]


def named_by(error: ErrorDetails) -> set[tuple[str | int, ...]]:
    """Return the paths of the missing keys of an error; for bounds, both min and max."""
    *above, last = error["loc"]
    return {(*above, name) for name in (("min", "max") if error["type"] == "bounds" else (last,))}


def as_written(error: ErrorDetails, node: Node) -> Iterator[str]:
    """Yield parts to append to a message: what to write instead of the value of `node`, as far as its text shows it."""
    instead = remedy(error["type"], error["input"], node.source if node.kind == "scalar" else None)
    if instead:
        yield f": {instead}"
    if node.comment:
        yield f"; {one_line(node.comment, 40)} is a comment: quote the value if it is part of it"


def fitting(value: str, pattern: str, entry: FieldInfo | None) -> str:
    """Return what to write instead of text that does not match a pattern: the nearest match, or else an example."""
    text = value.strip()
    if VARIABLE.search(text):
        return "Stoker does not expand variables: write the value, or expand it before Stoker reads the file"
    joined = re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-")
    name = re.sub(r"\W+", "_", text, flags=re.ASCII)
    host = re.sub(r"^[a-z]+://|:\d+(/.*)?$", "", text)
    nearby = (text, text.lower(), host, joined, joined.lower(), joined.lower().replace(".", "-"), name, f"https://{text}",
              re.sub(r"[?#].*", "", text), re.sub(r"//[^/@]*@", "//", text))
    fits = next((each for each in nearby if re.search(pattern, each)), None)
    if fits is not None:
        return f"write {fits}"
    if entry is not None and entry.examples:
        return f"write it like {entry.examples[0]}"
    return "docs/policy.md lists the allowed values"


def wording(error: ErrorDetails, model: type[BaseModel]) -> str:
    """Return the message for one pydantic error on a value for `model`."""
    kind, path, value, context = error["type"], error["loc"], error["input"], error.get("ctx", {})
    entry = field_at(model, path)
    about = "" if entry is None or entry.description is None else re.split(r"[:.;](\s|$)", entry.description)[0]
    if kind == "missing":
        example = f", for example {path[-1]}: {entry.examples[0]}" if entry is not None and entry.examples else ""
        return f"the key {path[-1]} is missing: {about}{example}" if about else f"the key {path[-1]} is missing{example}"
    if kind == "extra_forbidden":
        owner = owner_of(model, path)
        return unknown("key", str(path[-1]), [] if owner is None else list(keys_of(owner)))
    if kind == "literal_error":
        allowed = [word.strip("'") for word in context["expected"].replace(" or ", ", ").split(", ")]
        near = nearest(value, allowed) if isinstance(value, str) else None
        return f"{shown(value)} is not allowed: write {' or '.join(allowed)}{f' (did you mean {near}?)' if near else ''}"
    if kind in SHAPES:
        return f"{shown(value)} is not {SHAPES[kind]}{f' ({about})' if about else ''}"
    if kind in EMPTY and not value:
        return f"{shown(value)} is empty: {'write a value' if isinstance(value, str) else 'add an item'}"
    if kind in LIMITS:
        key, words = LIMITS[kind]
        return f"{shown(value)} is out of range: {words} {context[key]:g} is allowed"
    if kind == "string_pattern_mismatch":
        return f"{shown(value)} is not valid{f' ({about})' if about else ''}: {fitting(value, context['pattern'], entry)}"
    if kind == "value_error":
        return str(context["error"])
    message = str(error["msg"])
    return message if error.get("url") is None else f"{shown(value)} is wrong: {message[:1].lower()}{message[1:]}"

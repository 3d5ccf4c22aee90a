"""Secrets out: what a log line, a stored decision or an answer may carry. Pure.

Three nets: what this process was itself given goes by its very text; names that announce a secret lose their value whatever it
looks like; and text loses what is shaped like a credential whatever it is called. A harmless word lost in a message costs less
than a key kept in it.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from adapters.ports.errors import Limit
from config.loading.secrecy import describes_secret
from controller.redaction.known_secrets import HERE, HIDDEN

WORDS = r"secret|token|passw(?:or)?d|authori[sz]ation|credential|signature|api[_-]?key|access[_-]?key|private[_-]?key"
SECRET_NAME = re.compile(WORDS, re.IGNORECASE)

PROSE = ("a|an|and|answered|are|at|be|because|but|by|cannot|check|correct|does|expired|expires|export|for|from|give|has|have|if|"
         "in|invalid|is|it|leave|leaves|make|may|missing|must|needs|no|none|not|null|of|on|only|or|please|refused|required|run|say|"
         "see|send|set|takes|that|the|this|to|true|false|unset|unknown|use|was|were|when|where|which|whose|will|with|you|your")
"""Words with which a sentence goes on after `token:`."""

Replacement = str | Callable[[re.Match[str]], str]
SHAPES: tuple[tuple[re.Pattern[str], Replacement], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    # name: value, name=value, 'name': 'value' - with the scheme word that an Authorization header puts before its secret
    (re.compile(rf"""([\w.-]*(?:{WORDS})(?:[_-]?(?:key|id|value|hash))?\d*["']?\s*[:=]\s*)(?:(?:bearer|basic|token|digest)\s+)?"""
                rf"""(?!(?:{PROSE})(?![\w.~+/=-]))"""
                r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,;&"']+)""", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b(bearer|basic)\s+(?!(?-i:[a-z]+)(?![\w~+/=-]))[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"(?<=://)[^\s/@]+(?=@)"), HIDDEN),
    # AWS: ids of access keys; secret keys are 40 characters in which upper and lower case and digits mix, and no CamelCase
    (re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"), HIDDEN),
    (re.compile(r"(?<![\w/+])(?=[a-z0-9/+]*[A-Z])(?=[A-Z0-9/+]*[a-z])(?!(?:[A-Z][a-z]{2,})+(?![\w/+]))[A-Za-z0-9/+]{40}(?![\w/+])"),
     HIDDEN),
    # session tokens, and whatever else is that long and means nothing to people
    (re.compile(r"(?<![\w/+])(?=[a-z0-9/+_-]*[A-Z])(?=[A-Z0-9/+_-]*[a-z])(?=[A-Za-z/+_-]*[0-9])[\w/+-]{100,}={0,2}", re.ASCII),
     HIDDEN),
    # Google: API keys and access tokens; anybody: JSON web tokens
    (re.compile(r"\bAIza[\w-]{35}|\bya29\.[\w.-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),
)


class ByName(dict[str, Any]):
    """A mapping whose keys are names that somebody gave, of pools say: no key of it announces a secret."""


def redact_text(text: str) -> str:
    """`text` without any secret that we know, and without anything shaped like one. Doing it twice changes nothing more."""
    return _redacted(text, HERE.generation)


@lru_cache(maxsize=32_768)
def _redacted(text: str, _: int) -> str:
    """Cached: the status shows each pool's last reasons tick after tick, mostly in the same words."""
    text = HERE.without(text)
    for shape, replacement in SHAPES:
        text = shape.sub(replacement, text)
    return text


def announces(name: str) -> bool:
    """Whether what stands under a name is a secret by it."""
    return SECRET_NAME.search(name) is not None and not describes_secret(name)


def redact(value: object) -> object:
    """`value` without secrets, as JSON can carry it: instants in ISO 8601, spans in seconds, what is no number as null."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, str):
        return redact_text(str(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, int):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        given = isinstance(value, ByName)
        return {redact_text(str(name)): HIDDEN if inner is not None and not given and announces(str(name))
                else redact(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner) for inner in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return redact_text(value.decode(errors="replace") if isinstance(value, bytes) else str(value))


def without_secrets(limit: Limit | None) -> Limit | None:
    """The same limit without secrets in its words."""
    return None if limit is None else replace(limit, text=redact_text(limit.text), remedy=redact_text(limit.remedy))

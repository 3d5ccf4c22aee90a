"""Redaction of log lines, stored decisions and responses.

Three rules: secrets of this process are removed by their exact text; a name that announces a secret loses its value; and text
loses everything that has the form of a credential. A harmless word that is removed costs less than a key that is not.
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
from controller.redaction.known_secrets import HIDDEN, PROCESS_SECRETS

WORDS = r"secret|token|passw(?:or)?d|authori[sz]ation|credential|signature|api[_-]?key|access[_-]?key|private[_-]?key"
SECRET_NAME = re.compile(WORDS, re.IGNORECASE)

PROSE = ("a|an|and|answered|are|at|be|because|but|by|cannot|check|correct|does|expired|expires|export|for|from|give|has|have|if|"
         "in|invalid|is|it|leave|leaves|make|may|missing|must|needs|no|none|not|null|of|on|only|or|please|refused|required|run|say|"
         "see|send|set|takes|that|the|this|to|true|false|unset|unknown|use|was|were|when|where|which|whose|will|with|you|your")
"""Words that continue a sentence after `token:`; they are not removed as its value."""

Replacement = str | Callable[[re.Match[str]], str]
SHAPES: tuple[tuple[re.Pattern[str], Replacement], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    # name: value, name=value, 'name': 'value' - with the scheme word of an Authorization header before its secret
    (re.compile(rf"""([\w.-]*(?:{WORDS})(?:[_-]?(?:key|id|value|hash))?\d*["']?\s*[:=]\s*)(?:(?:bearer|basic|token|digest)\s+)?"""
                rf"""(?!(?:{PROSE})(?![\w.~+/=-]))"""
                r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,;&"']+)""", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b(bearer|basic)\s+(?!(?-i:[a-z]+)(?![\w~+/=-]))[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"(?<=://)[^\s/@]+(?=@)"), HIDDEN),
    # AWS: ids of access keys; secret keys are 40 characters that mix upper case, lower case and digits, but are not CamelCase
    (re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"), HIDDEN),
    (re.compile(r"(?<![\w/+])(?=[a-z0-9/+]*[A-Z])(?=[A-Z0-9/+]*[a-z])(?!(?:[A-Z][a-z]{2,})+(?![\w/+]))[A-Za-z0-9/+]{40}(?![\w/+])"),
     HIDDEN),
    # session tokens, and other texts of at least 100 characters that mix upper case, lower case and digits
    (re.compile(r"(?<![\w/+])(?=[a-z0-9/+_-]*[A-Z])(?=[A-Z0-9/+_-]*[a-z])(?=[A-Za-z/+_-]*[0-9])[\w/+-]{100,}={0,2}", re.ASCII),
     HIDDEN),
    # Google: API keys and access tokens; all providers: JSON web tokens
    (re.compile(r"\bAIza[\w-]{35}|\bya29\.[\w.-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),
)


class ByName(dict[str, Any]):
    """A mapping whose keys are names of an operator, such as pools: no key of it announces a secret."""


def redact_text(text: str) -> str:
    """Return `text` without known secrets and without text in the form of a credential. Idempotent."""
    return _redacted(text, PROCESS_SECRETS.generation)


@lru_cache(maxsize=32_768)
def _redacted(text: str, _: int) -> str:
    """Return a redacted text; cached, because the status repeats most texts at every tick."""
    text = PROCESS_SECRETS.without(text)
    for shape, replacement in SHAPES:
        text = shape.sub(replacement, text)
    return text


def announces(name: str) -> bool:
    """Return whether a name announces that its value is a secret."""
    return SECRET_NAME.search(name) is not None and not describes_secret(name)


def redact(value: object) -> object:
    """Return `value` without secrets as JSON values: instants in ISO 8601, durations in seconds, NaN and infinity as null."""
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
        by_name = isinstance(value, ByName)
        return {redact_text(str(name)): HIDDEN if inner is not None and not by_name and announces(str(name))
                else redact(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner) for inner in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return redact_text(value.decode(errors="replace") if isinstance(value, bytes) else str(value))


def without_secrets(limit: Limit | None) -> Limit | None:
    """Return a limit without secrets in its text and remedy."""
    return None if limit is None else replace(limit, text=redact_text(limit.text), remedy=redact_text(limit.remedy))

"""Which secrets this process was given, and in which forms they may turn up.

Which variables hold secrets, their names tell, and the policy that names them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

from config.loading.secrecy import looks_secret
from controller.redaction.known_secrets import HERE

SCHEME = re.compile(r"(?:bearer|basic|token|digest|apikey|api-key|key|negotiate)\s+(?P<secret>\S.*)", re.IGNORECASE | re.DOTALL)
"""The word that the value of a header begins with."""

WORDS = re.compile(r"/?[a-z]+(?:[-_/.][a-z]+)*")
"""A part of an address that means something to people."""

ORDINARY_VARIABLES = ("HOME", "HOSTNAME", "LOGNAME", "PWD", "SHELL", "USER", "VIRTUAL_ENV")
HEADERS = "OTEL_EXPORTER_OTLP_"
"""How variables begin whose values are headers, name=value with commas between."""


def register_secrets(secrets: Iterable[str]) -> None:
    """Let this process say none of `secrets` from now on, in any of their forms."""
    HERE.hide(form for secret in secrets for form in forms(secret))


def forms(secret: str) -> Iterator[str]:
    """A secret as it may turn up: whole, without the word that a header begins with, as its URL's path, and escaped."""
    whole = secret.strip()
    parts = [whole]
    if (header := SCHEME.fullmatch(whole)) is not None:
        parts.append(header["secret"])
    if "://" in whole:
        with suppress(ValueError):  # it is no URL, whatever it looks like
            path = urlsplit(whole).path
            parts += [part for part in (path, path.rpartition("/")[2]) if not WORDS.fullmatch(part)]
    for part in parts:
        yield from (part, quote(part, safe=""), repr(part)[1:-1])


def in_environment(environment: Mapping[str, str], named: Iterable[str], public: Iterable[str] = ()) -> list[str]:
    """The values of variables that are called after a secret, and of those that are `named`.

    Not what is known to be none: a file or a folder that is there, who and where this process is, and what is `public`, as the
    texts of a policy are, which holds no secret.
    """
    known = {*public, *(environment[name] for name in ORDINARY_VARIABLES if name in environment)}
    named = set(named)
    found = [value for name in sorted(named | {name for name in environment if looks_secret(name)})
             for value in values(name, environment.get(name, "")) if value and (name in named or value not in known)]
    return [value for value in found if not is_place(value)]


def values(name: str, value: str) -> list[str]:
    """The secrets in a variable."""
    if name.startswith(HEADERS):
        return [part.partition("=")[2].strip() for part in value.split(",")]
    return [value]


def is_place(value: str) -> bool:
    """Whether `value` is the path of something that is there: whoever may read a message may know it."""
    try:
        return value.startswith(("/", "~", "./", "../")) and Path(value).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


def texts_in(value: object) -> Iterator[str]:
    """Every text of a policy."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, str):
        yield value


def named_in(value: object) -> Iterator[str]:
    """The variables that a policy says hold secrets: values of keys in `_env`, and of `headers_from`."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if str(key).endswith("_env") and isinstance(inner, str):
                yield inner
            elif key == "headers_from" and isinstance(inner, Mapping):
                yield from map(str, inner.values())
            else:
                yield from named_in(inner)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from named_in(item)

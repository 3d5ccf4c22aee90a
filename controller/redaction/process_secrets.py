"""Secrets in the environment of this process, and the forms in which they can occur in texts.

A variable contains a secret if its name announces one, or if the policy names it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

from config.loading.secrecy import looks_secret
from controller.redaction.known_secrets import PROCESS_SECRETS

SCHEME = re.compile(r"(?:bearer|basic|token|digest|apikey|api-key|key|negotiate)\s+(?P<secret>\S.*)", re.IGNORECASE | re.DOTALL)
"""A header value that starts with an authentication scheme."""

WORDS = re.compile(r"/?[a-z]+(?:[-_/.][a-z]+)*")
"""A part of an address that consists of words, and is therefore not a secret."""

ORDINARY_VARIABLES = ("HOME", "HOSTNAME", "LOGNAME", "PWD", "SHELL", "USER", "VIRTUAL_ENV")
HEADERS = "OTEL_EXPORTER_OTLP_"
"""Prefix of variables whose values are headers: name=value, separated by commas."""


def register_secrets(secrets: Iterable[str]) -> None:
    """Remove `secrets`, in any of their forms, from all texts of this process from now on."""
    PROCESS_SECRETS.hide(form for secret in secrets for form in forms(secret))


def forms(secret: str) -> Iterator[str]:
    """Yield the forms of a secret: whole, without its authentication scheme, the path of a URL, and each of them escaped."""
    whole = secret.strip()
    parts = [whole]
    if (header := SCHEME.fullmatch(whole)) is not None:
        parts.append(header["secret"])
    if "://" in whole:
        with suppress(ValueError):  # not a URL, although it contains ://
            path = urlsplit(whole).path
            parts += [part for part in (path, path.rpartition("/")[2]) if not WORDS.fullmatch(part)]
    for part in parts:
        yield from (part, quote(part, safe=""), repr(part)[1:-1])


def in_environment(environment: Mapping[str, str], named: Iterable[str], public: Iterable[str] = ()) -> list[str]:
    """Return the values of variables whose names announce a secret, and of those that are `named`.

    Left out: existing files and folders, the user and folders of this process, and `public` texts, such as those of a policy,
    which contains no secret.
    """
    known = {*public, *(environment[name] for name in ORDINARY_VARIABLES if name in environment)}
    named = set(named)
    secrets = [value for name in sorted(named | {name for name in environment if looks_secret(name)})
             for value in values(name, environment.get(name, "")) if value and (name in named or value not in known)]
    return [value for value in secrets if not is_place(value)]


def values(name: str, value: str) -> list[str]:
    """Return the secrets in the value of a variable."""
    if name.startswith(HEADERS):
        return [part.partition("=")[2].strip() for part in value.split(",")]
    return [value]


def is_place(value: str) -> bool:
    """Return whether `value` is the path of an existing file or folder; a path is not a secret."""
    try:
        return value.startswith(("/", "~", "./", "../")) and Path(value).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


def texts_in(value: object) -> Iterator[str]:
    """Yield every text in a policy."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, str):
        yield value


def named_in(value: object) -> Iterator[str]:
    """Yield the variables that a policy names as secrets: values of keys that end in `_env`, and of `headers_from`."""
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

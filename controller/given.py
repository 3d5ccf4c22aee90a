"""Which secrets this process was given, and in which forms they may turn up.

Which variables hold secrets, their names tell, and the policy that names them.
"""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, urlsplit

from config.secrecy import looks_secret
from controller.hidden import HERE

NO_SECRETS = {"GOOGLE_APPLICATION_CREDENTIALS"}
"""Variables that are called after a secret and hold a path."""


def hide(secrets: Iterable[str]) -> None:
    """Let this process say none of `secrets` from now on, in any of their forms."""
    HERE.hide(form for secret in secrets for form in forms(secret))


def forms(secret: str) -> Iterator[str]:
    """A secret as it may turn up: whole, without the word that a header begins with, as its URL's path, and escaped."""
    whole = secret.strip()
    parts = [whole, *whole.split()[1:]]
    if "://" in whole:
        path = urlsplit(whole).path
        parts += [path, path.rpartition("/")[2]]
    for part in parts:
        yield from (part, quote(part, safe=""), repr(part)[1:-1])


def in_environment(environment: Mapping[str, str], named: Iterable[str]) -> list[str]:
    """The values of variables that are called after a secret, and of those that are `named`."""
    names = set(named) | {name for name in environment if looks_secret(name) and name not in NO_SECRETS}
    return [environment[name] for name in sorted(names) if environment.get(name)]


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

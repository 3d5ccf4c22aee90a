"""Secrets never stand in a policy file: it is read by many, kept in version control and shown in errors."""

import re
from collections.abc import Container, Iterator

from config.node import Node, Place

SECRET_KEY = re.compile(
    r"passw(or)?d|passphrase|secret|credential|private_?key|(access|api|signing|encryption|account)_?key|"
    r"(^|_)(token|authorization|bearer|pat|key|pwd)(_|$)"
)
NAMES_ONLY = re.compile(r"_(env|file|name|path|ref|arn)$")
"""Keys that say where a secret is kept, not what it is."""
VARIABLES_BY_NAME = ("headers_from",)
"""Where keys are names of headers, Authorization for one, and values name the variables that hold theirs."""
SECRET_VALUE = re.compile(
    r"(AKIA|ASIA)[A-Z0-9]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|\bgh[pousr]_[A-Za-z0-9]{36}|\bsk-[A-Za-z0-9_-]{20,}|"
    r"\b(AIza|ya29\.)[A-Za-z0-9_-]{30,}|\beyJ[A-Za-z0-9_-]{10,}\.eyJ|://[^/\s@:]+:[^/\s@]+@|\b[Bb]earer\s+\S{12,}"
)
ADVICE = "secrets never stand in the file: give it by the environment or the machine's own identity, and change it if it was real"


def looks_secret(key: str) -> bool:
    """Whether a key's name says that its value would be a secret."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|-", "_", key).lower()
    return bool(SECRET_KEY.search(words)) and not NAMES_ONLY.search(words)


def secrets_in(
    node: Node, declared: Container[str], path: tuple[str | int, ...] = ()
) -> Iterator[tuple[Place, tuple[str | int, ...], str]]:
    """Place, path and message of everything in a document that looks like a secret. No value is repeated.

    Keys that a model declares are never secret by their name.
    """
    for key, member in node.members.items():
        if key not in declared and path[-1:] != VARIABLES_BY_NAME and looks_secret(key):
            yield node.keys[key], (*path, key), f"looks like a secret by its name: {ADVICE}"
        else:
            yield from secrets_in(member, declared, (*path, key))
    for index, item in enumerate(node.items):
        yield from secrets_in(item, declared, (*path, index))
    if isinstance(node.scalar, str) and SECRET_VALUE.search(node.scalar):
        yield node.place, path, f"looks like a secret by its value: {ADVICE}"

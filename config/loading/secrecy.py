"""Secrets never stand in a policy file: it is read by many, kept in version control and shown in errors."""

import re
from collections.abc import Container, Iterator

from config.yaml_text.node import Node, Place

SECRET_PARTS = re.compile(
    r"passw(?:or)?d|passphrase|secret|credential|(?:private|access|api|signing|encryption|account|license|master|service)_?key|"
    r"^sshpass$|^rediscli_auth$|connection_string|^docker_auth_config$|^otel_exporter_otlp_(?:\w+_)?headers$"
)
"""What makes a name a secret's wherever it stands in it."""

SECRET_WORDS = frozenset({"token", "tokens", "authorization", "bearer"})
"""What does so as a word of the name."""

SECRET_LAST = frozenset({"pass", "key", "pwd", "pat", "jwt", "cookie"})
"""What does so as its last word, but for a number or a form that follows."""

FORM = re.compile(r"_?\d+$|_(?:data|pem|base64|b64|json|value|contents|text|hash)$")

NAMES_ONLY = re.compile(
    r"_(?:env|file|name|path|ref|arn|dir|folder|file_override|host|port|sock|socket|type|mode|region|provider|issuer|audience|"
    r"command|cmd|policy|ttl|lifetime|duration|expiry|expiration|expires|length|limit|count|enabled|required|id)$|"
    r"(?:token|auth|credentials?|key|full|request)_(?:url|uri|endpoint)$"
)
"""Ends of names that say where a secret is kept, or something about it, and not what it is."""

SECRET_ANYWAY = re.compile(r"^aws_container_credentials_relative_uri$|(?:access_?key|secret)_id$")
"""What ends so and is a secret, or half of one: who knows that path is given the task's keys."""

NO_SECRET_WORDS = re.compile(
    r"(?:public|primary|partition|sort|foreign|cache|host|group|join|shard|hash|range|object|s3)_key$|token_bucket|"
    r"(?:max|min|num|total|used|prompt|input|output|completion)_tokens$|secretar(?:y|iat)"
)
NO_SECRETS = frozenset({"PWD", "OLDPWD", "OLD_PWD", "INIT_CWD", "GOOGLE_APPLICATION_CREDENTIALS"})
"""Variables of the environment that are called after a secret and hold a folder or a file."""

VARIABLES_BY_NAME = ("headers_from",)
"""Where keys are names of headers, Authorization for one, and values name the variables that hold theirs."""
SECRET_VALUE = re.compile(
    r"(AKIA|ASIA)[A-Z0-9]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|\bgh[pousr]_[A-Za-z0-9]{36}|\bsk-[A-Za-z0-9_-]{20,}|"
    r"\b(AIza|ya29\.)[A-Za-z0-9_-]{30,}|\beyJ[A-Za-z0-9_-]{10,}\.eyJ|://[^/\s@:]+:[^/\s@]+@|\b[Bb]earer\s+\S{12,}"
)
ADVICE = "secrets never stand in the file: give it by the environment or the machine's own identity, and change it if it was real"


def looks_secret(name: str) -> bool:
    """Whether the name of a key or of a variable says that its value is a secret."""
    if tells_about_secret(name):
        return False
    words = words_of(name)
    return (SECRET_PARTS.search(words) is not None or not SECRET_WORDS.isdisjoint(words.split("_"))
            or FORM.sub("", words).rpartition("_")[2] in SECRET_LAST)


def tells_about_secret(name: str) -> bool:
    """Whether a name that holds a secret's word says where one is kept, or something about it."""
    words = words_of(name)
    if SECRET_ANYWAY.search(words):
        return False
    return name in NO_SECRETS or NAMES_ONLY.search(words) is not None or NO_SECRET_WORDS.search(words) is not None


def words_of(name: str) -> str:
    """Lower-case words with underscores between."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[-.\s]", "_", name).lower()


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

"""Detection of secrets in policy files, which many people read, version control stores and errors quote."""

import re
from collections.abc import Container, Iterator

from config.yaml_text.node import Node, Place

SECRET_PARTS = re.compile(
    r"passw(?:or)?d|passphrase|secret|credential|(?:private|access|api|signing|encryption|account|license|master|service)_?key|"
    r"(?:access|api|auth|refresh)token|"
    r"^sshpass$|^rediscli_auth$|connection_string|^docker_auth_config$|^otel_exporter_otlp_(?:\w+_)?headers$"
)
"""Parts of a name that mark a secret at any position."""

SECRET_WORDS = frozenset({"token", "tokens", "authorization", "bearer"})
"""Words that mark a secret anywhere in a name."""

SECRET_LAST = frozenset({"pass", "key", "pwd", "pat", "jwt", "cookie"})
"""Words that mark a secret as the last word of a name; a number or a form (`FORM`) may follow."""

FORM = re.compile(r"_?\d+$|_(?:data|pem|base64|b64|json|value|contents|text|hash)$")

NAMES_ONLY = re.compile(
    r"_(?:env|file|name|path|ref|arn|dir|folder|file_override|host|port|sock|socket|type|mode|region|provider|issuer|audience|"
    r"command|cmd|policy|ttl|lifetime|duration|expiry|expiration|expires|length|limit|count|enabled|required|id|"
    r"seconds|minutes|hours|days|millis|ms|size|level|connections|prefix|algorithm|format|version|disabled|paths?)$|"
    r"(?:token|auth|credentials?|key|full|request|reset|exchange|revocation|introspection)_(?:url|uri|endpoint)$|"
    r"_service_(?:host|port(?:_\w+)?)$|_port(?:_\d+_(?:tcp|udp)(?:_(?:proto|port|addr))?)?$"
)
"""Endings of names whose value is the location or a property of a secret, not the secret. The last line is what Kubernetes sets
for each service of a namespace, whatever its name is.
"""

SECRET_ANYWAY = re.compile(r"^aws_container_credentials_relative_uri$|(?:access_?key|secret)_id$")
"""Exceptions to `NAMES_ONLY` that are secret: any process with that path can read the task's keys."""

NO_SECRET_WORDS = re.compile(
    r"(?:public|primary|partition|sort|foreign|cache|host|group|join|shard|hash|range|object|s3)_key$|token_bucket|"
    r"(?:max|min|num|total|used|prompt|input|output|completion)_tokens$|secretar(?:y|iat)"
)
NO_SECRETS = frozenset({"PWD", "OLDPWD", "OLD_PWD", "INIT_CWD", "GOOGLE_APPLICATION_CREDENTIALS"})
"""Environment variables whose name looks like a secret and whose value is a directory or a file."""

TEXT_IS_SECRET = ("credentials",)
"""Declared keys of mappings: text in their place may be a secret."""

VARIABLES_BY_NAME = ("headers_from",)
"""Mappings from header names, such as Authorization, to the environment variables that hold their values."""
SECRET_VALUE = re.compile(
    r"(AKIA|ASIA)[A-Z0-9]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|\bgh[pousr]_[A-Za-z0-9]{36}|\bsk-[A-Za-z0-9_-]{20,}|"
    r"\b(AIza|ya29\.)[A-Za-z0-9_-]{30,}|\beyJ[A-Za-z0-9_-]{10,}\.eyJ|://[^/\s@:]*:[^/\s@]+@|\b[Bb]earer\s+\S{12,}"
)
ADVICE = "secrets are not allowed in the file: use the environment or the machine's identity, and rotate the secret if it is real"


def looks_secret(name: str) -> bool:
    """Return whether the name of a key or a variable marks its value as a secret."""
    if describes_secret(name):
        return False
    words = words_of(name)
    return (SECRET_PARTS.search(words) is not None or not SECRET_WORDS.isdisjoint(words.split("_"))
            or FORM.sub("", words).rpartition("_")[2] in SECRET_LAST)


def describes_secret(name: str) -> bool:
    """Return whether a name with a secret's word marks the location or a property of a secret."""
    words = words_of(name)
    if SECRET_ANYWAY.search(words):
        return False
    return name in NO_SECRETS or NAMES_ONLY.search(words) is not None or NO_SECRET_WORDS.search(words) is not None


def words_of(name: str) -> str:
    """Return the name in lower case, its words joined by underscores."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[-.\s]", "_", name).lower()


def secrets_in(
    node: Node, declared: Container[str], path: tuple[str | int, ...] = ()
) -> Iterator[tuple[Place, tuple[str | int, ...], str]]:
    """Yield place, path and message of everything in a document that looks like a secret. No message quotes a value.

    A key that a model declares is not a secret by its name, unless it is one of a mapping and has text.
    """
    for key, member in node.members.items():
        known = key in declared and not (key in TEXT_IS_SECRET and isinstance(member.scalar, str))
        if not known and path[-1:] != VARIABLES_BY_NAME and looks_secret(key):
            yield node.keys[key], (*path, key), f"the name looks like a secret; {ADVICE}"
        else:
            yield from secrets_in(member, declared, (*path, key))
    for index, item in enumerate(node.items):
        yield from secrets_in(item, declared, (*path, index))
    if isinstance(node.scalar, str) and SECRET_VALUE.search(node.scalar):
        yield node.place, path, f"the value looks like a secret; {ADVICE}"

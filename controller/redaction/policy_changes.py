"""Texts of the difference between two policies, without secrets: for the log, for `/status` and for `stoker diff`."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from config.loading.secrecy import looks_secret
from config.model.policy_diff import Change, PolicyDiff
from controller.redaction.known_secrets import HIDDEN
from controller.redaction.redactor import ByName, redact_text

MOST_CHARACTERS = 200
"""Longest text of one value."""


def summary_text(diff: PolicyDiff) -> str:
    """Return the number of pools added, removed and changed, and the changed keys outside of pools."""
    pools = f"pools: {len(diff.added)} added, {len(diff.removed)} removed, {len(diff.changed)} changed"
    keys = sorted({change.top_key for change in diff.fleet})
    return f"{pools}; changed for all pools: {', '.join(keys)}" if keys else pools


def change_text(change: Change) -> str:
    """Return one changed key as `KEY: OLD -> NEW`."""
    old, new = shown(change.key, change.old), shown(change.key, change.new)
    return f"{change.key}: {old} -> {new}" if old != new else f"{change.key}: changed ({old})"


def shown(key: str, value: Any) -> str:  # noqa: ANN401  (JSON values)
    """Return a value as one line; `absent` for None."""
    safe = without_secrets(key, value)
    text = "absent" if safe is None else safe if isinstance(safe, str) else json.dumps(safe)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}..."


def without_secrets(key: str, value: Any) -> Any:  # noqa: ANN401  (JSON values)
    """Return the value of a key without secrets: of a URL only the host, because its path can be one."""
    name = key.rpartition(".")[2].partition("[")[0]
    if isinstance(value, dict):
        return {each: without_secrets(each, member) for each, member in value.items()}
    if isinstance(value, list):
        return [without_secrets(name, item) for item in value]
    if not isinstance(value, str):
        return value
    if looks_secret(name):
        return HIDDEN
    if "://" in value:
        return address_text(value)
    return redact_text(value)


def address_text(url: str) -> str:
    """Return scheme and host of a URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    return f"{parts.scheme}://{parts.hostname or ''}/..."


def lines(diff: PolicyDiff) -> Iterator[str]:
    """Yield the difference line by line: pools added, removed and changed, then what concerns all pools."""
    yield from (f"+ pool {name}" for name in diff.added)
    yield from (f"- pool {name}" for name in diff.removed)
    for name, changed in diff.changed.items():
        yield f"~ pool {name}"
        yield from (f"    {change_text(each)}" for each in changed)
    for each in diff.fleet:
        yield f"~ {change_text(each)}"


def diff_body(diff: PolicyDiff) -> dict[str, Any]:
    """Return the difference as JSON values."""
    return {"added": list(diff.added), "removed": list(diff.removed),
            "changed": ByName({name: [change_body(each) for each in changed] for name, changed in diff.changed.items()}),
            "fleet": [change_body(each) for each in diff.fleet], "needs_restart": list(diff.restart_keys)}


def change_body(change: Change) -> dict[str, Any]:
    """Return one changed key as JSON values."""
    return {"key": change.key, "old": without_secrets(change.key, change.old), "new": without_secrets(change.key, change.new)}

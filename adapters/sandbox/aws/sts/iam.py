"""Evaluation of identity-based IAM policies, limited to the elements that Stoker's policies use."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from adapters.sandbox.wire import Json


def allows(policy: Json, action: str, resource: str, region: str) -> bool:
    """Return whether a statement allows `action` on `resource`. A statement with unsupported elements allows nothing."""
    return any(_applies(statement, action, resource, region) for statement in policy["Statement"])


def _applies(statement: Json, action: str, resource: str, region: str) -> bool:
    regions = {"StringEquals": {"aws:RequestedRegion": _listed(statement.get("Condition", {}))}}
    return (
        statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        and statement["Effect"] == "Allow"
        and any(fnmatchcase(action, pattern) for pattern in _each(statement["Action"]))
        and any(fnmatchcase(resource, pattern) for pattern in _each(statement["Resource"]))
        and ("Condition" not in statement or (statement["Condition"] == regions and region in _listed(regions)))
    )


def _listed(condition: Json) -> list[str]:
    return list(condition.get("StringEquals", {}).get("aws:RequestedRegion", []))


def _each(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value

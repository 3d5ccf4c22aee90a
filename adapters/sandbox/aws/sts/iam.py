"""What an identity-based policy of IAM allows: as much of its language as the policies have that are tried here."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from adapters.sandbox.wire import Json


def allows(policy: Json, action: str, resource: str, region: str) -> bool:
    """Whether some statement allows `action` on `resource`; a statement in words that are not known here allows nothing."""
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


def _each(given: str | Sequence[str]) -> Sequence[str]:
    return [given] if isinstance(given, str) else given

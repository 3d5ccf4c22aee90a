"""DynamoDB as far as a lease needs it: items of tables with two string keys, and changes under conditions."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.sandbox.errors import ApiError
from adapters.sandbox.operations import Operation
from adapters.sandbox.wire import Call, Json, Reply
from adapters.sandbox.world import Sandbox

KEYS = ("group", "item")
MOST_ITEMS = 100
PAGE = 200
"""Items in an answer; AWS ends one after a megabyte."""

TERM = re.compile(r"(?P<function>\w+)\((?P<of>#?\w+)(?:,\s*(?P<with>:\w+))?\)|(?P<name>#?\w+)\s*=\s*(?P<value>:\w+)")
Table = dict[tuple[str, str], Json]


def get_item(sandbox: Sandbox, call: Call) -> Reply:
    """Always the newest: what is read here is never old, whether or not that was asked for."""
    found = _table(sandbox, call.body).get(_key(call.body["Key"]))
    return Reply({} if found is None else {"Item": found})


def put_item(sandbox: Sandbox, call: Call) -> Reply:
    """Replaces a whole item, if the condition holds of the one that is there."""
    table, key = _table(sandbox, call.body), _key(call.body["Item"])
    if not holds(call.body, table.get(key)):
        raise ApiError("ConditionalCheckFailedException", "The conditional request failed")
    table[key] = dict(call.body["Item"])
    return Reply({})


def transact_write_items(sandbox: Sandbox, call: Call) -> Reply:
    """All changes or none. Knows Put and ConditionCheck."""
    steps = [next(iter(step.items())) for step in call.body["TransactItems"]]
    if not 1 <= len(steps) <= MOST_ITEMS or any(kind not in ("Put", "ConditionCheck") for kind, _ in steps):
        raise ApiError("ValidationException", f"from 1 to {MOST_ITEMS} of Put and ConditionCheck are emulated")
    places = [(_table(sandbox, what), _key(what["Item" if kind == "Put" else "Key"])) for kind, what in steps]
    kept = [holds(what, table.get(key)) for (_, what), (table, key) in zip(steps, places, strict=True)]
    if not all(kept):
        raise cancelled(["None" if held else "ConditionalCheckFailed" for held in kept])
    for (kind, what), (table, key) in zip(steps, places, strict=True):
        if kind == "Put":
            table[key] = dict(what["Item"])
    return Reply({})


def cancelled(codes: Sequence[str]) -> ApiError:
    """A transaction is refused: `codes` has a reason for each item, "None" for those that would have passed."""
    text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]"
    return ApiError("TransactionCanceledException", text, fields={"CancellationReasons": [{"Code": code} for code in codes]})


def query(sandbox: Sandbox, call: Call) -> Reply:
    """The items for which the key condition holds, in order of their keys, a page at a time."""
    condition: Json = {"ConditionExpression": call.body["KeyConditionExpression"], **{
        name: call.body[name] for name in ("ExpressionAttributeNames", "ExpressionAttributeValues") if name in call.body}}
    after = _key(call.body["ExclusiveStartKey"]) if "ExclusiveStartKey" in call.body else ("", "")
    found = [(key, item) for key, item in sorted(_table(sandbox, call.body).items()) if key > after and holds(condition, item)]
    page: Json = {"Items": [item for _, item in found[:PAGE]], "Count": min(PAGE, len(found))}
    if len(found) > PAGE:
        page["LastEvaluatedKey"] = {name: {"S": value} for name, value in zip(KEYS, found[PAGE - 1][0], strict=True)}
    return Reply(page)


def holds(body: Mapping[str, Any], item: Json | None) -> bool:
    """Whether a condition holds of an item: terms joined by AND, each an equality or a function of one attribute."""
    text = str(body.get("ConditionExpression", ""))
    return all(_term_holds(term.strip(), body, item or {}) for term in text.split(" AND ")) if text else True


def _term_holds(text: str, body: Mapping[str, Any], item: Json) -> bool:
    term = TERM.fullmatch(text)
    if term is None:
        raise ApiError("ValidationException", f"Invalid ConditionExpression, or one that is not emulated: {text}")
    names, values = body.get("ExpressionAttributeNames", {}), body.get("ExpressionAttributeValues", {})
    said = term["of"] or term["name"]
    name = names.get(said, said)
    if said.startswith("#") and said not in names:
        raise ApiError("ValidationException", f"An expression attribute name used in expression is not defined: {said}")
    if term["name"]:
        return bool(item.get(name) == values[term["value"]])
    if term["function"] == "attribute_not_exists":
        return name not in item
    if term["function"] == "begins_with" and term["with"]:
        return str(item.get(name, {}).get("S", "")).startswith(values[term["with"]]["S"])
    raise ApiError("ValidationException", f"Invalid function name: {term['function']}")


OPERATIONS = {operation.name: operation for operation in (
    Operation("GetItem", get_item),
    Operation("PutItem", put_item),
    Operation("TransactWriteItems", transact_write_items),
    Operation("Query", query),
)}
"""None counts as mutating: what is logged as a write is what changes warm capacity, or costs money by the unit."""


def _table(sandbox: Sandbox, body: Json) -> Table:
    name = str(body.get("TableName"))
    if name not in sandbox.tables:
        raise ApiError("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")
    return sandbox.tables[name]


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    try:
        return str(item["group"]["S"]), str(item["item"]["S"])
    except (KeyError, TypeError):
        raise ApiError("ValidationException", "The provided key element does not match the schema") from None

"""API operations of DynamoDB that a lease uses: items of tables with two string keys, and conditional writes."""

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
"""Maximum items of a response; AWS limits a response to 1 MB instead."""

TERM = re.compile(r"(?P<function>\w+)\((?P<of>#?\w+)(?:,\s*(?P<with>:\w+))?\)|(?P<name>#?\w+)\s*=\s*(?P<value>:\w+)")
Table = dict[tuple[str, str], Json]


def get_item(sandbox: Sandbox, call: Call) -> Reply:
    """Return an item. All reads are strongly consistent, whether requested or not."""
    item = _table(sandbox, call.body).get(_key(call.body["Key"]))
    return Reply({} if item is None else {"Item": item})


def put_item(sandbox: Sandbox, call: Call) -> Reply:
    """Replace a whole item if the condition holds for the stored one."""
    table, key = _table(sandbox, call.body), _key(call.body["Item"])
    if not holds(call.body, table.get(key)):
        raise ApiError("ConditionalCheckFailedException", "The conditional request failed")
    table[key] = dict(call.body["Item"])
    return Reply({})


def transact_write_items(sandbox: Sandbox, call: Call) -> Reply:
    """Make all changes or none. Put and ConditionCheck are emulated."""
    steps = [next(iter(step.items())) for step in call.body["TransactItems"]]
    if not 1 <= len(steps) <= MOST_ITEMS or any(kind not in ("Put", "ConditionCheck") for kind, _ in steps):
        raise ApiError("ValidationException", f"from 1 to {MOST_ITEMS} of Put and ConditionCheck are emulated")
    places = [(_table(sandbox, body), _key(body["Item" if kind == "Put" else "Key"])) for kind, body in steps]
    conditions = [holds(body, table.get(key)) for (_, body), (table, key) in zip(steps, places, strict=True)]
    if not all(conditions):
        raise cancelled(["None" if held else "ConditionalCheckFailed" for held in conditions])
    for (kind, body), (table, key) in zip(steps, places, strict=True):
        if kind == "Put":
            table[key] = dict(body["Item"])
    return Reply({})


def cancelled(codes: Sequence[str]) -> ApiError:
    """Return the error of a cancelled transaction. `codes`: the reason of each item, "None" if the item did not fail."""
    text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]"
    return ApiError("TransactionCanceledException", text, fields={"CancellationReasons": [{"Code": code} for code in codes]})


def query(sandbox: Sandbox, call: Call) -> Reply:
    """Return the items for which the key condition holds, in order of their keys, `PAGE` per response."""
    condition: Json = {"ConditionExpression": call.body["KeyConditionExpression"], **{
        name: call.body[name] for name in ("ExpressionAttributeNames", "ExpressionAttributeValues") if name in call.body}}
    after = _key(call.body["ExclusiveStartKey"]) if "ExclusiveStartKey" in call.body else ("", "")
    items = [(key, item) for key, item in sorted(_table(sandbox, call.body).items()) if key > after and holds(condition, item)]
    page: Json = {"Items": [item for _, item in items[:PAGE]], "Count": min(PAGE, len(items))}
    if len(items) > PAGE:
        page["LastEvaluatedKey"] = {name: {"S": value} for name, value in zip(KEYS, items[PAGE - 1][0], strict=True)}
    return Reply(page)


def holds(body: Mapping[str, Any], item: Json | None) -> bool:
    """Return whether a condition holds for an item: terms joined by AND, each an equality or a function of one attribute."""
    text = str(body.get("ConditionExpression", ""))
    return all(_term_holds(term.strip(), body, item or {}) for term in text.split(" AND ")) if text else True


def _term_holds(text: str, body: Mapping[str, Any], item: Json) -> bool:
    term = TERM.fullmatch(text)
    if term is None:
        raise ApiError("ValidationException", f"Invalid ConditionExpression, or one that is not emulated: {text}")
    names, values = body.get("ExpressionAttributeNames", {}), body.get("ExpressionAttributeValues", {})
    written = term["of"] or term["name"]
    name = names.get(written, written)
    if written.startswith("#") and written not in names:
        raise ApiError("ValidationException", f"An expression attribute name used in expression is not defined: {written}")
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
"""None is mutating: the call log lists as writes only calls that change warm capacity or cost money per unit."""


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

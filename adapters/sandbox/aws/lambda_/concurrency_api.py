"""API operations of Lambda for provisioned and reserved concurrency and the account settings."""

from datetime import UTC, datetime

from adapters.sandbox.aws.lambda_.provisioned_capacity import ProvisionedCapacity, Status
from adapters.sandbox.errors import invalid, not_found
from adapters.sandbox.wire import Call, Json, Reply
from adapters.sandbox.world import Hosted, Sandbox

MAX_ITEMS = 50
_ABOVE_RESERVED = "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"


def put_provisioned(sandbox: Sandbox, call: Call) -> Reply:
    """Accept a request for units and start their allocation. Raise Lambda's error if version, alias or a limit forbids it."""
    hosted, qualifier, units = sandbox.hosted(call.function), _qualifier(call), _count(call, "ProvisionedConcurrentExecutions", 1)
    function, now = hosted.function, sandbox.now_ms()
    function.check_provisionable(qualifier)
    capacity = function.capacity(qualifier)
    _check_room(sandbox, hosted, function.provisioned - capacity.requested + units)
    fails = function.versions[function.version_of(qualifier)].init_fails
    capacity.put(units, now, sandbox.preparation_ms(hosted), init_fails=fails)
    return Reply(_body(capacity, now), 202)


def get_provisioned(sandbox: Sandbox, call: Call) -> Reply:
    """Return the configuration of one qualifier."""
    hosted, now = sandbox.hosted(call.function), sandbox.now_ms()
    qualifier = _qualifier(call)
    hosted.function.version_of(qualifier)
    capacity = hosted.function.capacities.get(qualifier)
    if capacity is None or not capacity.exists:
        code = "ProvisionedConcurrencyConfigNotFoundException"
        raise not_found("No Provisioned Concurrency Config found for this function", code)
    return Reply(_body(capacity, now))


def list_provisioned(sandbox: Sandbox, call: Call) -> Reply:
    """Return all configurations of a function, up to 50 per page."""
    function, now = sandbox.hosted(call.function).function, sandbox.now_ms()
    configured = sorted(qualifier for qualifier, capacity in function.capacities.items() if capacity.exists)
    names, marker = page(configured, call)
    items = [{"FunctionArn": f"{function.arn}:{name}"} | _body(function.capacities[name], now) for name in names]
    return Reply({"ProvisionedConcurrencyConfigs": items} | marker)


def delete_provisioned(sandbox: Sandbox, call: Call) -> Reply:
    """Delete the configuration at once. AWS accepts the call also for a qualifier without one."""
    function, qualifier = sandbox.hosted(call.function).function, _qualifier(call)
    function.version_of(qualifier)
    function.release(qualifier, sandbox.now_ms())
    return Reply(status=204)


def put_concurrency(sandbox: Sandbox, call: Call) -> Reply:
    """Reserve concurrency for a function."""
    hosted, units = sandbox.hosted(call.function), _count(call, "ReservedConcurrentExecutions", 0)
    function = hosted.function
    if units < function.provisioned:
        raise invalid(_ABOVE_RESERVED)
    unreserved = sandbox.unreserved() + (function.reserved or 0) - units
    _check_floor(sandbox, unreserved - sandbox.provisioned_unreserved(besides=function.name))
    sandbox.reserve(function, units)
    return Reply({"ReservedConcurrentExecutions": units})


def get_concurrency(sandbox: Sandbox, call: Call) -> Reply:
    """Return the reserved concurrency; without one, the field is absent."""
    reserved = sandbox.hosted(call.function).function.reserved
    return Reply({} if reserved is None else {"ReservedConcurrentExecutions": reserved})


def delete_concurrency(sandbox: Sandbox, call: Call) -> Reply:
    """Remove the reserved concurrency of a function."""
    sandbox.reserve(sandbox.hosted(call.function).function, None)
    return Reply(status=204)


def account_settings(sandbox: Sandbox, call: Call) -> Reply:  # noqa: ARG001
    """Return limits and usage. Provisioned concurrency is not subtracted from the unreserved executions: AWS documents this only
    for reserved concurrency.
    """
    names = sandbox.names
    limit = {
        "TotalCodeSize": 80_530_636_800,
        "CodeSizeUnzipped": 262_144_000,
        "CodeSizeZipped": 52_428_800,
        "ConcurrentExecutions": sandbox.settings.concurrency,
        "UnreservedConcurrentExecutions": sandbox.unreserved(),
    }
    return Reply({"AccountLimit": limit, "AccountUsage": {"TotalCodeSize": 1_048_576 * len(names), "FunctionCount": len(names)}})


def page(names: list[str], call: Call, most: int = MAX_ITEMS) -> tuple[list[str], Json]:
    """Return the names of one page, and the marker of the next: the last name of this page."""
    marker = call.query.get("Marker", "")
    rest = [name for name in names if name > marker] if marker else names
    size = max(1, min(int(call.query.get("MaxItems", most)), most))
    return rest[:size], {"NextMarker": rest[size - 1]} if len(rest) > size else {}


def _check_room(sandbox: Sandbox, hosted: Hosted, units: int) -> None:
    """Raise Lambda's 400 if the function may not have `units` of provisioned concurrency over all its qualifiers."""
    reserved = hosted.function.reserved
    if reserved is not None:
        if units > reserved:
            raise invalid(_ABOVE_RESERVED)
        return
    if units > hosted.function.provisioned:
        _check_floor(sandbox, sandbox.unreserved() - sandbox.provisioned_unreserved(besides=hosted.function.name) - units)


def _check_floor(sandbox: Sandbox, unreserved: int) -> None:
    floor = sandbox.settings.unreserved_floor
    if unreserved < floor:
        raise invalid(
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum "
            f"value of [{floor}]."
        )


def _body(capacity: ProvisionedCapacity, now: int) -> Json:
    body: Json = {
        "RequestedProvisionedConcurrentExecutions": capacity.requested,
        "AvailableProvisionedConcurrentExecutions": capacity.available,
        "AllocatedProvisionedConcurrentExecutions": capacity.allocated(now),
        "Status": capacity.status.value,
        "LastModified": stamp(capacity.modified),
    }
    return body | {"StatusReason": capacity.status_reason} if capacity.status is Status.FAILED else body


def stamp(at_ms: int) -> str:
    """Return the instant in Lambda's format: `2026-03-02T12:00:00.000+0000`."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}+0000"


def _qualifier(call: Call) -> str:
    if call.qualifier is None:
        raise invalid("The request must name a Qualifier: a published version or an alias.")
    return call.qualifier


def _count(call: Call, name: str, least: int) -> int:
    value = call.body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise invalid(
            f"1 validation error detected: Value '{value}' at '{name[0].lower()}{name[1:]}' failed to satisfy constraint: "
            f"Member must have value greater than or equal to {least}"
        )
    return value

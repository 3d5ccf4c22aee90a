"""API operations of Lambda for functions, versions and aliases."""

import hashlib
import math

from adapters.sandbox.aws.lambda_.concurrency_api import page, stamp
from adapters.sandbox.aws.lambda_.functions import LATEST, Alias, LambdaFunction
from adapters.sandbox.errors import ApiError, conflict, invalid, not_found
from adapters.sandbox.wire import Call, Json, Reply
from adapters.sandbox.world import Sandbox


def get_configuration(sandbox: Sandbox, call: Call) -> Reply:
    """Return the configuration of a function, version or alias."""
    function = sandbox.hosted(call.function).function
    return Reply(_configuration(function, call.qualifier))


def get_function(sandbox: Sandbox, call: Call) -> Reply:
    """Return the configuration with code location and reserved concurrency."""
    function = sandbox.hosted(call.function).function
    body: Json = {"Configuration": _configuration(function, call.qualifier), "Code": {"RepositoryType": "S3", "Location": ""}}
    return Reply(
        body if function.reserved is None else body | {"Concurrency": {"ReservedConcurrentExecutions": function.reserved}}
    )


def list_functions(sandbox: Sandbox, call: Call) -> Reply:
    """Return the functions, up to 50 per page also for a higher MaxItems."""
    names, marker = page(sandbox.names, call)
    configurations = [_configuration(sandbox.hosted(name).function, None) for name in names]
    if call.query.get("FunctionVersion") == "ALL":
        configurations += [_configuration(f, v) for f in (sandbox.hosted(n).function for n in names) for v in f.versions]
    return Reply({"Functions": configurations} | marker)


def list_versions(sandbox: Sandbox, call: Call) -> Reply:
    """Return `$LATEST` and the published versions of a function."""
    function = sandbox.hosted(call.function).function
    ordered = [LATEST, *function.versions]
    rows, marker = page([f"{order:06d}" for order in range(len(ordered))], call)
    return Reply({"Versions": [_configuration(function, ordered[int(row)]) for row in rows]} | marker)


def publish_version(sandbox: Sandbox, call: Call) -> Reply:
    """Publish the next version of a function."""
    function = sandbox.hosted(call.function).function
    _check_settled(function)
    return Reply(_configuration(function, function.publish().number), 201)


def get_alias(sandbox: Sandbox, call: Call) -> Reply:
    """Return one alias."""
    function = sandbox.hosted(call.function).function
    return Reply(_alias_body(function, _alias(function, call)))


def list_aliases(sandbox: Sandbox, call: Call) -> Reply:
    """Return the aliases of a function, of all versions or of one."""
    function = sandbox.hosted(call.function).function
    version = call.query.get("FunctionVersion")
    names, marker = page(sorted(n for n, alias in function.aliases.items() if version in (None, alias.version)), call)
    return Reply({"Aliases": [_alias_body(function, function.aliases[name]) for name in names]} | marker)


def create_alias(sandbox: Sandbox, call: Call) -> Reply:
    """Create an alias. Raise Lambda's 409 if it exists."""
    function = sandbox.hosted(call.function).function
    name, version = str(call.body.get("Name", "")), str(call.body.get("FunctionVersion", ""))
    if name in function.aliases:
        raise conflict(f"Alias already exists: {function.arn}:{name}")
    _check_version(function, version)
    function.aliases[name] = Alias(name, version, _weights(call.body))
    return Reply(_alias_body(function, function.aliases[name]), 201)


def update_alias(sandbox: Sandbox, call: Call) -> Reply:
    """Change the version of the alias, its weights, or both. Provisioned concurrency moves with it to another version."""
    hosted = sandbox.hosted(call.function)
    function = hosted.function
    alias = _alias(function, call)
    revision = call.body.get("RevisionId")
    if revision is not None and revision != _revision(function, alias):
        raise ApiError(
            "PreconditionFailedException", "The RevisionId provided does not match the latest RevisionId.", 412, {"Type": "User"}
        )
    if "RoutingConfig" in call.body:
        weights = _weights(call.body)
        if weights and function.capacity(alias.name).exists:
            raise invalid("Alias with weights can not be used with Provisioned Concurrency")
        alias.weights, alias.moving = weights, False
    version = str(call.body.get("FunctionVersion", alias.version))
    _check_version(function, version)
    function.move_alias(alias.name, version, sandbox.now_ms(), sandbox.preparation_ms(hosted))
    return Reply(_alias_body(function, alias))


def get_policy(sandbox: Sandbox, call: Call) -> Reply:
    """Raise Lambda's 404: no function has a resource policy."""
    sandbox.hosted(call.function)
    raise not_found("The resource you requested does not exist.")


def _configuration(function: LambdaFunction, qualifier: str | None) -> Json:
    number = function.version_of(qualifier or LATEST)
    version = function.versions.get(number)
    newest = next(reversed(function.versions.values()), None)
    settings = version if number != LATEST else newest  # $LATEST has the settings of the newest version
    snap_start = settings is not None and settings.snap_start
    return {
        "FunctionName": function.name,
        "FunctionArn": function.arn if qualifier is None else f"{function.arn}:{qualifier}",
        "Runtime": "python3.13",
        "Role": f"arn:aws:iam::{function.arn.split(':')[4]}:role/{function.name}",
        "Handler": "agent.handler",
        "CodeSize": 1_048_576,
        "Timeout": 900,
        "MemorySize": function.memory_mb,
        "LastModified": stamp(function.modified),
        "Version": number,
        "Architectures": [function.architecture],
        "PackageType": "Zip",
        "State": function.state,
        "LastUpdateStatus": function.last_update_status,
        "SnapStart": {
            "ApplyOn": "PublishedVersions" if snap_start else "None",
            "OptimizationStatus": "On" if snap_start and number != LATEST else "Off",
        },
        "LoggingConfig": {"LogFormat": function.log_format, "LogGroup": f"/aws/lambda/{function.name}"},
        "RevisionId": _hash(f"{function.arn}:{number}"),
    }


def _alias_body(function: LambdaFunction, alias: Alias) -> Json:
    body: Json = {
        "AliasArn": f"{function.arn}:{alias.name}",
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": "",
        "RevisionId": _revision(function, alias),
    }
    return body | {"RoutingConfig": {"AdditionalVersionWeights": alias.weights}} if alias.weights else body


def _alias(function: LambdaFunction, call: Call) -> Alias:
    name = call.path["name"]
    if name not in function.aliases:
        raise not_found(f"Cannot find alias arn: {function.arn}:{name}")
    return function.aliases[name]


def _weights(body: Json) -> dict[str, float]:
    requested = (body.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    weights = {str(version): float(share) for version, share in requested.items()}
    if any(not (math.isfinite(share) and 0 <= share <= 1) for share in weights.values()):
        raise invalid("The weight of a version must be between 0.0 and 1.0.")
    return weights


def _check_version(function: LambdaFunction, version: str) -> None:
    if version != LATEST and version not in function.versions:
        raise not_found(f"Function not found: {function.arn}:{version}")


def _check_settled(function: LambdaFunction) -> None:
    if function.state == "Pending" or function.last_update_status == "InProgress":
        raise conflict(f"The operation cannot be performed at this time. An update is in progress for resource: {function.arn}")


def _revision(function: LambdaFunction, alias: Alias) -> str:
    return _hash(f"{function.arn}:{alias.name}:{alias.revision}")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))

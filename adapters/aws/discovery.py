"""Discovery of aliases that can be pools: aliases that were invoked, or are wanted, and can have provisioned concurrency.

ListFunctions returns the functions of a region, and ListMetrics those that were invoked within the last 14 days. ListAliases is
called only for the latter, or for those that are wanted, because Lambda allows an account 15 calls a second. Tags are read 100
functions a call.
"""

import re
from functools import partial

from adapters.aws.clients import Answer
from adapters.aws.cloudwatch.metric_queries import INVOCATIONS, NAMESPACE
from adapters.aws.errors import ApiCall
from adapters.aws.lambda_.control_plane import ControlPlane
from adapters.aws.lambda_.functions import LATEST, Alias, Function
from adapters.aws.names import REGION
from adapters.aws.paging import MARKER, PAGINATION, all_pages
from adapters.aws.sessions import AwsSessions
from adapters.aws.settings import LambdaProvisionedConcurrencySettings
from adapters.ports.discovery import Found, Size, Skipped, Survey, Wanted, settings_or_why
from adapters.ports.errors import NotFound, Unsupported

NOT_INVOKED = "not invoked in the last 14 days"
NO_ALIAS = "has no alias: publish a version, create an alias of it, and let callers use the alias"
UNALIASED = ("invoked, but not by an alias: $LATEST cannot be kept warm; publish a version, create an alias of it, and let "
             "callers use the alias")


async def survey(sessions: AwsSessions, region: str, wanted: Wanted | None = None) -> Survey:
    """Return the aliases of a region that can be pools, and those that cannot. Raise `AdapterError`.

    Without `wanted`, those that were invoked; else those of the functions that it accepts.
    """
    if re.fullmatch(REGION, region) is None:
        raise Unsupported(f"{region} is not an AWS region: give one such as us-east-1")
    return await (_invoked_aliases(sessions, region) if wanted is None else _wanted_aliases(sessions, region, wanted))


async def _wanted_aliases(sessions: AwsSessions, region: str, wanted: Wanted) -> Survey:
    plane = sessions.plane(region)
    functions = await _functions(plane)
    tags = await _tags(sessions, region) if wanted.reads_tags else {}
    found: list[Found] = []
    skipped: list[Skipped] = []
    for name, function in sorted(functions.items()):
        own = tags.get(name, {})
        if not wanted.accepts(name, own):
            continue
        try:
            aliases = await _aliases(plane, name)
        except NotFound as error:  # deleted since functions were listed
            skipped.append(Skipped(name, str(error)))
            continue
        if not aliases:
            skipped.append(Skipped(name, NO_ALIAS))
        for alias, value in sorted(aliases.items()):
            lever = _settings(region, name, alias)
            why = unfit(function, value)
            if why is not None or isinstance(lever, str):
                skipped.append(Skipped(f"{name}:{alias}", str(why or lever)))
            else:
                size = Size(function.memory_mb, function.architecture)
                found.append(Found(name, lever, _facts(function), alias, own, size=size))
    return Survey(tuple(found), tuple(skipped))


async def _invoked_aliases(sessions: AwsSessions, region: str) -> Survey:
    plane = sessions.plane(region)
    functions = await _functions(plane)
    invoked = await _invoked(sessions, region)
    found: list[Found] = []
    skipped: list[Skipped] = []
    for name, function in sorted(functions.items()):
        if name not in invoked:
            skipped.append(Skipped(name, NOT_INVOKED))
            continue
        aliases = {alias: value for alias, value in (await _aliases(plane, name)).items() if f"{name}:{alias}" in invoked[name]}
        if not aliases:
            skipped.append(Skipped(name, UNALIASED))
        for alias, value in sorted(aliases.items()):
            why = unfit(function, value)
            lever = _settings(region, name, alias)
            if why is not None or isinstance(lever, str):
                skipped.append(Skipped(f"{name}:{alias}", str(why or lever)))
                continue
            found.append(Found(name if len(aliases) == 1 else f"{name}-{alias}", lever, _facts(function), alias))
    return Survey(tuple(found), tuple(skipped))


def _settings(region: str, name: str, alias: str) -> LambdaProvisionedConcurrencySettings | str:
    """Return the lever settings of an alias, or why a policy cannot contain it."""
    return settings_or_why(LambdaProvisionedConcurrencySettings, {
        "kind": "lambda-provisioned-concurrency", "region": region, "function": name, "alias": alias})


def _facts(function: Function) -> str:
    return f"{function.memory_mb or 'unknown'} MB, {function.architecture}"


def unfit(function: Function, alias: Alias | None) -> str | None:
    """Return why an alias cannot have provisioned concurrency; None when it can. Temporary states do not count."""
    if alias is None:
        return "AWS does not report the version of the alias"
    if alias.version == LATEST:
        return "the alias points to $LATEST, which cannot be kept warm: point it to a version"
    if function.managed_instances:
        return "runs on Lambda Managed Instances, where provisioned concurrency does not apply"
    if function.snap_start:
        return "uses SnapStart, which excludes provisioned concurrency"
    return None


async def _functions(plane: ControlPlane) -> dict[str, Function]:
    read = partial(plane.read, "list_functions", f"functions in {plane.place}")
    return dict(await all_pages(read, {}, _named_functions, MARKER))


async def _aliases(plane: ControlPlane, function: str) -> dict[str, Alias | None]:
    read = partial(plane.read, "list_aliases", f"Lambda function {function} in {plane.place}")
    return dict(await all_pages(read, {"FunctionName": function}, _named_aliases, MARKER))


async def _tags(sessions: AwsSessions, region: str) -> dict[str, dict[str, str]]:
    """Return the tags of each function of the region that has or had any."""
    call = ApiCall("resourcegroupstaggingapi", "get_resources", f"tags of functions in {sessions.place(region)}")
    parameters = {"ResourceTypeFilters": ["lambda:function"], "ResourcesPerPage": 100}
    read = partial(sessions.connections(region).call, call)
    return dict(await all_pages(read, parameters, _tagged, PAGINATION))


async def _invoked(sessions: AwsSessions, region: str) -> dict[str, set[str]]:
    """Return the functions with a point of Invocations in the last 14 days, each with its resources (`function:qualifier`)."""
    found: dict[str, set[str]] = {}
    read = partial(sessions.connections(region).call,
                   ApiCall("cloudwatch", "list_metrics", f"Lambda metrics in {sessions.place(region)}"))
    for dimensions in await all_pages(read, {"Namespace": NAMESPACE, "MetricName": INVOCATIONS.name}, _dimensions):
        if "FunctionName" in dimensions:
            found.setdefault(dimensions["FunctionName"], set()).add(dimensions.get("Resource", ""))
    return found


def _tagged(answer: Answer) -> list[tuple[str, dict[str, str]]]:
    return [(str(each["ResourceARN"]).split(":")[6], {str(tag["Key"]): str(tag["Value"]) for tag in each.get("Tags") or ()})
            for each in answer["ResourceTagMappingList"]]


def _named_functions(answer: Answer) -> list[tuple[str, Function]]:
    return [(str(each["FunctionName"]), Function.of(each, None))
            for each in answer.get("Functions") or () if "FunctionName" in each]


def _named_aliases(answer: Answer) -> list[tuple[str, Alias | None]]:
    return [(str(each["Name"]), Alias.of(each) if "FunctionVersion" in each else None)
            for each in answer.get("Aliases") or () if "Name" in each]


def _dimensions(answer: Answer) -> list[dict[str, str]]:
    """Return the dimensions of each metric, by name; a metric of the whole region has none."""
    return [{str(each["Name"]): str(each["Value"]) for each in metric.get("Dimensions") or ()}
            for metric in answer.get("Metrics") or ()]

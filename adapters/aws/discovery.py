"""Which aliases of a region's functions could be pools: those that are called by alias and can have provisioned concurrency.

ListFunctions and ListMetrics tell what there is and what has been called within the last two weeks, ListAliases is asked of the
latter alone: Lambda grants 15 calls a second to everybody.
"""

import re
from functools import partial

from adapters.aws.clients import Answer
from adapters.aws.cloudwatch.metric_queries import INVOCATIONS, NAMESPACE
from adapters.aws.errors import Asked
from adapters.aws.lambda_.control_plane import ControlPlane
from adapters.aws.lambda_.functions import LATEST, Alias, Function
from adapters.aws.names import REGION
from adapters.aws.paging import MARKER, all_pages
from adapters.aws.sessions import AwsSessions
from adapters.aws.settings import LambdaProvisionedConcurrencySettings
from adapters.ports.discovery import Found, Skipped, Survey, settings_or_why
from adapters.ports.errors import Unsupported

SILENT = "not invoked in the last two weeks"
UNALIASED = ("invoked, but by no alias: what runs on $LATEST cannot be kept warm; publish a version, point an alias to it, and "
             "have callers use that")


async def survey(sessions: AwsSessions, region: str) -> Survey:
    """Of one region."""
    if re.fullmatch(REGION, region) is None:
        raise Unsupported(f"{region} is no region of AWS: give one such as us-east-1")
    plane = sessions.plane(region)
    functions = await _functions(plane)
    called = await _called(sessions, region)
    found: list[Found] = []
    skipped: list[Skipped] = []
    for name, function in sorted(functions.items()):
        if name not in called:
            skipped.append(Skipped(name, SILENT))
            continue
        aliases = {alias: value for alias, value in (await _aliases(plane, name)).items() if f"{name}:{alias}" in called[name]}
        if not aliases:
            skipped.append(Skipped(name, UNALIASED))
        for alias, value in sorted(aliases.items()):
            why = unfit(function, value)
            settings = {"kind": "lambda-provisioned-concurrency", "region": region, "function": name, "alias": alias}
            lever = settings_or_why(LambdaProvisionedConcurrencySettings, settings)
            if why is not None or isinstance(lever, str):
                skipped.append(Skipped(f"{name}:{alias}", str(why or lever)))
                continue
            found.append(Found(name if len(aliases) == 1 else f"{name}-{alias}", lever,
                               f"{function.memory_mb or 'unknown'} MB, {function.architecture}"))
    return Survey(tuple(found), tuple(skipped))


def unfit(function: Function, alias: Alias | None) -> str | None:
    """Why an alias could not have provisioned concurrency; None: it could. What passes by itself is no reason."""
    if alias is None:
        return "AWS does not say which version the alias points to"
    if alias.version == LATEST:
        return "the alias points to $LATEST, which cannot be kept warm: point it to a version"
    if function.managed_instances:
        return "runs on Lambda Managed Instances, where provisioned concurrency does not apply"
    if function.snap_start:
        return "uses SnapStart, which excludes provisioned concurrency"
    return None


async def _functions(plane: ControlPlane) -> dict[str, Function]:
    ask = partial(plane.ask, "list_functions", f"functions in {plane.region}")
    return dict(await all_pages(ask, {}, _named_functions, MARKER))


async def _aliases(plane: ControlPlane, function: str) -> dict[str, Alias | None]:
    ask = partial(plane.ask, "list_aliases", f"Lambda function {function} in {plane.region}")
    return dict(await all_pages(ask, {"FunctionName": function}, _named_aliases, MARKER))


async def _called(sessions: AwsSessions, region: str) -> dict[str, set[str]]:
    """Functions with a point of Invocations in the last two weeks, and the resources (`function:qualifier`) under which."""
    found: dict[str, set[str]] = {}
    ask = partial(sessions.connections(region).call, Asked("cloudwatch", "list_metrics", f"Lambda metrics in {region}"))
    for dimensions in await all_pages(ask, {"Namespace": NAMESPACE, "MetricName": INVOCATIONS.name}, _dimensions):
        if "FunctionName" in dimensions:
            found.setdefault(dimensions["FunctionName"], set()).add(dimensions.get("Resource", ""))
    return found


def _named_functions(answer: Answer) -> list[tuple[str, Function]]:
    return [(str(each["FunctionName"]), Function.of(each, None))
            for each in answer.get("Functions") or () if "FunctionName" in each]


def _named_aliases(answer: Answer) -> list[tuple[str, Alias | None]]:
    return [(str(each["Name"]), Alias.of(each) if "FunctionVersion" in each else None)
            for each in answer.get("Aliases") or () if "Name" in each]


def _dimensions(answer: Answer) -> list[dict[str, str]]:
    """Of each metric, by name; a metric of the whole region has none."""
    return [{str(each["Name"]): str(each["Value"]) for each in metric.get("Dimensions") or ()}
            for metric in answer.get("Metrics") or ()]

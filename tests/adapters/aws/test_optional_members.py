"""Answers of AWS without optional members: each missing member has a defined meaning or raises an error that names it."""

from collections import defaultdict
from dataclasses import asdict
from datetime import timedelta

import botocore.session
import numpy as np
import pytest

from adapters.aws import discovery
from adapters.aws.clients import Connections
from adapters.aws.dynamodb.lease_table import DynamoLease
from adapters.aws.lambda_.ping_lever import LambdaPing
from adapters.aws.lambda_.provisioned_concurrency import ProvisionedConcurrency
from adapters.aws.provider import Aws
from adapters.ports.errors import AdapterError
from adapters.ports.lease_store import Lease
from adapters.ports.lever import ScheduledChange
from adapters.runtime.clock import ManualClock
from adapters.sandbox.faults import Faults
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.settings import Settings
from adapters.sandbox.world import Sandbox
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.conformance.lambda_stage import pool
from tests.adapters.conformance.ping_stage import ping_pool
from tests.builders import NOON, SHORT_IDLE, demands

FIRST = Lease("ada:1", "http://10.0.0.1:8080", 1, 1)
PING = ping_pool()
TABLE, HOUR = "stoker-lease", timedelta(hours=1)
READ = {
    "lambda": ("GetAlias", "GetFunction", "GetProvisionedConcurrencyConfig", "PutProvisionedConcurrencyConfig",
               "GetAccountSettings", "ListFunctions", "ListAliases"),
    "cloudwatch": ("GetMetricData", "ListMetrics"),
    "application-autoscaling": ("DescribeScalableTargets", "DescribeScheduledActions", "RegisterScalableTarget"),
    "dynamodb": ("GetItem", "Query"),
    "sts": ("GetCallerIdentity",),
}


def optional(shape, path=(), depth=5):
    """Return every optional member of an answer, as a path."""
    if depth and shape.type_name == "structure":
        for name, member in shape.members.items():
            if name not in shape.required_members:
                yield ".".join((*path, name))
            yield from optional(member, (*path, name), depth - 1)
    elif depth and shape.type_name == "list":
        yield from optional(shape.member, (*path, "*"), depth - 1)


class Watched(Faults):
    """Records the complete answers."""

    def __init__(self, clock):
        super().__init__(clock)
        self.bodies = defaultdict(list)

    def reduced(self, operation, reply):
        self.bodies[operation].append(reply.body)
        return super().reduced(operation, reply)


class Connected(Aws):
    """Shares the connections between tests: creating clients would take most of the time."""

    def __init__(self, clock, connections, url):
        super().__init__(clock, np.random.default_rng(0), url)
        self._shared = connections

    def connections(self, region):
        return self._shared


class Stage:
    """Two functions, of which one has a history and an item of everything that Stoker reads."""

    def __init__(self):
        self.clock = ManualClock(NOON)
        self.sandbox = Sandbox(self.clock, 3, Settings(control_rps=1000.0))
        self.sandbox.faults = Watched(self.clock)
        column = np.full(60, 3, np.float32)
        history = DemandSeries(minute_of(NOON) - 30, column, column, column * 10)
        for name in ("agent", "neighbour"):
            self.sandbox.add_function(name, history, keep_alive=SHORT_IDLE)
        self.sandbox.hosted("agent").function.reserved = 50
        target = {"ServiceNamespace": "lambda", "ScalableDimension": "lambda:function:ProvisionedConcurrency",
                  "ResourceId": "function:neighbour:live", "MinCapacity": 1, "MaxCapacity": 9,
                  "CreationTime": NOON.timestamp(), "RoleARN": "arn:aws:iam::1:role/scaling"}
        self.sandbox.scalable_targets["function:neighbour:live"] = target
        self.sandbox.tables[TABLE] = {}
        self.server = SandboxServer(self.sandbox)

    async def __aenter__(self):
        await self.server.start()
        self.connections = Connections("us-east-1", self.server.url)
        self.lease = DynamoLease("us-east-1", TABLE, self.server.url)
        return self

    async def __aexit__(self, *_):
        await self.connections.close()
        await self.lease.close()
        await self.server.stop()

    async def outcome(self, use):
        """What `use` returns, or the text of the `AdapterError` that it raises; anything else that it raises fails the test."""
        self.sandbox.hosted("agent").function.capacity("live").put(5, self.sandbox.now_ms() - 3_600_000, 1000, init_fails=False)
        provider = Connected(self.clock, self.connections, self.server.url)
        try:
            return await use(self, provider, self.lease)
        except AdapterError as error:
            return f"{type(error).__name__}: {error}"
        finally:
            await provider.close()


async def reads(stage, provider, _, name="agent"):
    """Read a pool whose neighbour has a foreign scalable target."""
    capacity = await ProvisionedConcurrency(pool(name), provider).read()
    if capacity.blocked is not None:  # then nothing is written
        raise capacity.blocked
    return {"requested": capacity.requested, "ready": capacity.ready, "owner": capacity.foreign_owner is not None}


async def reads_neighbour(stage, provider, _):
    return await reads(stage, provider, _, "neighbour")


async def tells_traits(stage, provider, _):
    told = asdict(await ProvisionedConcurrency(pool(), provider).traits())
    return {name: told[name] for name in ("memory_mb", "architecture", "allowed")}


async def writes(stage, provider, _):
    lever = ProvisionedConcurrency(pool(), provider)
    await lever.read()
    capacity = await lever.write(7)
    return {"requested": capacity.requested, "ready": capacity.ready}


async def surveys(stage, provider, _):
    seen = await provider.survey({"region": "us-east-1"})
    return {"found": [(each.name, each.facts) for each in seen.found], "skipped": [each.why for each in seen.skipped]}


async def collects(stage, provider, _):
    ((source, names),) = provider.sources(demands(pool()))
    now = stage.clock.now()
    told = (await source.collect(names, dict.fromkeys(names, now - HOUR), now))["agent"]
    if told.error is not None:
        raise told.error
    return {"busy": float(np.nansum(told.series.peak)), "known": int(told.series.known.sum())}


async def arms(stage, provider, _):
    lever = ProvisionedConcurrency(pool(), provider)
    await lever.arm([ScheduledChange(stage.clock.now() + HOUR, 1)])
    armed = len(stage.sandbox.scheduled_actions)
    await lever.disarm()
    return {"armed": armed, "left": len(stage.sandbox.scheduled_actions)}


async def examines(stage, provider, _):
    findings = [each for check in provider.checks([pool()]) for each in await check.run()]
    for probe in provider.probes(pool()).values():
        await probe()
    return {each.check: (each.verdict.value, each.text) for each in findings if each.check != "clock"}


async def leads(stage, _, lease):
    stage.sandbox.tables[TABLE].clear()
    taken = await lease.take(None, FIRST)
    kept = await lease.keep(FIRST, {"intent/a": "1"})
    return {"taken": taken, "kept": kept, "holder": (await lease.read() or FIRST).holder, "texts": dict(await lease.kept())}


async def sets_pings(stage, provider, _):
    return {"allowed": (await LambdaPing(PING, provider).traits()).allowed}


USES = (reads, reads_neighbour, tells_traits, writes, surveys, collects, arms, examines, leads, sets_pings)
SCALED, NOBODY = {"requested": 0, "ready": 0, "owner": True}, {"found": [], "skipped": []}
SILENT, UNALIASED, UNKNOWN = ({"found": [], "skipped": [why] * 2} for why in (
    discovery.NOT_INVOKED, discovery.UNALIASED, "AWS does not report the version of the alias"))
UNRESERVED = [{"allowed": 940}, {"allowed": 475}, {"quota": ("warn", (
    "1000 in the account, 950 not reserved; the sum of the max of pools is 10000, more than the 850 that can be provisioned"))}]
UNDERSTOOD = {
    # nothing is reserved for the function, so the account's concurrency is what is left to it
    ("GetFunction", "Concurrency"): UNRESERVED,
    ("GetFunction", "Concurrency.ReservedConcurrentExecutions"): UNRESERVED,
    ("GetFunction", "Configuration.MemorySize"): [{"memory_mb": None}],
    ("GetAccountSettings", "AccountLimit"): [{"quota": ("unchecked", "AWS does not report the unreserved concurrency")}],
    ("GetAccountSettings", "AccountLimit.UnreservedConcurrentExecutions"): [
        {"quota": ("unchecked", "AWS does not report the unreserved concurrency")}],
    ("GetAccountSettings", "AccountLimit.ConcurrentExecutions"): [
        {"quota": ("ok", ("an unknown number in the account, 950 not reserved; the sum of the max of pools without reserved "
                          "concurrency is 0"))}],
    ("ListFunctions", "Functions"): [NOBODY], ("ListFunctions", "Functions.*.FunctionName"): [NOBODY],
    ("ListFunctions", "Functions.*.MemorySize"): [
        {"found": [(name, "unknown MB, x86_64") for name in ("agent", "neighbour")]}],
    ("ListAliases", "Aliases"): [UNALIASED], ("ListAliases", "Aliases.*.Name"): [UNALIASED],
    ("ListAliases", "Aliases.*.FunctionVersion"): [UNKNOWN],
    ("ListMetrics", "Metrics"): [SILENT], ("ListMetrics", "Metrics.*.Dimensions"): [SILENT],
    ("GetCallerIdentity", "Arn"): [{"credentials": ("ok", "AIDASTOKERSANDBOX")}],
}
"""What an answer means without a member, where it means something: the parts of the outcome that differ."""


CALLED: dict = {}
"""Use -> the operations that it calls, once it has been tried."""


@pytest.fixture
async def stage():
    async with Stage() as made:
        yield made


def present(path, body):
    """Return whether an answer has the optional member."""
    name, *rest = path
    if name == "*":
        return isinstance(body, list) and any(present(rest, each) for each in body)
    return isinstance(body, dict) and name in body and (not rest or present(rest, body[name]))


@pytest.mark.parametrize(("service", "operation"), [(service, each) for service, some in READ.items() for each in some])
async def test_an_answer_without_an_optional_member_is_used_or_refused(stage, service, operation):
    """Remove each optional member of each answer in turn."""
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).output_shape
    faults, tried = stage.sandbox.faults, 0
    for use in USES:
        if operation not in CALLED.get(use, {operation}):
            continue
        faults.bodies.clear()
        whole = await stage.outcome(use)
        assert isinstance(whole, dict), whole
        CALLED[use] = set(faults.bodies)
        bodies = list(faults.bodies[operation])
        for member in optional(shape):
            if any(present(member.split("."), body) for body in bodies):
                tried += 1
                faults.omissions = [(operation, member)]
                outcome = await stage.outcome(use)
                faults.omissions = []
                assert isinstance(outcome, dict) or "in us-east-1" in outcome, "it names its resource"
                if isinstance(outcome, dict) and outcome != whole:
                    differing = {name: value for name, value in outcome.items() if value != whole[name]}
                    understood = UNDERSTOOD.get((operation, member), [])
                    assert any({**whole, **each} == outcome for each in understood), (operation, member, differing)

    assert tried, "nobody reads it"


@pytest.mark.parametrize(("operation", "member", "use"), [
    ("GetProvisionedConcurrencyConfig", "Status", reads), ("GetAlias", "FunctionVersion", reads),
    ("DescribeScalableTargets", "ScalableTargets", arms), ("DescribeScheduledActions", "ScheduledActions", arms),
    ("Query", "Items", leads), ("GetMetricData", "MetricDataResults.*.Id", collects),
])
async def test_a_missing_required_member_is_named(stage, operation, member, use):
    """Lists that would allow a write or delete handover records when empty are required too."""
    stage.sandbox.faults.omissions = [(operation, member)]

    assert f"a response without '{member.rpartition('.')[2]}'" in await stage.outcome(use)


async def test_an_incomplete_metric_is_unknown_and_not_zero(stage):
    """The region's metrics prove the minute, so a missing value of a function would count as no request."""
    stage.sandbox.faults.omissions = [("GetMetricData", "MetricDataResults.*.StatusCode")]

    assert "CloudWatch returned an incomplete result" in await stage.outcome(collects)


async def test_a_foreign_target_is_found_in_complete_answers(stage):
    assert await stage.outcome(reads_neighbour) == SCALED


async def test_an_item_that_stoker_did_not_write_is_named(stage):
    theirs = {"group": {"S": "stoker"}, "item": {"S": "lease"}, "owner": {"S": "terraform"}}
    stage.sandbox.tables[TABLE]["stoker", "lease"] = theirs

    async def looks(stage, _, lease):
        return await lease.read()

    assert "Stoker did not write the item lease" in await stage.outcome(looks)

"""Environments of a Lambda alias that pings keep alive, in the sandbox."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

import numpy as np

from adapters.aws.lambda_.ping_lever import LambdaPing
from adapters.aws.provider import Aws
from adapters.aws.settings import LambdaPingSettings
from adapters.pinging.keep_alive_loop import KeepAliveLoop
from adapters.ports.lever import Capacity
from adapters.runtime.clock import ManualClock
from adapters.sandbox.world import Sandbox
from adapters.web.client import CONNECT_SECONDS
from adapters.web.http_ping import HttpPing
from adapters.web.provider import Web
from adapters.web.settings import HttpMetricsSettings, HttpPingSettings
from config.model.policy import PoolPolicy
from tests.adapters.conformance.lambda_stage import IMPATIENT, LambdaStage

NO_LOOK = "a URL cannot be read without waking a unit, so a reading sends no request"
NO_OWNER = "a URL does not show what else scales it"


def ping_pool(function: str = "agent", alias: str = "live", **changes: object) -> PoolPolicy:
    settings = {"kind": "lambda-ping", "region": "us-east-1", "function": function, "alias": alias, "handler": "stoker",
                "opted_in": True, "hold_ms": 100}
    return PoolPolicy(name=function, max=10_000, lever=LambdaPingSettings.model_validate(settings | changes))


async def time_passes(clock: ManualClock, sandbox: Sandbox, keepers: Sequence[KeepAliveLoop], span: timedelta) -> None:
    """From one sleeper's instant to the next, and never while pings are under way: they take a while of the machine's time, and
    those of one burst are to meet the sandbox at one instant of ours.
    """
    end = clock.now() + span
    await rounds_wait(clock, sandbox, keepers)
    while (now := clock.now()) < end:
        due = clock.next_deadline
        await clock.advance(max(timedelta(0), min(end, due or end) - now))
        await rounds_wait(clock, sandbox, keepers)


async def rounds_wait(clock: ManualClock, sandbox: Sandbox, keepers: Sequence[KeepAliveLoop]) -> None:
    """Until every round waits for the clock or is over."""
    quiet = 0
    while quiet < 2:
        before = sandbox.calls.mutating.total(), clock.next_deadline
        await asyncio.sleep(0.001)
        calling = any(keeper.rounds.calling for keeper in keepers)
        quiet = 0 if calling or before != (sandbox.calls.mutating.total(), clock.next_deadline) else quiet + 1


class Remembering:
    """What a pool's state in the store does for the real one: its number survives the process."""

    def __init__(self, pool: PoolPolicy, provider: Aws | Web, accepted: list[int]) -> None:
        super().__init__(pool, provider)
        self._accepted = accepted
        if accepted and accepted[-1]:
            self.resume(accepted[-1])

    async def write(self, target: int) -> Capacity:
        capacity = await super().write(target)
        self._accepted.append(target)
        return capacity


class Remembered(Remembering, LambdaPing):
    """See `Remembering`."""


class RememberedUrl(Remembering, HttpPing):
    """See `Remembering`."""


def http_pool(name: str = "agent", **changes: object) -> PoolPolicy:
    settings = {"kind": "http-ping", "url": f"http://{name}.test/ping", "opted_in": True, "unit_header": "x-unit"}
    return PoolPolicy(name=name, max=10_000, lever=HttpPingSettings.model_validate(settings | changes))


def metrics_page(url: str, **changes: object) -> HttpMetricsSettings:
    """Return the settings of a demand source that reads the page at `url`."""
    return HttpMetricsSettings.model_validate({"kind": "http-metrics", "url": url} | changes)


class PingStage(LambdaStage):
    """The same functions as for provisioned concurrency; both handlers have Stoker's helper and have opted in."""

    permission = "lambda:InvokeFunction"
    exempt: ClassVar[Mapping[str, str]] = {
        "test_only_the_levers_own_field_changes": "it has no field; that pings change nothing else is checked with the lever",
        "test_an_answer_that_is_lost_leaves_the_outcome_unknown_until_it_is_read": "the number is Stoker's, no answer loses it",
        "test_somebody_elses_change_is_seen": "no other party can change a number that only Stoker has",
    }

    def __init__(self) -> None:
        super().__init__()
        self.accepted: dict[str, list[int]] = {}

    def lever(self, *, impatient: bool = False, resource: str | None = None, **changes: object) -> LambdaPing:
        provider = Aws(self.clock, np.random.default_rng(0), self._server.url, IMPATIENT if impatient else None)
        self._providers.append(provider)
        name = resource or "agent"
        return Remembered(ping_pool(name, **changes), provider, self.accepted.setdefault(name, []))

    def writes(self) -> list[int]:
        return self.accepted.get("agent", [])

    @property
    def keepers(self) -> list[KeepAliveLoop]:
        return [keeper for provider in self._providers for keeper in provider.loops]

    async def passes(self, span: timedelta) -> None:
        await time_passes(self.clock, self.sandbox, self.keepers, span)

    async def rounds(self) -> None:
        await rounds_wait(self.clock, self.sandbox, self.keepers)

    def hang(self, *, writes: bool = True, resource: str | None = None) -> None:
        self.sandbox.faults.hang("Invoke" if writes else "*", function=resource)

    def garble(self) -> None:
        self.sandbox.faults.garbage("Invoke")
        self.sandbox.faults.garbage("GetAlias", times=1)  # of a reading; a write that cannot look sends nothing

    def lose_answers(self) -> None:
        self.sandbox.faults.apply_without_answer("Invoke")

    def deny_writes(self) -> None:
        self.sandbox.credentials.denied |= {"lambda:InvokeFunction"}

    def limit(self, most: int) -> None:
        self.function.reserved = 2 * most


class HttpStage(PingStage):
    """Applications in containers at `agent.test` and `neighbour.test`, both with Stoker's helper."""

    permission, secret = "headers_from", "Bearer of-the-agent"
    exempt: ClassVar[Mapping[str, str]] = PingStage.exempt | {
        "test_a_throttle_is_said_and_changes_nothing": f"{NO_LOOK}; of a write it is checked with the lever",
        "test_a_servers_fault_on_a_reading_is_one_that_passes": NO_LOOK,
        "test_a_garbled_answer_is_never_taken_for_a_number": f"{NO_LOOK}; of a write it is checked with the lever",
        "test_a_hanging_resource_does_not_keep_another_waiting": f"{NO_LOOK}; of a write it is checked with the lever",
        "test_a_missing_resource_is_named": f"{NO_LOOK}; of a write it is checked with the lever",
        "test_refused_credentials_are_said_and_not_shown": f"{NO_LOOK}; of a write it is checked with the lever",
        "test_errors_are_one_line": f"{NO_LOOK}; of a write it is checked with the lever",
        "test_another_autoscaler_is_seen_before_anything_is_written": NO_OWNER,
        "test_a_deployment_under_way_holds_every_change": NO_OWNER,
        "test_a_full_account_says_how_much_is_left": "a URL shows no limit",
        "test_no_write_was_lost_or_doubled_after_a_day_of_trouble": f"{NO_LOOK}; of a write it is checked with the lever",
    }

    def __init__(self) -> None:
        super().__init__()
        for name in ("agent", "neighbour"):
            self.sandbox.add_container(f"{name}.test")

    @property
    def function(self):
        return self.sandbox.container("agent.test").function

    def lever(self, *, impatient: bool = False, resource: str | None = None, **changes: object) -> HttpPing:
        patience = {"patience": 1.0 - CONNECT_SECONDS} if impatient else {}  # 1 s together with the time to connect
        provider = Web(self.clock, np.random.default_rng(0), self._server.url, **patience)
        self._providers.append(provider)
        name = resource or "agent"
        return RememberedUrl(http_pool(name, **changes), provider, self.accepted.setdefault(name, []))

    def hang(self, *, writes: bool = True, resource: str | None = None) -> None:
        self.sandbox.faults.hang("Ping", function=f"{resource or 'agent'}.test")

    def garble(self) -> None:
        self.sandbox.faults.garbage("Ping")

    def lose_answers(self) -> None:
        self.sandbox.faults.apply_without_answer("Ping")

    def deny_writes(self) -> None:
        self.sandbox.tokens["agent.test"] = "Bearer of-another"

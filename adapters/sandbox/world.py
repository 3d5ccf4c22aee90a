"""The emulated AWS account: functions with their traffic, limits and clock. Independent of HTTP."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import numpy as np

from adapters.runtime.clock import Clock
from adapters.sandbox.aws.autoscaling.scheduled_actions import ScheduledActions
from adapters.sandbox.aws.lambda_.driver import Driver, Limits, Randomness
from adapters.sandbox.aws.lambda_.functions import Alias, LambdaFunction
from adapters.sandbox.aws.sts.credentials import Credentials
from adapters.sandbox.call_log import CallLog
from adapters.sandbox.errors import not_found
from adapters.sandbox.faults import Faults
from adapters.sandbox.settings import Settings
from adapters.sandbox.throttle import TokenBucket
from adapters.sandbox.traffic.metrics import MinuteTable
from adapters.sandbox.traffic.recorded import MINUTE_MS, Minute, Traffic
from adapters.sandbox.web.unit_counters import UnitCounters
from adapters.sandbox.wire import Json
from forecasting.demand import DemandSeries, minute_of

KEEP_ALIVE = (timedelta(minutes=5), timedelta(minutes=60))
"""Minimum and maximum time that an idle environment survives. No provider documents it; the bounds are those of public
measurements of Lambda.
"""

LIFETIME = (timedelta(minutes=5), timedelta(hours=4))
"""Minimum and maximum age of an environment. Lambda replaces environments every few hours, and single ones at any age. The mean
of 2 h is that of `controller.decision.costs.cost_model.PINGS`.
"""


@dataclass(slots=True)
class Hosted:
    """A function with its driver. The delays of its metrics are drawn from `seed`."""

    function: LambdaFunction
    driver: Driver
    rng: np.random.Generator
    seed: int


class UnitHeld(NamedTuple):
    """Unit that serves a request, and the time in milliseconds for which the request waits for it."""

    name: str
    wait_ms: int


class Sandbox:
    """State of the emulated account. Time passes lazily: reading a function first plays its traffic up to the present.

    Each function has a random generator, seeded with `seed` and the function's position in the order of additions. A run
    therefore does not depend on the order of reads.
    """

    def __init__(self, clock: Clock, seed: int = 0, settings: Settings | None = None) -> None:
        self.clock, self.seed = clock, seed
        self.settings = settings or Settings()
        self.credentials, self.calls, self.faults = Credentials(), CallLog(), Faults(clock)
        self.scheduling = ScheduledActions()
        self.scaling_policies: list[Json] = []
        self.tables: dict[str, dict[tuple[str, str], Json]] = {}
        """Items of DynamoDB by table and the values of the keys `group` and `item`."""
        self.published: dict[tuple[str, str, frozenset[tuple[str, str]]], DemandSeries] = {}
        """Other metrics by namespace, name and dimensions. The value of each minute is `peak`, for any statistic."""
        self.metric_calls = Counter[int]()
        """GetMetricData calls by minute."""
        self._hosted: dict[str, Hosted] = {}
        self.containers: dict[str, Hosted] = {}
        """Containers by host name; see `adapters.sandbox.web.containers`."""
        self.pages: dict[str, UnitCounters] = {}
        """Counters on the metrics page of a container, by host name."""
        self.urls: dict[str, Callable[[int], UnitHeld | None]] = {}
        """Services of other providers by host name. Called with the time in milliseconds for which a request is held, each
        returns the unit that serves it now; None if no unit may start.
        """
        self.tokens: dict[str, str] = {}
        """Required Authorization header of a container, by host name; a container without an entry requires none."""
        self._buckets: dict[str, TokenBucket] = {}
        self._claims_at, self._free = -1, (0.0, 0.0)

    def now_ms(self) -> int:
        """Return the current time in milliseconds since the epoch."""
        return round(self.clock.now().timestamp() * 1000)

    def add_function(
        self,
        name: str,
        history: DemandSeries | None = None,
        traffic: Iterator[Minute] | None = None,
        *,
        alias: str = "live",
        memory_mb: int = 1024,
        architecture: str = "x86_64",
        init_seconds: float = 8.0,
        keep_alive: tuple[timedelta, timedelta] = KEEP_ALIVE,
        lifetime: tuple[timedelta, timedelta] = LIFETIME,
        log_format: str = "Text",
        understands_pings: bool = True,
        reserved: int | None = None,
    ) -> LambdaFunction:
        """Deploy a function with one version behind `alias`, which receives the traffic.

        The part of `history` before now fills CloudWatch and determines which environments are warm. The part from now on is
        played, then `traffic`, one item per minute. Each environment draws its maximum idle time from `keep_alive` and its
        maximum age from `lifetime` (minimum, maximum).
        """
        arn = f"arn:aws:lambda:{self.settings.region}:{self.settings.account}:function:{name}"
        idle, age = _milliseconds(keep_alive), _milliseconds(lifetime)
        function = LambdaFunction(name, arn, memory_mb, architecture, init_seconds, idle, alias)
        function.log_format, function.understands_pings = log_format, understands_pings
        function.reserved, function.modified = reserved, self.now_ms()
        function.aliases[alias] = Alias(alias, function.publish().number)
        order = len(self._hosted) + len(self.containers)
        rng = np.random.Generator(np.random.PCG64([self.seed, order]))
        start = minute_of(self.clock.now())
        table = MinuteTable(start) if history is None else MinuteTable.of(history, start)
        first = start if history is None else max(min(start, history.first_minute), start - -(-idle[1] // MINUTE_MS) - 1)
        limits = Limits(lambda: self._limit(name), lambda: self._limit(name, without=True))
        randomness = Randomness((self.seed, order), idle, age)
        driver = Driver(function, Traffic(history, traffic, start), table, first, randomness, limits, start)
        driver.advance_to(start * MINUTE_MS)
        self._hosted[name] = Hosted(function, driver, rng, self.seed * 1_000_003 + order + 1)
        return function

    def add_container(self, host: str, history: DemandSeries | None = None, traffic: Iterator[Minute] | None = None,
                      *, memory_mb: int = 1024, init_seconds: float = 8.0, keep_alive: tuple[timedelta, timedelta] = KEEP_ALIVE,
                      lifetime: tuple[timedelta, timedelta] = LIFETIME, understands_pings: bool = True) -> LambdaFunction:
        """Add an application in containers behind a host name. The arguments are those of `add_function`; CloudWatch has no
        metrics of it.
        """
        function = self.add_function(host, history, traffic, memory_mb=memory_mb, init_seconds=init_seconds,
                                     keep_alive=keep_alive, lifetime=lifetime, understands_pings=understands_pings)
        self.containers[host] = self._hosted.pop(host)
        self.pages[host] = UnitCounters(self.clock.now().timestamp())
        return function

    def container(self, host: str) -> Hosted:
        """Return the container behind `host`, with its traffic played up to now."""
        container = self.containers[host]
        container.driver.advance_to(self.now_ms())
        return container

    @property
    def names(self) -> list[str]:
        """Names of all functions, in the order of the API's lists."""
        return sorted(self._hosted)

    def hosted(self, name: str) -> Hosted:
        """Return the function `name`, with its traffic played up to now. Raise Lambda's 404 if it does not exist."""
        if name not in self._hosted:
            raise not_found(f"Function not found: arn:aws:lambda:{self.settings.region}:{self.settings.account}:function:{name}")
        hosted, now = self._hosted[name], self.now_ms()
        if self.scheduling.actions:
            self.scheduling.run_due(hosted.function, now, hosted.driver.advance_to, lambda: self.preparation_ms(hosted))
        hosted.driver.advance_to(now)
        return hosted

    @property
    def scalable_targets(self) -> dict[str, Json]:
        """Targets of Application Auto Scaling by resource."""
        return self.scheduling.targets

    @property
    def scheduled_actions(self) -> list[Json]:
        """Scheduled actions that have not run."""
        return self.scheduling.actions

    @scheduled_actions.setter
    def scheduled_actions(self, actions: list[Json]) -> None:
        self.scheduling.actions = actions

    def find(self, name: str) -> Hosted | None:
        """Return the function as `hosted` does; None if it does not exist."""
        return self.hosted(name) if name in self._hosted else None

    def advance(self) -> None:
        """Play the traffic and run the scheduled actions of all functions up to now."""
        for name in self.names:
            self.hosted(name)

    def all(self) -> list[Hosted]:
        """Return all functions, with their traffic played up to now."""
        return [self.hosted(name) for name in self.names]

    def preparation_ms(self, hosted: Hosted) -> int:
        """Return the preparation time of an allocation requested now, the function's initialisation included; random."""
        low, high = self.settings.preparation_seconds
        return round((float(hosted.rng.uniform(low, high)) + hosted.function.init_seconds) * 1000)

    def wait_for_token(self, bucket: str, rate: float) -> float:
        """Return 0 if the rate limit admits a call, otherwise the seconds to wait. `rate`: calls per second."""
        if bucket not in self._buckets:
            self._buckets[bucket] = TokenBucket(rate, max(1.0, rate * self.settings.burst_seconds))
        return self._buckets[bucket].take(self.now_ms() / 1000)

    def reserve(self, function: LambdaFunction, units: int | None) -> None:
        """Set or, with None, remove reserved concurrency."""
        function.reserved, self._claims_at = units, -1

    def unreserved(self) -> int:
        """Return the concurrency of the region that no function has reserved."""
        return self.settings.concurrency - sum(hosted.function.reserved or 0 for hosted in self._hosted.values())

    def provisioned_unreserved(self, besides: str = "") -> int:
        """Return the provisioned concurrency of the functions without reserved concurrency, which counts against the region's
        limit. `besides`: a function to leave out.
        """
        return sum(
            hosted.function.provisioned
            for name, hosted in self._hosted.items()
            if hosted.function.reserved is None and name != besides
        )

    def _limit(self, name: str, *, without: bool = False) -> int:
        """Return the maximum concurrency of a function: its reserved concurrency, or the region's limit less the use of the other
        functions in their last minute, which is summed once a minute. `without`: as if nothing were provisioned.
        """
        hosted = self._hosted.get(name)
        if hosted is None:
            return self.settings.concurrency
        if hosted.function.reserved is not None:
            return hosted.function.reserved
        minute = self.now_ms() // MINUTE_MS
        if minute != self._claims_at:
            self._claims_at = minute
            others = [other for other in self._hosted.values() if other.function.reserved is None]
            demanded, claimed = sum(map(_demand, others)), sum(map(_claim, others))
            self._free = self.unreserved() - claimed, self.unreserved() - demanded
        return max(0, round(self._free[without] + (_demand if without else _claim)(hosted)))


def _milliseconds(spans: tuple[timedelta, timedelta]) -> tuple[int, int]:
    low, high = (round(span.total_seconds() * 1000) for span in spans)
    return low, high


def _demand(hosted: Hosted) -> float:
    """Return the maximum of requests in flight in the function's last minute."""
    last = hosted.driver.last
    return 0.0 if last.is_gap else last.peak


def _claim(hosted: Hosted) -> float:
    """Return the units that a function takes of the region's limit: the larger of provisioned units and requests in flight."""
    return max(float(hosted.function.provisioned), _demand(hosted))

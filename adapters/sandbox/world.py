"""The emulated account: its functions with their traffic, its limits, its clock. Knows nothing of HTTP."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from adapters.runtime.clock import Clock
from adapters.sandbox.aws.autoscaling.scheduled_actions import ScheduledActions
from adapters.sandbox.aws.lambda_.driver import Chance, Driver, Limits
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
"""How long an environment survives idle: no provider says it, and public measurements of Lambda range so far."""

LIFETIME = (timedelta(hours=4), timedelta(hours=8))
"""How old an environment becomes: Lambda replaces them every few hours."""


@dataclass(slots=True)
class Hosted:
    """A function with what drives it. `seed` gives its metrics their delays."""

    function: LambdaFunction
    driver: Driver
    rng: np.random.Generator
    seed: int


class Sandbox:
    """Everything a run can look at. Time passes lazily: whoever asks for a function finds it played up to the present.

    Every function draws from a generator of its own, made from `seed` and its place in the order they were added, so that
    what happens does not depend on who asks for what first.
    """

    def __init__(self, clock: Clock, seed: int = 0, settings: Settings | None = None) -> None:
        self.clock, self.seed = clock, seed
        self.settings = settings or Settings()
        self.credentials, self.calls, self.faults = Credentials(), CallLog(), Faults(clock)
        self.scheduling = ScheduledActions()
        self.scaling_policies: list[Json] = []
        self.tables: dict[str, dict[tuple[str, str], Json]] = {}
        """DynamoDB's items by table and the values of both keys, which are called `group` and `item`."""
        self.metric_calls = Counter[int]()
        """GetMetricData calls by minute."""
        self._hosted: dict[str, Hosted] = {}
        self.containers: dict[str, Hosted] = {}
        """By host name; see `adapters.sandbox.web.containers`."""
        self.pages: dict[str, UnitCounters] = {}
        """What the page of a container counts, by host name."""
        self.tokens: dict[str, str] = {}
        """The Authorization header that a container asks for, by host name; none where it is not here."""
        self._buckets: dict[str, TokenBucket] = {}
        self._claims_at, self._left = -1, (0.0, 0.0)

    def now_ms(self) -> int:
        """The present, in milliseconds since the epoch."""
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
        """Deploy a function with one version behind `alias`, which takes the traffic.

        What `history` holds of the time before now fills CloudWatch and the environments that are still warm; what it holds
        of the time from now on is played, and then `traffic`, a minute at a time. `keep_alive`: the least and most idle time
        that an environment survives, `lifetime`: the least and most age; each draws its own.
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
        chance = Chance((self.seed, order), idle, age)
        driver = Driver(function, Traffic(history, traffic, start), table, first, chance, limits, start)
        driver.advance_to(start * MINUTE_MS)
        self._hosted[name] = Hosted(function, driver, rng, self.seed * 1_000_003 + order + 1)
        return function

    def add_container(self, host: str, history: DemandSeries | None = None, traffic: Iterator[Minute] | None = None,
                      *, memory_mb: int = 1024, init_seconds: float = 8.0, keep_alive: tuple[timedelta, timedelta] = KEEP_ALIVE,
                      lifetime: tuple[timedelta, timedelta] = LIFETIME, understands_pings: bool = True) -> LambdaFunction:
        """Put an application in containers behind a host name. What is said of `add_function` holds, but for CloudWatch."""
        function = self.add_function(host, history, traffic, memory_mb=memory_mb, init_seconds=init_seconds,
                                     keep_alive=keep_alive, lifetime=lifetime, understands_pings=understands_pings)
        self.containers[host] = self._hosted.pop(host)
        self.pages[host] = UnitCounters(self.clock.now().timestamp())
        return function

    def container(self, host: str) -> Hosted:
        """The container behind `host`, played up to the present."""
        found = self.containers[host]
        found.driver.advance_to(self.now_ms())
        return found

    @property
    def names(self) -> list[str]:
        """Of all functions, in the order of the API's lists."""
        return sorted(self._hosted)

    def hosted(self, name: str) -> Hosted:
        """The function called `name`, played up to the present; Lambda's 404 when there is none."""
        if name not in self._hosted:
            raise not_found(f"Function not found: arn:aws:lambda:{self.settings.region}:{self.settings.account}:function:{name}")
        found, now = self._hosted[name], self.now_ms()
        if self.scheduling.actions:
            self.scheduling.carry_out(found.function, now, found.driver.advance_to, lambda: self.preparation_ms(found))
        found.driver.advance_to(now)
        return found

    @property
    def scalable_targets(self) -> dict[str, Json]:
        """Targets of Application Auto Scaling by resource."""
        return self.scheduling.targets

    @property
    def scheduled_actions(self) -> list[Json]:
        """Those that have not run."""
        return self.scheduling.actions

    @scheduled_actions.setter
    def scheduled_actions(self, actions: list[Json]) -> None:
        self.scheduling.actions = actions

    def find(self, name: str) -> Hosted | None:
        """As `hosted`, None when there is none."""
        return self.hosted(name) if name in self._hosted else None

    def all(self) -> list[Hosted]:
        """Every function, played up to the present."""
        return [self.hosted(name) for name in self.names]

    def preparation_ms(self, hosted: Hosted) -> int:
        """How long an allocation that is asked for now will prepare, the function's own initialisation included."""
        low, high = self.settings.preparation_seconds
        return round((float(hosted.rng.uniform(low, high)) + hosted.function.init_seconds) * 1000)

    def wait_for_token(self, bucket: str, rate: float) -> float:
        """0 when a call is admitted, otherwise the seconds until one would be."""
        if bucket not in self._buckets:
            self._buckets[bucket] = TokenBucket(rate, max(1.0, rate * self.settings.burst_seconds))
        return self._buckets[bucket].take(self.now_ms() / 1000)

    def reserve(self, function: LambdaFunction, units: int | None) -> None:
        """Set or, with None, remove reserved concurrency."""
        function.reserved, self._claims_at = units, -1

    def unreserved(self) -> int:
        """The region's concurrency that no function has reserved."""
        return self.settings.concurrency - sum(hosted.function.reserved or 0 for hosted in self._hosted.values())

    def provisioned_unreserved(self, besides: str = "") -> int:
        """Provisioned concurrency of the functions without reserved concurrency, which comes out of the region's pool."""
        return sum(
            hosted.function.provisioned
            for name, hosted in self._hosted.items()
            if hosted.function.reserved is None and name != besides
        )

    def _limit(self, name: str, *, without: bool = False) -> int:
        """What a function may use at once: its reserved concurrency, or what the others leave of the region's pool. `without`:
        had nothing been provisioned.

        Their use is that of their last minute, summed once a minute.
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
            self._left = self.unreserved() - claimed, self.unreserved() - demanded
        return max(0, round(self._left[without] + (_demand if without else _claim)(hosted)))


def _milliseconds(spans: tuple[timedelta, timedelta]) -> tuple[int, int]:
    least, most = (round(span.total_seconds() * 1000) for span in spans)
    return least, most


def _demand(hosted: Hosted) -> float:
    """The most that a function had in flight in its last minute."""
    last = hosted.driver.last
    return 0.0 if last.is_gap else last.peak


def _claim(hosted: Hosted) -> float:
    """What a function takes out of the region's pool: what it had in flight, or what is provisioned for it, used or not."""
    return max(float(hosted.function.provisioned), _demand(hosted))

"""Three witnesses of the same minutes: the daemon's accounts, what the emulated clouds really served, and the backtest.

A scene of the demo is played on the daemon's own parts (levers, sources, fleet, accounts) under a manual clock, so that an hour
takes seconds and the same seed gives the same figures. The three are compared over the minutes that the accounts have settled,
without the first `skip`: the daemon begins with nothing warm, the backtest does not.
"""

import functools
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.random import PCG64, Generator
from numpy.typing import NDArray

from adapters.registry import Registry
from adapters.runtime.clock import ManualClock
from config.model.policy import Policy
from controller.accounting.ledger import NAMES, GroupLedger, Ledger
from controller.accounting.tick_accounting import account_for, open_accounts
from controller.backtest.replay import replay
from controller.decision.costs.bill import JudgedDemand, bill_of, judged_demand
from controller.decision.costs.cost_model import CostTerms
from controller.demo.emulators import Emulators
from controller.demo.lever_settings import LAYERS, PROVISIONED
from controller.demo.runner import terms_by_pool, write_policy
from controller.demo.scenarios import Pool, Scenario
from controller.fleet.builder import assemble, pool_terms
from controller.fleet.decision_log import DecisionLog
from controller.fleet.fleet import Fleet
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from forecasting.demand import minute_of
from tests.adapters.conformance.ping_stage import time_passes

MINUTE = timedelta(minutes=1)
RETUNE_EVERY = 60
"""Minutes between two looks at whether terms have changed, as in the daemon."""

COUNT_SHARE, LEAST_COUNT, REQUEST_SHARE, BILL_SHARE = 0.05, 1.0, 0.01, 0.03


class Figures(NamedTuple):
    """What one witness says of one pool."""

    cold_starts: float
    cold_starts_without: float
    requests: float
    bill_usd: float
    saved_usd: float

    def less(self, other: "Figures") -> "Figures":
        """What came after `other`."""
        return Figures(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


class Said(NamedTuple):
    """What one witness says of one pool with the keep-alive it calculates with, and at the low and the high end of its range."""

    figures: Figures
    low: Figures
    high: Figures

    def less(self, other: "Said") -> "Said":
        """What came after `other`."""
        return Said(*(mine.less(theirs) for mine, theirs in zip(self, other, strict=True)))

    def ends(self, name: str) -> tuple[float, float]:
        """The least and the most that a figure is of the three."""
        values = [float(getattr(each, name)) for each in self]
        return min(values), max(values)


@dataclass(frozen=True)
class Compared:
    """One pool over `minutes` minutes. `cold_usd`: what a cold start costs, in the bill and beyond it."""

    pool: str
    kind: str
    minutes: int
    cold_usd: float
    accounts: Said
    emulator: Figures
    replayed: Callable[[], Said]
    """Replays the history, which takes seconds."""

    @functools.cached_property
    def backtest(self) -> Said:
        return self.replayed()

    def off(self, witness: str) -> tuple[str, ...]:
        """The figures of `accounts` or `backtest` whose range is further from the emulator's figure than is allowed."""
        said: Said = getattr(self, witness)
        return tuple(name for name in Figures._fields
                     if beyond(said.ends(name), getattr(self.emulator, name)) > allowed(name, self.emulator, self.cold_usd))


def beyond(ends: tuple[float, float], value: float) -> float:
    """How far `value` is outside of a range; 0 within it."""
    return max(ends[0] - value, value - ends[1], 0.0)


def allowed(name: str, true: Figures, cold_usd: float) -> float:
    """How far a figure may be from the true one. What is saved may be off by as much as what it is calculated from."""
    if name.startswith("cold_starts"):
        return max(LEAST_COUNT, COUNT_SHARE * float(getattr(true, name)))
    if name == "requests":
        return REQUEST_SHARE * true.requests
    if name == "bill_usd":
        return BILL_SHARE * true.bill_usd
    counts = allowed("cold_starts", true, cold_usd) + allowed("cold_starts_without", true, cold_usd)
    return BILL_SHARE * true.bill_usd + cold_usd * counts


async def play(scene: Scenario, folder: Path, seed: int, *, skip: int = 20,
               keep_alive: timedelta | None = None) -> list[Compared]:
    """Play `scene` to its end and compare what the witnesses say of each pool. `folder`: for the store, empty. `keep_alive`: what
    the policy assumes of every lever, instead of each lever's own.
    """
    clock = ManualClock(scene.start)
    clouds = Emulators(scene, clock, seed)
    policy = write_policy(scene, folder / "policy.yaml")
    if keep_alive is not None:
        policy = policy.model_copy(update={"assume": policy.assume.model_copy(update={"keep_alive": keep_alive})})
    async with AsyncExitStack() as closing:
        url, grpc = await closing.enter_async_context(clouds.open())
        registry = Registry(clock, Generator(PCG64([seed, 1])), sandbox_url=url, sandbox_grpc=grpc)
        closing.push_async_callback(registry.close)
        store = AsyncStore(Store(folder / "stoker.db"))
        closing.push_async_callback(store.close)
        fleet = await assemble(policy, registry, store, clock, DecisionLog(store))
        closing.push_async_callback(fleet.close)
        accounts = await open_accounts(fleet, store, clock)
        keepers = [keeper for provider in registry._providers.values() for keeper in getattr(provider, "loops", ())]
        daemon = Daemon(scene, clouds, policy, clock, fleet, accounts)
        for _ in range(scene.lasting // MINUTE):
            await daemon.minute()
            await time_passes(clock, clouds.sandbox, keepers, MINUTE)
        return daemon.compared(skip)


class Daemon:
    """What `controller.daemon.daemon` does in a minute, and what is noted of it."""

    def __init__(self, scene: Scenario, clouds: Emulators, policy: Policy, clock: ManualClock, fleet: Fleet,
                 accounts: Ledger) -> None:
        self._scene, self._clouds, self._policy = scene, clouds, policy
        self._clock, self._fleet, self._accounts = clock, fleet, accounts
        self._terms = terms_by_pool(policy, scene)
        self._true: dict[int, dict[str, Figures]] = {}
        self._said: dict[str, dict[int, Said]] = {pool.name: {} for pool in scene.pools}

    async def minute(self) -> None:
        """Note what is true by now, then tick."""
        now = minute_of(self._clock.now())
        self._true[now] = {pool.name: self._served(pool) for pool in self._scene.pools}
        await self._fleet.tick()
        await account_for(self._fleet, self._accounts, self._policy, self._clock, None)
        for account in self._accounts.each:
            for name in account.pools:
                self._said[name][account.pending_from()] = accounted(account, name, self._terms[name])
        if now % RETUNE_EVERY == 0:
            for region in self._fleet.regions:
                await region.retune(self._clock.now())

    def compared(self, skip: int) -> list[Compared]:
        """Every pool over the minutes that are settled, without the first `skip`."""
        return [self._pool(pool, minute_of(self._scene.start) + skip) for pool in self._scene.pools]

    def _pool(self, pool: Pool, begin: int) -> Compared:
        said = {minute: figures for minute, figures in self._said[pool.name].items() if minute >= begin and minute in self._true}
        first, end = min(said), max(said)
        true = self._true[end][pool.name].less(self._true[first][pool.name])
        return Compared(pool.name, pool.kind, end - first, self._terms[pool.name].cold, said[end].less(said[first]), true,
                        functools.partial(self._foretold, pool, first, end, self._measured(pool)))

    def _served(self, pool: Pool) -> Figures:
        """What the emulated provider has served and billed; an operator's price of cold starts is in no bill. Of a billing step
        only the part that has passed counts, as in the accounts: the window that is compared may begin or end within a step.
        """
        outcome, prepaid = self._clouds.outcome(pool, self._terms[pool.name]), self._prepaid_usd(pool)
        saved = outcome.saved_usd + outcome.cold_start_cost_without_usd - outcome.cold_start_cost_usd
        return Figures(outcome.cold_starts, outcome.cold_starts_without, outcome.invocations, outcome.bill_usd - prepaid,
                       saved + prepaid)

    def _prepaid_usd(self, pool: Pool) -> float:
        """What is billed for time to come, in steps that have begun."""
        if pool.kind not in (PROVISIONED, LAYERS):
            return 0.0
        sandbox = self._clouds.sandbox
        meters = [capacity.meter for capacity in sandbox.hosted(pool.name).function.capacities.values()]
        return sum(meter.prepaid_unit_ms(sandbox.now_ms()) for meter in meters) / 60_000 * self._terms[pool.name].idle

    def _foretold(self, pool: Pool, first: int, end: int, terms: CostTerms) -> Said:
        """The backtest of the pool's history up to `end` on the terms that the daemon has measured, counted from `first` on."""
        policy = next(each for each in self._policy.pools if each.name == pool.name)
        assume = self._policy.assume.model_copy(update={"lead_time": terms.lead_time * MINUTE})
        demand = pool.series.window(pool.series.first_minute, end)
        load = judged_demand(demand, first - demand.first_minute)
        done = replay(policy, demand, terms, assume)
        return Said(*(foretold(load, done.target, replace(terms, keep_alive=each), done.pinged)
                      for each in (terms.keep_alive, terms.shortest_keep_alive, terms.longest_keep_alive)))

    def _measured(self, pool: Pool) -> CostTerms:
        """The pool's terms with the metric delay, lead time, keep-alive and life of pinged units that the daemon has measured."""
        intake, top = self._fleet.region_of[pool.name].collector, self._fleet.tops.get(pool.name)
        seen = pool_terms(self._fleet.reconcilers[pool.name], self._policy.assume, intake.metric_delay, top)
        return replace(self._terms[pool.name], metric_delay=seen.metric_delay, lead_time=seen.lead_time,
                       keep_alive=seen.keep_alive, keep_alive_range=seen.keep_alive_range, top=seen.top)


def foretold(load: JudgedDemand, target: NDArray[np.int64], terms: CostTerms,
             pinged: NDArray[np.int64] | None = None) -> Figures:
    """What the backtest says of these targets."""
    mine, nothing = bill_of(load, target, terms, pinged), bill_of(load, np.zeros(len(load), np.int64), terms)
    return Figures(mine.cold_starts, nothing.cold_starts, mine.invocations, mine.provider_usd, nothing.total_usd - mine.total_usd)


def accounted(account: GroupLedger, name: str, terms: CostTerms) -> Said:
    """What the accounts say of a pool since the start of the process."""
    sums = dict(zip(NAMES, account.ever[account.row[name]].tolist(), strict=True))
    without, mine = (sums[f"bill{suffix}_usd"] + sums[f"cold_start_cost{suffix}_usd"] for suffix in ("_without_stoker", ""))
    saved = without - mine
    exact = Figures(sums["cold_starts"], sums["cold_starts_without_stoker"], sums["warm_hits"] + sums["cold_starts"],
                    sums["bill_usd"], saved)

    def end(name: str, other: str) -> Figures:
        """The figures at one end of the ranges. The error of an estimated peak is independent where provider counts bound one."""
        mine, nothing = sums[f"cold_starts_delta_{name}"], sums[f"cold_starts_without_stoker_delta_{name}"]
        opposed = sums[f"cold_starts_delta_{other}"] if terms.estimated_peak else mine
        return exact._replace(cold_starts=exact.cold_starts + mine, cold_starts_without=exact.cold_starts_without + nothing,
                              saved_usd=saved + (nothing - opposed) * terms.cold)

    low, high = end("low", "high"), end("high", "low")
    return Said(exact, low, high)


def only(scene: Scenario, kinds: Iterable[str]) -> Scenario:
    """`scene` with the pools of some levers alone."""
    return replace(scene, pools=tuple(pool for pool in scene.pools if pool.kind in kinds))

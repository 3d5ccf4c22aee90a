"""The demo run: emulated clouds with traffic, the real daemon connected to them, and a frame after each tick."""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from numpy.random import Generator

from adapters.kinds import policy_kinds
from adapters.registry import Registry
from adapters.runtime.clock import Clock, ScaledClock, SystemClock
from config.loading.loader import load_policy
from config.model.layers import OF_TOP
from config.model.policy import Policy
from controller.daemon.daemon import Daemon
from controller.decision.costs.cost_model import CostTerms, terms_of
from controller.decision.planning.plan import Action, Plan
from controller.demo.bar_chart import Point
from controller.demo.emulators import Emulators
from controller.demo.frame import Decision, Frame, PoolFrame
from controller.demo.lever_settings import LAYERS, PROVISIONED
from controller.demo.outcome import Outcome
from controller.demo.price_curve import price_curve_sentence
from controller.demo.scaled_scheduler import ScaledScheduler
from controller.demo.scenarios import Pool, Scenario
from controller.fleet.fleet import Fleet
from forecasting.demand import instant_of, minute_of

POINTS = 400
"""Minutes of the chart that are kept: more than the width of a terminal."""

BEFORE = 45
"""Minutes of history at the start of the chart."""

DECISIONS_KEPT = 50


class DemoRunner:
    """Emulated clouds, their servers and the daemon on one clock. `watch` is called with a frame after every tick."""

    def __init__(self, scene: Scenario, clock: ScaledClock, folder: Path, rng: Generator, seed: int, port: int,
                 watch: Callable[[Frame], None]) -> None:
        self._opening = ExitStack()
        self._opening.enter_context(clock.at_work())  # until the daemon exists, which then sets the pace
        self.scene, self._clock, self._folder, self._watch = scene, clock, folder, watch
        self._machine: Clock = SystemClock()
        self._rng, self._port = rng, port
        self.clouds = Emulators(scene, clock, seed)
        self.policy = write_policy(scene, folder / "policy.yaml")
        self._terms = terms_by_pool(self.policy, scene)
        self._daemon: Daemon | None = None
        self._last: Frame | None = None
        self._stop = asyncio.Event()
        self._points = {pool.name: deque(before(pool, scene.start), maxlen=POINTS) for pool in scene.pools}
        self._decisions: deque[Decision] = deque(maxlen=DECISIONS_KEPT)
        self._seen: dict[str, Plan] = {}
        self._began: tuple[datetime, datetime] | None = None
        self._closing = ExitStack()

    async def play(self, stop: asyncio.Event) -> Frame | None:
        """Run to the first tick at the end of the scenario, or until `stop` is set. Return the frame of the last tick, None
        without a tick.

        Raise the errors of the daemon's start.
        """
        async with self.clouds.open() as (url, grpc):
            registry = Registry(self._clock, self._rng, sandbox_url=url, sandbox_grpc=grpc)
            self._daemon = Daemon(self.policy, registry, self._clock, self._folder, port=self._port,
                                  scheduler=ScaledScheduler(self._clock), on_tick=self._tick)
            self._opening.close()
            self._stop = stop
            with self._closing:
                await self._daemon.run(stop)
        return self._last

    def with_price_curve(self, frame: Frame) -> Frame:
        """Return the last frame with what other settings would cost, if the scenario has ended. It takes seconds to compute."""
        if frame.elapsed < frame.lasts:
            return frame
        return replace(frame, price_curve=price_curve_sentence(self.policy, self.scene, self._terms))

    def _tick(self, fleet: Fleet) -> None:
        """Show the frame of a tick, the last one at the end of the scenario. From then on the clock stands still."""
        if self._began is None:
            self._began = self._clock.now(), self._machine.now()
        self._last = self.frame(fleet)
        self._watch(self._last)
        if self._clock.now() >= self.scene.start + self.scene.lasting and not self._stop.is_set():
            self._closing.enter_context(self._clock.at_work())
            self._stop.set()

    def frame(self, fleet: Fleet) -> Frame:
        """Return the frame of this instant."""
        now = self._clock.now()
        pools = tuple(self._pool_frame(pool, fleet, now) for pool in self.scene.pools)
        began, really = self._began or (now, self._machine.now())
        spent = (self._machine.now() - really).total_seconds()
        speed = (now - began).total_seconds() / spent if spent > 0 else self._clock.factor
        url = "" if self._daemon is None else self._daemon.url
        total = sum((pool.outcome for pool in pools), Outcome())
        return Frame(now, now - self.scene.start, self.scene.lasting, speed, url, pools, tuple(self._decisions), total)

    def _pool_frame(self, pool: Pool, fleet: Fleet, now: datetime) -> PoolFrame:
        plan = self._plan(fleet, pool.name)
        pinged = {PROVISIONED: None, LAYERS: self._plan(fleet, f"{pool.name}{OF_TOP}")}.get(pool.kind, plan)
        warmth = self.clouds.warmth(pool, kept_by(pinged))
        points = self._points[pool.name]
        minute = now.replace(second=0, microsecond=0) - timedelta(minutes=1)  # the last complete minute
        if not points or points[-1].at < minute:
            points.append(Point(minute, warmth.peak, warmth.ready))
        outcome = self.clouds.outcome(pool, self._terms[pool.name])
        return PoolFrame(pool.name, pool.title, points[-1].peak, warmth.requested, warmth.ready, plan.target if plan else None,
                         outcome, pool.mode, tuple(points))

    def _plan(self, fleet: Fleet, name: str) -> Plan | None:
        """Return the newest plan of a pool; record its text as a decision if it changed."""
        plan = fleet.plans.get(name)
        if plan is not None and plan is not self._seen.get(name):
            before, self._seen[name] = self._seen.get(name), plan
            if plan.action is Action.WRITE or (plan.action is Action.HOLD and (before is None or before.text != plan.text)):
                self._decisions.append(Decision(plan.at, name, worded(plan)))
        return plan


def kept_by(plan: Plan | None) -> int:
    """Return the units that a pool keeps: the target if the plan writes it, else the requested units."""
    if plan is None:
        return 0
    return (plan.target if plan.action is Action.WRITE else plan.requested) or 0


def before(pool: Pool, start: datetime) -> list[Point]:
    """Return the chart points before the start, without warm capacity."""
    first = minute_of(start) - BEFORE
    peaks = pool.series.window(first, first + BEFORE).peak.tolist()
    return [Point(instant_of(first + at), None if math.isnan(peak) else peak, 0) for at, peak in enumerate(peaks)]


def write_policy(scene: Scenario, path: Path) -> Policy:
    """Write the policy of the scenario to a file, and load it as the daemon does."""
    path.write_text(yaml.safe_dump(scene.policy, sort_keys=False))
    return load_policy(path, policy_kinds())


def worded(plan: Plan) -> str:
    """Return a plan as one line of text."""
    if plan.action is not Action.WRITE:
        return f"holds {plan.requested if plan.requested is not None else 'current capacity'}: {plan.text}"
    verb = "scales out" if (plan.target or 0) > (plan.requested or 0) else "scales in"
    return f"{verb} {plan.requested or 0} → {plan.target}: {plan.text}"


def terms_by_pool(policy: Policy, scene: Scenario) -> dict[str, CostTerms]:
    """Return the prices for the outcome of each pool."""
    sizes = {pool.name: pool.memory_mb for pool in scene.pools}
    return {pool.name: terms_of(pool, policy.assume, memory_mb=sizes[pool.name]) for pool in policy.pools}

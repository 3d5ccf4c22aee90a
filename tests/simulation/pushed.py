"""Pools whose demand is pushed: senders report, fall silent, die, begin again, repeat reports and lie, while daemons come and go.

What a daemon is told is decided here, report by report; its own inbox makes minutes of it. Judged besides everything else: no
known minute has less demand than ran in it, and no capacity falls while a sender that the daemon knows is silent.
"""

import asyncio
import random
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from adapters.ports.demand_source import Telemetry
from adapters.ports.reports import Report, TooMany
from adapters.push.demand_source import PushDemand
from adapters.push.endings import FORGOTTEN_SECONDS, SETTLED_SECONDS
from adapters.push.settings import PushSettings
from controller.fleet.fleet import Fleet
from controller.fleet.nudges import Nudges
from forecasting.demand import minute_of
from tests.simulation.demand import lost_of
from tests.simulation.invariants import RECENT
from tests.simulation.run import Outcome, Simulation, simulate
from tests.simulation.scenario import HISTORY, OUTAGES, Fault, scenario_of
from tests.simulation.virtual import VirtualClock

MINUTE = 60.0
STALE = 4
"""Minutes from which a report that arrives may be, where the network is slow and loses some."""

SURE_SECONDS = SETTLED_SECONDS - 120
"""A sender that is silent for longer may count as ended."""

SENDERS, PERIODS = (1, 2, 2, 3), (4.0, 7.0, 10.0)
LIES = ("in_flight", "peak", "started", "nothing")
HUGE = 900_000


@dataclass(slots=True, eq=False)
class SimSender:
    """A process with its share of a pool's work. `place`: which share. `deltas`: reports changes between full reports."""

    pool: str
    name: str
    place: int
    period: float
    deltas: bool
    at: float
    level: int = 0
    sequence: int = 0
    starts: int = 0
    ends: int = 0
    """Starts and ends that no report has told yet."""
    arrived: deque[float] = field(default_factory=lambda: deque(maxlen=400))
    """Seconds at which its reports have reached the living daemon."""

    def moved_to(self, level: int, churn: int) -> None:
        """Work begins and ends."""
        self.starts += max(0, level - self.level) + churn
        self.ends += max(0, self.level - level) + churn
        self.level = level

    def report(self) -> Report:
        """The next report, which tells what no other has told."""
        self.sequence += 1
        starts, ends, self.starts, self.ends = self.starts, self.ends, 0, 0
        if self.deltas and self.sequence % 6 != 1:
            return Report(self.name, self.sequence, started=starts, ended=ends)
        return Report(self.name, self.sequence, in_flight=self.level, started=starts)

    def take_back(self, report: Report) -> None:
        """A report was refused, as its sender knows: the next one tells what it told."""
        self.sequence -= 1
        self.starts, self.ends = self.starts + (report.started or 0), self.ends + report.ended


class PushSource:
    """The senders of one region, and the inboxes of the living daemon. See `SimSource` for what the witness asks."""

    kind = "push"

    def __init__(self, seed: int, traffic: Mapping[str, np.ndarray], clock: VirtualClock, faults: Iterable[Fault] = ()) -> None:
        self.traffic, self.clock, self.active = traffic, clock, dict[str, float]()
        self.base = minute_of(clock.start) - HISTORY
        self.outages = [replace(lost_of(fault, minute_of(clock.start)), back=None) for fault in faults if fault.kind in OUTAGES]
        self.number = {name: at for at, name in enumerate(traffic)}
        self.delivered: dict[str, int] = {}
        self.told: set[str] = set()
        self.push: PushDemand | None = None
        self._dice = random.Random(f"senders {seed} {min(traffic, default='')}")  # noqa: S311
        self.senders = {name: [self._sender(name, place) for place in range(self._dice.choice(SENDERS))] for name in traffic}
        self._gone: dict[str, list[SimSender]] = {name: [] for name in traffic}
        self._made = {name: dict[int, float]() for name in traffic}
        self.disturbed = dict.fromkeys(traffic, -1e9)
        """When a sender of a pool last died, lied that nothing runs, or returned after it may have counted as ended."""
        self._late: list[tuple[float, SimSender, Report]] = []
        self._restarted: float | None = None

    # -- as the daemon sees it --

    def reborn(self) -> None:
        """A daemon begins: its inboxes are empty."""
        self.push = PushDemand(dict.fromkeys(self.traffic, PushSettings(kind="push")), self.clock)

    def forget(self) -> None:
        """The daemon is gone, with its inboxes."""
        self.push, self._late = None, []
        self.told.clear()
        for sender in self._all():
            sender.arrived.clear()

    @property
    def reports(self) -> PushDemand:
        return self.push

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        await asyncio.sleep(0.01)
        found = await self.push.collect(pools, since, until)
        self.delivered = {name: min(newest, minute_of(until) - 1) for name, newest in self.delivered.items()}
        for name, telemetry in found.items():  # minutes have the number that the daemon's clock gives them
            if telemetry.error is None and telemetry.alive is not False:
                self.told.add(name)
            known = np.flatnonzero(telemetry.series.known)
            if len(known):
                self.delivered[name] = telemetry.series.first_minute + int(known[-1])
        return found

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        return 0.0

    # -- as the witness asks --

    def truth(self, name: str, minutes: np.ndarray) -> np.ndarray:
        """What really ran in each of `minutes`."""
        rows = minutes - self.base
        inside = (rows >= 0) & (rows < len(self.traffic[name]))
        return np.where(inside, self.traffic[name][np.where(inside, rows, 0)], 0)

    def made(self, name: str, first: int, end: int) -> np.ndarray:
        """How many starts of requests were told in each minute; NaN where nobody knows."""
        return np.array([self._made[name].get(minute, np.nan) for minute in range(first, end)])

    def lost(self, name: str | None, minutes: np.ndarray) -> np.ndarray:
        """bool[n]: minutes in which a sender that the daemon knows, and that has not ended, told nothing at all."""
        out = np.zeros(len(minutes), bool)
        if name is None or self.clock.jumped_within(3 * FORGOTTEN_SECONDS):
            return out
        begin = minutes * 60 - self.clock.start.timestamp()
        for sender in (*self.senders[name], *self._gone[name]):
            if sender.arrived and self.clock.seconds - sender.arrived[-1] < SURE_SECONDS:
                heard = np.array(sender.arrived)
                out |= (np.searchsorted(heard, begin + 60) == np.searchsorted(heard, begin)) & (begin >= heard[0])
        return out

    def too_low(self, name: str, minutes: np.ndarray, peak: np.ndarray) -> np.ndarray:
        """bool[n]: known minutes with less than ran in them, although the daemon knew every sender from before."""
        everyone = [each for each in self.senders[name] if each.arrived and self.clock.seconds - each.arrived[-1] < SURE_SECONDS]
        if len(everyone) < len(self.senders[name]) or self.clock.wrong_by or self.clock.jumped_within(3600):
            return np.zeros(len(minutes), bool)
        since = max(self.disturbed[name], *(sender.arrived[0] for sender in everyone)) + STALE * MINUTE
        ran = np.min([self.truth(name, minutes - back) for back in range(STALE)], axis=0)
        return (peak < ran) & (minutes * 60 - self.clock.start.timestamp() > since)

    # -- what happens --

    async def play(self, nudges: Nudges) -> None:
        """Reports arrive, until the daemon is gone."""
        while True:
            due = min([sender.at for sender in self._living()] + [at for at, _, _ in self._late])
            await self.clock.sleep(max(0.0, due - self.clock.seconds))
            self._restart()
            now = self.clock.seconds
            late, self._late = [each for each in self._late if each[0] <= now], [each for each in self._late if each[0] > now]
            for _, sender, report in late:
                self._arrive(sender, report, nudges)
            for sender in list(self._living()):
                if sender.at <= now:
                    sender.at = max(sender.at, now - 2 * sender.period) + sender.period
                    self._tell(sender, nudges)

    def _tell(self, sender: SimSender, nudges: Nudges) -> None:
        """A sender reports what it has in flight: to nobody, late, twice, or wrongly."""
        active, row = self.active, minute_of(self.clock.truth()) - self.base
        work = int(self.traffic[sender.pool][min(row, len(self.traffic[sender.pool]) - 1)])
        share, rest = divmod(work, len(self.senders[sender.pool]))
        level = share + (sender.place < rest)
        sender.moved_to(level, self._dice.randint(0, 2) if level else 0)
        report = sender.report()
        if self._cut_off(sender):
            if self._dice.random() < 0.5:
                sender.take_back(report)
            return
        if "partial" in active and self._dice.random() * active["partial"] < 1:
            return
        if "absurd" in active and sender.place == 0:
            report = self._lie(sender, report)
        if "gaps" in active and sender.deltas and sender.sequence % int(active["gaps"]) == 0:
            return
        delay = self._dice.uniform(0, active.get("slow", active.get("late", 0.0)))
        if "reordered" in active and sender.sequence % 2:
            delay += sender.period * 1.5
        if delay:
            self._late.append((self.clock.seconds + delay, sender, report))
        else:
            self._arrive(sender, report, nudges)
        if "repeated" in active:
            self._late += [(self.clock.seconds + after, sender, report) for after in (0.5, 20.0)]

    def _lie(self, sender: SimSender, report: Report) -> Report:
        lie = LIES[int(self.active["absurd"])]
        self._made[sender.pool][minute_of(self.clock.now())] = np.inf
        if lie == "nothing":
            self.disturbed[sender.pool] = self.clock.seconds
            return replace(report, in_flight=0, ended=0)
        if lie == "in_flight":
            return replace(report, in_flight=HUGE, ended=0)
        return replace(report, **{lie: HUGE})

    def _arrive(self, sender: SimSender, report: Report, nudges: Nudges) -> None:
        made, minute = self._made[sender.pool], minute_of(self.clock.now())
        made[minute] = made.get(minute, 0.0) + (report.started or 0)
        try:
            receipt = self.push.accept(sender.pool, report)
        except TooMany:
            return
        if receipt.applied:
            if sender.arrived and self.clock.seconds - sender.arrived[-1] > SURE_SECONDS:
                self.disturbed[sender.pool] = self.clock.seconds
            sender.arrived.append(self.clock.seconds)
        if receipt.rose:
            nudges.rose(sender.pool)

    def _cut_off(self, sender: SimSender) -> bool:
        """Whether no report of a sender arrives."""
        at, minute = self.number[sender.pool], np.array([minute_of(self.clock.truth())])
        alone = "silent" in self.active and at % 2 and sender.place == 0
        return bool(alone or "broken" in self.active or any(outage.hides(at, minute, 0)[0] for outage in self.outages))

    def _restart(self) -> None:
        """A process of each pool is killed, and another one takes its place."""
        kind = self.active.get("restarts")
        if kind is None or kind == self._restarted:
            self._restarted = kind
            return
        self._restarted = kind
        for pool, senders in self.senders.items():
            dead = senders[0]
            self.disturbed[pool] = self.clock.seconds
            senders[0] = self._sender(pool, 0, dead.name if kind >= 0.5 else "")
            if kind >= 0.5:
                senders[0].arrived = dead.arrived
            else:
                self._gone[pool].append(dead)

    def _sender(self, pool: str, place: int, name: str = "") -> SimSender:
        dice = self._dice
        name = name or f"{pool}-{place}-{dice.randrange(10**6)}"
        return SimSender(pool, name, place, dice.choice(PERIODS), dice.random() < 0.4, self.clock.seconds + dice.uniform(0, 10))

    def _living(self) -> Iterator[SimSender]:
        return (sender for senders in self.senders.values() for sender in senders)

    def _all(self) -> Iterator[SimSender]:
        return (sender for each in (self.senders, self._gone) for senders in each.values() for sender in senders)


class PushedSimulation(Simulation):
    """The world of a scenario in which the pools of the first region are pushed."""

    def groups(self, pools):
        found = super().groups(pools)
        for source, _ in found:
            if isinstance(source, PushSource):
                source.reborn()
        return found

    def is_late(self, source) -> bool:
        """A report may have a pool planned again at any instant."""
        return isinstance(source, PushSource) or super().is_late(source)

    def company(self, fleet: Fleet) -> list[asyncio.Task[None]]:
        nudges = Nudges(fleet, self.clock, lambda: None)
        return [asyncio.ensure_future(source.play(nudges)) for source in self.sources if isinstance(source, PushSource)]

    def judge(self, fleet: Fleet) -> None:
        for region in fleet.regions:
            source, day = region.collector.source, region.collector.day
            if not isinstance(source, PushSource):
                continue
            for name, row in region.collector.row.items():
                end = int(day.newest[row]) + 1
                minutes, peak = np.arange(end - RECENT, end), day.window(row, end - RECENT, end).peak
                low = np.flatnonzero(source.too_low(name, minutes, peak))
                if len(low):
                    ran = source.truth(name, minutes[low[:1]])[0]
                    self.witness.breach("a known minute has what ran in it", f"{peak[low[0]]:g} in a minute with {ran:g}", name)

    def _source(self, number: int):
        made = super()._source(number)
        return made if number else PushSource(self.scenario.seed, made.traffic, self.clock, self._faults_of(number))


def simulate_pushed(seed: int) -> Outcome:
    """A seed whose first region is pushed."""
    return simulate(scenario_of(seed), PushedSimulation)

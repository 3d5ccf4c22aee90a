"""Faults come and go: each at an instant of its minute, whoever lives then."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from controller.overrides.active_overrides import ActiveOverrides
from controller.store.sqlite_file import StoreInUse
from controller.store.state_store import Store, StoreError
from tests.simulation.damage import damage
from tests.simulation.demand import SimSource
from tests.simulation.invariants import Witness
from tests.simulation.orders import KINDS
from tests.simulation.provider import Resource
from tests.simulation.scenario import Fault, Scenario
from tests.simulation.virtual import VirtualClock, VirtualLoop

MINUTE = 60.0
WITHIN = (0.0, 0.0, 0.0, 0.02, 0.1, 0.3, 0.7, 2.0, 6.0)
"""Seconds after a minute's beginning, and so after a tick's."""


class Troubles:
    """What goes wrong in a scenario, laid upon the world."""

    def __init__(self, scenario: Scenario, clock: VirtualClock, resources: Mapping[str, Resource], sources: Sequence[SimSource],
                 witness: Witness, store: Path) -> None:
        self.scenario, self.clock, self.resources, self.sources = scenario, clock, resources, sources
        self.witness, self.store = witness, store
        self.loop: VirtualLoop | None = None
        self.active_overrides: ActiveOverrides | None = None
        self.stopping = self.damaging = False
        """Whether the daemon is to end in order, and whether its store is spoilt before the next one begins."""
        self._begin: dict[int, list[Fault]] = {}
        self._end: dict[int, list[Fault]] = {}
        self._late: list[tuple[float, Fault]] = []
        self._given: set[asyncio.Task[None]] = set()
        for fault in scenario.faults:
            self._begin.setdefault(fault.at, []).append(fault)
            self._end.setdefault(fault.at + fault.lasts, []).append(fault)

    def turn(self, minute: int) -> None:
        """A minute begins: faults end and begin, and once calm begins the wall clock is right again. Minutes in which no daemon
        came up are made good.
        """
        if minute >= self.scenario.minutes and self.clock.wrong_by:
            self.clock.jump(-self.clock.wrong_by)
        self._strike(after_all=True)
        for due in sorted(each for each in self._end.keys() | self._begin.keys() if each <= minute):
            for fault in self._end.pop(due, ()):
                self._apply(fault, begins=False)
            for fault in self._begin.pop(due, ()):
                self._start(fault)

    def _start(self, fault: Fault) -> None:
        """At once, or some instants later."""
        after = random.Random(f"instant {fault}").choice(WITHIN)  # noqa: S311
        if after and fault.lasts > 1 and fault.where != "daemon":
            self._late.append((self.clock.seconds + after, fault))
            if self.loop is not None:
                self.loop.call_later(after, self._strike)
        else:
            self._apply(fault, begins=True)

    def between_lives(self) -> None:
        """Nobody has the store open."""
        self.loop = self.active_overrides = None
        self._given.clear()
        if self.damaging:
            self.damaging = False
            self.witness.trail.append(damage(self.store, random.Random(f"damage {self.scenario.seed} {self.clock.seconds}")))  # noqa: S311
            self.witness.damaged(self.resources.values())

    def _strike(self, after_all: bool = False) -> None:
        """What was to begin by now begins."""
        due = [fault for at, fault in self._late if after_all or at <= self.clock.seconds]
        self._late = [] if after_all else [(at, fault) for at, fault in self._late if at > self.clock.seconds]
        for fault in due:
            self._apply(fault, begins=True)

    def _apply(self, fault: Fault, begins: bool) -> None:
        if fault.where == "daemon":
            self._apply_to_daemon(fault, begins)
        elif fault.where.startswith("source"):
            active = self.sources[int(fault.where.rpartition("-")[2])].active
            active.update({fault.kind: fault.amount}) if begins else active.pop(fault.kind, None)
        elif fault.kind in KINDS:
            if begins and self.active_overrides is not None and self.loop is not None:
                task = self.loop.create_task(self.witness.orders.give(fault, self.active_overrides))
                self._given.add(task)
                task.add_done_callback(self._given.discard)
        elif begins:
            resource = self.resources[fault.where]
            resource.begin(fault.kind, fault.amount)
            if fault.kind in ("slow", "hang"):
                resource.slow_until = self.clock.seconds + (fault.lasts + 5) * MINUTE
        else:
            self.resources[fault.where].end(fault.kind)

    def _apply_to_daemon(self, fault: Fault, begins: bool) -> None:
        if fault.kind == "disk-full":
            self.witness.disk_full = begins
        elif fault.kind == "astray":  # and put right again
            self.clock.jump(fault.amount if begins else -fault.amount)
        elif not begins:
            return
        elif fault.kind == "jump":
            self.clock.jump(fault.amount)
        elif fault.kind == "second":
            self._second_daemon()
        elif fault.kind == "stop" or (fault.kind == "damage" and fault.amount > 0.5):
            self.stopping, self.damaging = True, fault.kind == "damage"
        elif self.loop is not None:
            self.loop.kill_in, self.damaging = int(fault.amount), fault.kind == "damage"

    def _second_daemon(self) -> None:
        """Somebody starts another one over the same store."""
        try:
            Store(self.store).close()
        except StoreInUse:
            return
        except StoreError:
            pass
        if self.loop is not None:
            self.witness.breach("one store has one owner", "another daemon was let in")

"""The limits of a whole fleet at work: what its pools want now, what money leaves to each, and whose turn a tick is. Pure.

Pools ask one by one or many at a time, whenever they have been planned, and no region waits for another: what others want is
known from when they were last planned. Pools in shadow are planned as if all were active, and take nothing from those that are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.model.limits import Limits
from controller.decision.costs.cost_model import usd_per_minute_left
from controller.decision.planning.allocation import AllocationInputs, ChangeBudget, ChangeRequest, allowed, within_tick_limits
from controller.decision.planning.observation import Bound, DataFreshness
from controller.decision.planning.overrides import Kind, active
from controller.decision.planning.plan import Action, Plan, PlannedDecision
from controller.decision.planning.planner import bounds_now
from controller.decision.planning.pool_state import PoolState
from controller.decision.planning.reasons import ReasonCode
from controller.decision.planning.state_transitions import READ_AFTER_WRITE

FLOATS = NDArray[np.float64]
HOUR = 60
UNSURE = 2 * READ_AFTER_WRITE
"""So long after a write a reading may still show what was before: it may be late, and is planned from until the next."""

COUNTED = {"pools_per_tick": "pools", "units_per_tick": "units"}


@dataclass(frozen=True, slots=True)
class Money:
    """The money of one set of pools in an hour: what limits it (a key of the policy), how much it is, and what is wanted."""

    key: str
    limit: float
    wanted: float
    allowed: NDArray[np.int64]
    rank: NDArray[np.int64]

    def text(self, row: int, value: float, units: int) -> str:
        saves = "what a dollar saves here is not known yet" if np.isnan(value) else f"a dollar saves {value:.2f} here"
        return (f"{self.key} allows {self.limit:.2f} USD per hour and the fleet would use {self.wanted:.2f}: {saves}, rank "
                f"{self.rank[row] + 1} of {len(self.rank)}: at most {units}")


class FleetLimits:
    """One fleet. `region_of`: by pool, a key of what shares a provider's write budget."""

    def __init__(self, limits: Limits, region_of: Mapping[str, int]) -> None:
        self.limits, self._region_of = limits, region_of
        self._row = {name: at for at, name in enumerate(region_of)}
        self._want, self._shown, self._held, self._floor = (np.zeros(len(self._row), np.int64) for _ in range(4))
        self._price, self._spent = np.zeros(len(self._row)), np.zeros(len(self._row))
        self._value = np.full(len(self._row), np.nan)
        self._active = np.zeros(len(self._row), bool)
        self._writes: dict[int, int] = {}
        self._waiting: dict[str, tuple[int, ChangeRequest]] = {}
        self._granted: dict[str, int] = {}
        self._tick = 0
        self._ledgers = self._full()

    def begin(self) -> None:
        """A tick starts: all may be changed anew."""
        self._tick += 1
        self._ledgers = self._full()
        self._granted = {}
        self._waiting = {name: each for name, each in self._waiting.items() if each[0] >= self._tick - 1}

    def open_region(self, region: int, writes: int) -> None:
        """So many writes may begin in a region in this tick."""
        self._writes[region] = writes

    def expect(self, name: str, *, active: bool, units: int, price: float) -> None:
        """What is taken to stand of a pool until it is planned: what Stoker asked for last, at USD per unit-minute."""
        row = self._row[name]
        self._want[row] = self._shown[row] = self._held[row] = self._floor[row] = units
        self._price[row], self._active[row] = price * HOUR, active

    def note_worth(self, pools: Sequence[str], value: FLOATS) -> None:
        """What a dollar of standing by saves in each pool, NaN where unknown."""
        self._value[[self._row[name] for name in pools]] = value

    def note_spent(self, pools: Sequence[str], usd: FLOATS) -> None:
        """What the warm capacity of each pool has cost since the first of the month."""
        self._spent[[self._row[name] for name in pools]] = usd

    def admit(self, made: Sequence[PlannedDecision], now: datetime) -> dict[str, tuple[Bound, ...]]:
        """What is left to each of the pools that were planned, where that is less than planned; they are then planned again
        within it. What a pool may change is taken out of the tick here.
        """
        wants: dict[str, int] = {each.policy.name: each.plan.target for each in made if each.plan.target is not None}
        bounds: dict[str, tuple[Bound, ...]] = {}
        if self.limits.in_usd:
            for each in made:
                self._note(each)
            for name, bound in self._lowered(made, now):
                bounds[name], wants[name] = (bound,), bound.high
        asking = {each.policy.name: self._turn(each, wants[each.policy.name]) for each in made
                  if each.plan.requested is not None and each.plan.action is not Action.HOLD
                  and (each.plan.action is Action.WRITE or wants[each.policy.name] != each.plan.requested)}
        plans = {each.policy.name: each.plan for each in made}
        modes = {each.policy.name: each.policy.mode == "active" for each in made}
        for name, bound in self._turns(asking, plans, modes, now):
            bounds[name] = (*bounds.get(name, ()), bound)
        return bounds

    def report(self, now: datetime) -> dict[str, Any]:
        """Each limit with what is used of it, of the pools that are active, or of all while none is; and who waits."""
        limits, ledger = self.limits, self._ledgers[bool(self._active.any())]
        body: dict[str, Any] = {}
        for key, name in COUNTED.items():
            if (limit := getattr(limits, key)) is not None:
                body[key] = {"limit": limit, "used": limit - getattr(ledger, name)}
        if limits.in_usd:
            rows = self._rows(bool(self._active.any()))
            money = self._money(rows, now)
            held = float((self._held * self._price)[rows].sum())
            if limits.usd_per_hour is not None:
                body["usd_per_hour"] = {"limit": limits.usd_per_hour, "used": round(held, 6)}
            if limits.usd_per_month is not None:
                body["usd_per_month"] = {"limit": limits.usd_per_month, "used": round(float(self._spent[rows].sum()), 6)}
            body |= {"usd_per_hour_wanted": round(money.wanted, 6), "usd_per_hour_left": round(money.limit, 6),
                     "pools_lowered": int((money.allowed < self._want[rows]).sum())}
        return body | {"pools_waiting": sum(tick == self._tick for tick, _ in self._waiting.values())}

    def _full(self) -> dict[bool, ChangeBudget]:
        return {mode: ChangeBudget(self.limits.pools_per_tick, self.limits.units_per_tick) for mode in (True, False)}

    def _note(self, each: PlannedDecision) -> None:
        """Take in what a pool wants; what must not be lowered now for want of money is kept like a floor."""
        row, plan, seen, demand = self._row[each.policy.name], each.plan, each.seen, each.seen.demand
        held = plan.requested if plan.requested is not None else each.state.written or 0
        want = held if plan.target is None else plan.target
        floor, _, _ = bounds_now(each.policy, seen.now)
        pin, boost = (active(seen.overrides, kind, seen.now) for kind in (Kind.PIN, Kind.BOOST))
        floor = max(floor, 0 if pin is None or pin.units is None else pin.units)
        if boost is not None:
            floor = max(floor, want)
        is_fresh = demand.freshness is DataFreshness.FRESH and demand.settled and not demand.unknown_minutes
        if plan.action is Action.HOLD or not is_fresh:
            floor = max(floor, held)
        self._want[row], self._floor[row] = want, min(floor, want)
        self._shown[row], self._held[row] = held, max(held, _on_the_way(each.state, seen.now))
        self._price[row], self._active[row] = seen.capacity.usd_per_unit_minute * HOUR, each.policy.mode == "active"

    def _rows(self, only_active: bool) -> NDArray[np.intp]:
        return np.flatnonzero(self._active) if only_active else np.arange(len(self._active))

    def _money(self, rows: NDArray[np.intp], now: datetime) -> Money:
        want, shown, held, floor = (each[rows] for each in (self._want, self._shown, self._held, self._floor))
        stakes = AllocationInputs(want, shown, held, floor, self._price[rows], self._value[rows])
        hour, month = self.limits.usd_per_hour, self.limits.usd_per_month
        key, limit = ("usd_per_hour", hour) if hour is not None else ("usd_per_month", np.inf)
        if month is not None:
            left = HOUR * usd_per_minute_left(month, float(self._spent[rows].sum()), now)
            key, limit = min((limit, key), (left, "usd_per_month"))[::-1]
        rank = np.empty(len(rows), np.int64)
        rank[stakes.order] = np.arange(len(rows))
        return Money(key, float(limit), float((stakes.want * stakes.price).sum()), allowed(stakes, float(limit)), rank)

    def _lowered(self, made: Sequence[PlannedDecision], now: datetime) -> list[tuple[str, Bound]]:
        """The pools that money leaves less than they want."""
        found = []
        for mode in (True, False):
            names = [each.policy.name for each in made if (each.policy.mode == "active") is mode and each.plan.target is not None]
            if not names:
                continue
            rows = self._rows(mode)
            money, place = self._money(rows, now), {int(row): at for at, row in enumerate(rows)}
            for name in names:
                at, row = place[self._row[name]], self._row[name]
                units = int(money.allowed[at])
                if units < self._want[row]:
                    found.append((name, Bound(ReasonCode.FLEET_BUDGET, money.text(at, float(self._value[row]), units), 0, units)))
        return found

    def _turn(self, each: PlannedDecision, want: int) -> ChangeRequest:
        name = each.policy.name
        tick, before = self._waiting.get(name, (0, None))
        since = each.seen.now if before is None or tick < self._tick - 1 else before.since
        return ChangeRequest(name, want - (each.plan.requested or 0), since)

    def _turns(self, asking: Mapping[str, ChangeRequest], plans: Mapping[str, Plan], modes: Mapping[str, bool],
               now: datetime) -> list[tuple[str, Bound]]:
        """Give out the tick's changes to those who ask; who waited in the last tick and has not asked yet keeps a place."""
        for name in asking:
            self._take_back(name, modes[name])
        expected = [turn for name, (tick, turn) in self._waiting.items() if tick == self._tick - 1 and name not in asking]
        free = {mode: ledger.copy() for mode, ledger in self._ledgers.items()}
        found = []
        for turn in within_tick_limits([*asking.values(), *expected], now):
            mode = modes.get(turn.pool, bool(self._active[self._row[turn.pool]]))
            if turn.pool not in asking:
                free[mode].take(turn.change)
            elif (bound := self._give(turn, plans[turn.pool], free[mode], self._ledgers[mode])) is not None:
                found.append((turn.pool, bound))
        return found

    def _give(self, turn: ChangeRequest, plan: Plan, free: ChangeBudget, ledger: ChangeBudget) -> Bound | None:
        """Grant a turn as far as it goes; what it leaves undone, as a bound."""
        name, region, requested = turn.pool, self._region_of[turn.pool], plan.requested or 0
        wanted = requested + turn.change
        if self._writes.get(region) == 0:
            self._waiting[name] = self._tick, turn
            text = f"{wanted} must wait: the writes that a tick may ask of the provider are used up"
            return Bound(ReasonCode.WRITE_TURN, text, requested, requested)
        units = free.take(turn.change)
        if units is None:
            self._waiting[name] = self._tick, turn
            return Bound(ReasonCode.FLEET_CHANGES, f"{wanted} must wait: {self._words()} are used up", requested, requested)
        ledger.take(units)
        self._waiting.pop(name, None)
        self._granted[name] = units
        row = self._row[name]
        self._held[row] = max(self._held[row], requested + units)  # a raise under way takes its room at once
        if region in self._writes:
            self._writes[region] -= 1
        if units == turn.change:
            return None
        low, high = sorted((requested, requested + units))
        text = f"only {abs(units)} of {abs(turn.change)} units in this tick: {self._words()} leave no more"
        return Bound(ReasonCode.FLEET_CHANGES, text, low, high)

    def _take_back(self, name: str, mode: bool) -> None:
        """A pool that asks again in the same tick, with another plan perhaps, begins anew."""
        if name in self._granted:
            self._ledgers[mode].give_back(self._granted.pop(name))
            if self._region_of[name] in self._writes:
                self._writes[self._region_of[name]] += 1

    def _words(self) -> str:
        given = [f"{key} {getattr(self.limits, key)}" for key in COUNTED if getattr(self.limits, key) is not None]
        return " and ".join(given)


def _on_the_way(state: PoolState, now: datetime) -> int:
    """What of ours may stand although a reading shows less: an answer that never came, or a write that is not shown yet."""
    units = [state.intent or 0, *(units for at, units in state.unconfirmed_writes if now - at < UNSURE)]
    if state.written_at is not None and timedelta(0) <= now - state.written_at < UNSURE:
        units.append(state.written or 0)
    return max(units)

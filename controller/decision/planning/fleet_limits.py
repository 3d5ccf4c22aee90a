"""Limits of a whole fleet: what the pools request, what the money limits leave to each, and the changes of a tick. Pure.

Pools are admitted one by one or many at a time, whenever they have been planned, and no group of pools waits for another: the
demand of the others is known from their last plan. Pools in shadow are planned as if all were active, and take nothing from
active ones.
"""

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.model.limits import Limits
from controller.decision.costs.cost_model import usd_per_minute_left
from controller.decision.planning.allocation import AllocationInputs, ChangeBudget, ChangeRequest, allowed, within_tick_limits
from controller.decision.planning.observation import Bound, DataFreshness
from controller.decision.planning.overrides_in_force import Kind, active
from controller.decision.planning.plan import Action, Plan, PlannedDecision
from controller.decision.planning.planner import bounds_now
from controller.decision.planning.pool_state.foreign_writes import READ_AFTER_WRITE
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import ReasonCode

FLOATS = NDArray[np.float64]
HOUR = 60
UNSURE = 2 * READ_AFTER_WRITE
"""Time after a write in which a reading may show the value before it: it may lag, and plans use it until the next reading."""

STARTING: Mapping[str, float] = {"_want": 0, "_shown": 0, "_held": 0, "_floor": 0, "_price": 0.0, "_spent": 0.0, "_pings": 0.0,
                                 "_value": np.nan, "_active": False}
"""Initial values of what is known of each pool."""

COUNTED = {"pools_per_tick": "pools", "units_per_tick": "units"}


@dataclass(frozen=True, slots=True)
class Money:
    """Money of a set of pools in one hour: the key of the policy that limits it, the limit and the planned cost in USD. `allowed`
    and `rank` have one row for each pool.
    """

    key: str
    limit: float
    wanted: float
    allowed: NDArray[np.int64]
    rank: NDArray[np.int64]

    def text(self, row: int, value: float, units: int) -> str:
        """Return the reason for a pool that may request at most `units`. `value`: savings per USD, NaN where unknown."""
        saves = "what a dollar saves here is not known yet" if np.isnan(value) else f"a dollar saves {value:.2f} here"
        return (f"{self.key} allows {self.limit:.2f} USD per hour and the fleet would use {self.wanted:.2f}, {saves}, rank "
                f"{self.rank[row] + 1} of {len(self.rank)}, which leaves at most {units} units")


class FleetLimits:
    """Limits of one fleet. `region_of`: for each pool, the key of the group that shares a provider's write budget."""

    def __init__(self, limits: Limits, region_of: Mapping[str, int]) -> None:
        self.limits, self._region_of = limits, region_of
        self._row: dict[str, int] = {}
        self._want, self._shown, self._held, self._floor = (np.zeros(0, np.int64) for _ in range(4))
        self._price, self._spent, self._pings, self._value = (np.zeros(0) for _ in range(4))
        self._active = np.zeros(0, bool)
        self._writes: dict[int, int] = {}
        """Writes that a tick may still start, by group."""
        self._writes_allowed: dict[int, int] = {}
        self._waiting: dict[str, tuple[int, ChangeRequest]] = {}
        """Requests that were not granted in full, with the number of their tick."""
        self._granted: dict[str, tuple[int, int]] = {}
        """Units granted in this tick to pools, and the units that they had requested before."""
        self._changed = set[str]()
        """Pools that a grant of this tick has changed: their step between two ticks is another change of the same pool."""
        self._tick = 0
        self._budgets = self._full_budgets()
        self.arrange(limits, region_of, ())

    def arrange(self, limits: Limits, region_of: Mapping[str, int], kept: Collection[str]) -> None:
        """Set limits and pools. What is known of the `kept` pools stays, and what this tick has granted if the limits do."""
        before, self._row = [self._row[name] for name in kept], {name: at for at, name in enumerate(region_of)}
        after, size = [self._row[name] for name in kept], len(region_of)
        for name, initial in STARTING.items():
            known, rows = getattr(self, name), np.full(size, initial)
            rows[after] = known[before]
            setattr(self, name, rows)
        self._waiting = {name: self._waiting[name] for name in kept if name in self._waiting}
        self._granted = {name: self._granted[name] for name in kept if name in self._granted}
        self._changed &= set(kept)
        if limits != self.limits:
            self.limits, self._budgets = limits, self._full_budgets()
        self._region_of = region_of

    def begin(self) -> None:
        """Start a tick with full budgets of changes."""
        self._tick += 1
        self._budgets = self._full_budgets()
        self._granted, self._changed = {}, set()
        self._waiting = {name: each for name, each in self._waiting.items() if each[0] >= self._tick - 1}

    def open_region(self, region: int, writes: int) -> None:
        """Allow a number of writes in a group in this tick."""
        self._writes[region] = self._writes_allowed[region] = writes

    def expect(self, name: str, *, active: bool, units: int, price: float) -> None:
        """Set the capacity of a pool until its first plan: the units that Stoker last requested, at USD per unit-minute."""
        row = self._row[name]
        self._want[row] = self._shown[row] = self._held[row] = self._floor[row] = units
        self._price[row], self._active[row] = price * HOUR, active

    def note_worth(self, pools: Sequence[str], value: FLOATS) -> None:
        """Set the savings per USD of warm capacity of each pool, NaN where unknown."""
        self._value[[self._row[name] for name in pools]] = value

    def note_spent(self, pools: Sequence[str], usd: FLOATS) -> None:
        """Set the cost of warm capacity of each pool since the first of the month."""
        self._spent[[self._row[name] for name in pools]] = usd

    def note_pings(self, pools: Sequence[str], usd_per_hour: FLOATS) -> None:
        """Set the cost of the pings of each pool's upper layer. The limits do not lower them; they leave less to the bases."""
        self._pings[[self._row[name] for name in pools]] = usd_per_hour

    def admit(self, decisions: Sequence[PlannedDecision], now: datetime) -> dict[str, tuple[Bound, ...]]:
        """Return the bounds of the pools whose plans exceed a limit; they are then planned again within them. What a pool may
        change is taken from the budget of the tick.
        """
        wants: dict[str, int] = {each.policy.name: each.plan.target for each in decisions if each.plan.target is not None}
        bounds: dict[str, tuple[Bound, ...]] = {}
        if self.limits.in_usd:
            for each in decisions:
                self._note(each)
            for name, bound in self._money_bounds(decisions, now):
                bounds[name], wants[name] = (bound,), bound.high
        requests = {each.policy.name: self._request(each, wants[each.policy.name]) for each in decisions
                    if each.plan.requested is not None and each.plan.action is not Action.HOLD
                    and (each.plan.action is Action.WRITE or wants[each.policy.name] != each.plan.requested)}
        plans = {each.policy.name: each.plan for each in decisions}
        modes = {each.policy.name: each.policy.mode == "active" for each in decisions}
        for name, bound in self._change_bounds(requests, plans, modes, now):
            bounds[name] = (*bounds.get(name, ()), bound)
        return bounds

    def preview(self, decision: PlannedDecision, now: datetime) -> tuple[Bound, ...]:
        """Return the bounds that `admit` would put on a decision, without admitting it."""
        constant = {id(each): each for each in (self.limits, self._region_of, self._row)}
        return deepcopy(self, constant).admit([decision], now).get(decision.policy.name, ())

    def report(self, now: datetime) -> dict[str, Any]:
        """Return each limit with its use by active pools, or by all while none is active, and the number of waiting pools."""
        limits, budget = self.limits, self._budgets[bool(self._active.any())]
        body: dict[str, Any] = {}
        for key, name in COUNTED.items():
            if (limit := getattr(limits, key)) is not None:
                body[key] = {"limit": limit, "used": limit - getattr(budget, name)}
        if limits.in_usd:
            rows = self._rows(bool(self._active.any()))
            money = self._money(rows, now)
            held = float((self._held * self._price + self._pings)[rows].sum())
            if limits.usd_per_hour is not None:
                body["usd_per_hour"] = {"limit": limits.usd_per_hour, "used": round(held, 6)}
            if limits.usd_per_month is not None:
                body["usd_per_month"] = {"limit": limits.usd_per_month, "used": round(float(self._spent[rows].sum()), 6)}
            body |= {"usd_per_hour_wanted": round(money.wanted, 6), "usd_per_hour_left": round(money.limit, 6),
                     "pools_lowered": int((money.allowed < self._want[rows]).sum())}
        return body | {"pools_waiting": sum(tick == self._tick for tick, _ in self._waiting.values())}

    def _full_budgets(self) -> dict[bool, ChangeBudget]:
        """Return the budgets of a tick, of active pools and of pools in shadow."""
        return {mode: ChangeBudget(self.limits.pools_per_tick, self.limits.units_per_tick) for mode in (True, False)}

    def _note(self, each: PlannedDecision) -> None:
        """Take over the units that a pool's plan requires. Units that must not be lowered for money count as its floor."""
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
        pools = AllocationInputs(want, shown, held, floor, self._price[rows], self._value[rows])
        hour, month = self.limits.usd_per_hour, self.limits.usd_per_month
        key, limit = ("usd_per_hour", hour) if hour is not None else ("usd_per_month", np.inf)
        if month is not None:
            left = HOUR * usd_per_minute_left(month, float(self._spent[rows].sum()), now)
            key, limit = min((limit, key), (left, "usd_per_month"))[::-1]
        rank = np.empty(len(rows), np.int64)
        rank[pools.order] = np.arange(len(rows))
        pings = float(self._pings[rows].sum())
        wanted = float((pools.want * pools.price).sum()) + pings
        return Money(key, float(limit), wanted, allowed(pools, float(limit) - pings), rank)

    def _money_bounds(self, decisions: Sequence[PlannedDecision], now: datetime) -> list[tuple[str, Bound]]:
        """Return the bounds of pools whose target costs more than the money limits leave to them."""
        bounds = []
        for mode in (True, False):
            names = [each.policy.name for each in decisions
                     if (each.policy.mode == "active") is mode and each.plan.target is not None]
            if not names:
                continue
            rows = self._rows(mode)
            money, place = self._money(rows, now), {int(row): at for at, row in enumerate(rows)}
            for name in names:
                at, row = place[self._row[name]], self._row[name]
                units = int(money.allowed[at])
                if units < self._want[row]:
                    text = money.text(at, float(self._value[row]), units)
                    bounds.append((name, Bound(ReasonCode.FLEET_BUDGET, text, 0, units)))
        return bounds

    def _request(self, each: PlannedDecision, want: int) -> ChangeRequest:
        name = each.policy.name
        tick, before = self._waiting.get(name, (0, None))
        since = each.seen.now if before is None or tick < self._tick - 1 else before.since
        return ChangeRequest(name, want - (each.plan.requested or 0), since)

    def _change_bounds(self, requests: Mapping[str, ChangeRequest], plans: Mapping[str, Plan], modes: Mapping[str, bool],
                       now: datetime) -> list[tuple[str, Bound]]:
        """Grant changes from the budget of the tick, and return the bounds of pools whose change was not granted in full. Pools
        that waited in the last tick and have no plan in this one yet keep their place.
        """
        for name in requests:
            self._withdraw(name, modes[name], plans[name].requested or 0)
        expected = [request for name, (tick, request) in self._waiting.items() if tick == self._tick - 1 and name not in requests]
        free = {mode: budget.copy() for mode, budget in self._budgets.items()}
        bounds = []
        for request in within_tick_limits([*requests.values(), *expected], now):
            mode = modes.get(request.pool, bool(self._active[self._row[request.pool]]))
            if request.pool not in requests:
                free[mode].take(request.change)
            elif (bound := self._grant(request, plans[request.pool], free[mode], self._budgets[mode])) is not None:
                bounds.append((request.pool, bound))
        return bounds

    def _grant(self, request: ChangeRequest, plan: Plan, free: ChangeBudget, budget: ChangeBudget) -> Bound | None:
        """Grant as much of a request as the budgets allow. Return the bound where that is not all of it."""
        name, region, requested = request.pool, self._region_of[request.pool], plan.requested or 0
        target = requested + request.change
        if self._writes.get(region) == 0:
            self._waiting[name] = self._tick, request
            text = f"{target} must wait, the {self._writes_allowed[region]} writes of this tick are used up"
            return Bound(ReasonCode.WRITE_TURN, text, requested, requested)
        units = free.take(request.change, again=name in self._changed)
        if units is None:
            self._waiting[name] = self._tick, request
            return Bound(ReasonCode.FLEET_CHANGES, f"{target} must wait, {self._limits_text()} are used up", requested, requested)
        budget.take(units, again=name in self._changed)
        self._waiting.pop(name, None)
        self._granted[name] = units, requested
        row = self._row[name]
        self._held[row] = max(self._held[row], requested + units)  # a raise counts as held from its start
        if region in self._writes:
            self._writes[region] -= 1
        if units == request.change:
            return None
        low, high = sorted((requested, requested + units))
        text = f"only {abs(units)} of {abs(request.change)} units in this tick, {self._limits_text()} leave no more"
        return Bound(ReasonCode.FLEET_CHANGES, text, low, high)

    def _withdraw(self, name: str, mode: bool, requested: int) -> None:
        """Return a pool's grant of this tick to the budget, because the pool was planned again before it was changed. A pool that
        has changed since then has used its grant.
        """
        if name not in self._granted:
            return
        units, before = self._granted.pop(name)
        if requested != before:
            self._changed.add(name)
            return
        self._budgets[mode].give_back(units, again=name in self._changed)
        if self._region_of[name] in self._writes:
            self._writes[self._region_of[name]] += 1

    def _limits_text(self) -> str:
        limits = [f"{key} {getattr(self.limits, key)}" for key in COUNTED if getattr(self.limits, key) is not None]
        return " and ".join(limits)


def _on_the_way(state: PoolState, now: datetime) -> int:
    """Return the most units that may be requested although a reading shows fewer: unknown outcomes, and a write not shown yet."""
    units = [state.intent or 0, *(units for at, units in state.unconfirmed_writes if now - at < UNSURE)]
    if state.written_at is not None and timedelta(0) <= now - state.written_at < UNSURE:
        units.append(state.written or 0)
    return max(units)

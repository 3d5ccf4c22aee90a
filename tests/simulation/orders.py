"""What operators order at random, and whether it is obeyed: from the moment on when it was acknowledged, until it ends."""

from collections.abc import Callable
from datetime import datetime, timedelta

from controller.decision.planning.overrides_in_force import Kind, Override
from controller.decision.planning.plan import Plan
from controller.decision.planning.reason_codes import ReasonCode
from controller.overrides.active_overrides import ActiveOverrides
from controller.store.state_store import StoreError
from tests.simulation.scenario import Fault
from tests.simulation.virtual import VirtualClock

Breach = Callable[[str, str, str], None]
CODES = {ReasonCode.PAUSED: Kind.PAUSE, ReasonCode.PINNED: Kind.PIN, ReasonCode.BOOSTED: Kind.BOOST}
KINDS = frozenset(kind.value for kind in Kind) | {"clear"}


class OrderBook:
    """What was acknowledged. It outlives daemons, as an operator's own notes do."""

    def __init__(self, clock: VirtualClock, breach: Breach) -> None:
        self.clock, self._breach = clock, breach
        self._held: dict[str, dict[Kind, tuple[Override, float]]] = {}
        self._unsure: set[str] = set()
        """Pools of which an order was sent whose answer nobody saw: it may count or not."""

    async def give(self, fault: Fault, steering: ActiveOverrides) -> None:
        """Order what `fault` says, as the HTTP interface does."""
        pool, held = fault.where, self._held.setdefault(fault.where, {})
        was_sure = pool not in self._unsure
        self._unsure.add(pool)
        try:
            if fault.kind == "clear":
                await steering.clear(pool, Kind, self.clock.now())
                held.clear()
                was_sure = True
            else:
                override = self._override(fault)
                await steering.add(pool, override)
                held[override.kind] = override, self.clock.seconds
        except StoreError:  # told to the operator: it does not count
            pass
        if was_sure:
            self._unsure.discard(pool)

    def lost(self) -> None:
        """The store is damaged: nothing that was ordered need be known any more."""
        self._unsure |= self._held.keys()

    def expire(self, sure: bool) -> None:
        """The daemon looks for what has ended by its clock, and forgets it for good if its store takes that."""
        now = self.clock.now()
        for pool, held in self._held.items():
            if over := [kind for kind, (order, _) in held.items() if order.until <= now]:
                for kind in over:
                    del held[kind]
                if not sure:
                    self._unsure.add(pool)

    def wrote(self, pool: str, target: int, allowed: set[int]) -> None:
        """A write is sent. `allowed`: what a pin may become within floor and ceiling, by what number is pinned."""
        if self.in_force(pool, Kind.PAUSE) is not None:
            self._breach("an order is obeyed", f"{target} was sent while the pool is paused", pool)
        elif (pin := self.in_force(pool, Kind.PIN)) is not None and target not in allowed:
            self._breach("an order is obeyed", f"{target} was sent while {pin.units} is pinned", pool)

    def planned(self, plan: Plan, tick_began: float) -> None:
        """A plan was made in the tick that began at that second: under no order that has ended, and under a boost that holds."""
        codes = {reason.code: reason for reason in plan.reasons}
        held = self._held.get(plan.pool, {})
        if plan.pool in self._unsure:
            return
        for code, kind in CODES.items():
            if code in codes and (kind not in held or held[kind][0].until <= plan.at):
                self._breach("an order ends", f"{codes[code].text}", plan.pool)
        boost, proposed = held.get(Kind.BOOST), codes.get(ReasonCode.PROPOSED)
        if boost is None or proposed is None or boost[1] >= tick_began or boost[0].until <= plan.at:
            return
        if ReasonCode.BOOSTED not in codes and boost[0].boosted(proposed.after or 0) != proposed.after:
            self._breach("an order is obeyed", f"{boost[0].order} is not in: {plan.text}", plan.pool)

    def may_hold(self, pool: str, kind: Kind) -> bool:
        """Whether an order may hold that nobody is sure of."""
        order, _ = self._held.get(pool, {}).get(kind, (None, 0.0))
        return pool in self._unsure or (order is not None and order.until > self.clock.now())

    def may_hold_at(self, pool: str, kind: Kind, at: datetime) -> bool:
        """Whether an order may have held at an instant of now or of just before."""
        order, _ = self._held.get(pool, {}).get(kind, (None, 0.0))
        return pool in self._unsure or (order is not None and order.until > at)

    def in_force(self, pool: str, kind: Kind) -> Override | None:
        """The order of a kind that surely holds by now."""
        order, since = self._held.get(pool, {}).get(kind, (None, 0.0))
        if order is None or pool in self._unsure or order.until <= self.clock.now() or self.clock.seconds - since < 1.0:
            return None
        return order

    def _override(self, fault: Fault) -> Override:
        kind, now, amount = Kind(fault.kind), self.clock.now(), fault.amount
        units = int(amount) if kind is not Kind.PAUSE else None
        factor = None
        if kind is Kind.BOOST and amount < 4:
            units, factor = None, amount + 0.1
        return Override(kind, now + timedelta(minutes=fault.lasts), "somebody", "a test", units, factor, now)

"""Top layers of pools with two levers. Each has a reconciler of its own, which follows the plan of the pool's base."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial

from adapters.ports.lever import Traits
from config.model.layers import base_name
from controller.decision.costs.cost_model import TopTerms, pings_of
from controller.decision.costs.measurements import traits_of_layers
from controller.decision.planning.layers import budget_of_top, ceiling_of_top, view_of_top
from controller.decision.planning.observation import Bound, DemandView
from controller.decision.planning.overrides_in_force import Kind, Override
from controller.decision.planning.plan import Action, Plan, PlannedDecision
from controller.decision.planning.planner import bounds_now
from controller.fleet.reconciler import Reconciler
from controller.fleet.tick import TickBatch, inputs_of
from controller.leadership.leader_term import LeaderTerm

Views = Callable[[str, datetime], DemandView]


class TopLayers:
    """Reconcilers of the top layers, by the name of their pool. `bases`: reconcilers of all pools by name."""

    def __init__(self, tops: Mapping[str, Reconciler], bases: Mapping[str, Reconciler]) -> None:
        self.by_pool, self._bases = dict(tops), bases
        self.by_name = {each.policy.name: each for each in tops.values()}
        """The same by their own name."""
        for pool, top in self.by_pool.items():
            top.pauses_below = partial(pauses, bases[pool])

    def plan(self, pools: Iterable[str], plans: Mapping[str, Plan], view: Views, now: datetime, term: LeaderTerm,
             busy: Iterable[str], batch: TickBatch) -> list[tuple[str, DemandView, bool]]:
        """Plan the tops of `pools` after their bases, and add those that need no call to `batch`.

        `plans`: the plans so far by name; those of `batch` are newer. `busy`: layers whose step is running, which are left out.
        Return the layers whose step must start: name, demand view, and whether capacity is read first.
        """
        steps, made = [], {plan.pool: plan for plan, _, _ in batch.finished}
        for pool in pools:
            top, base = self.by_pool.get(pool), made.get(pool) or plans.get(pool)
            if top is None or base is None or top.policy.name in busy:
                continue
            top.start_term(term)
            seen = self._seen(top, base, view, now)
            if top.read_due(now):
                steps.append((top.policy.name, seen, True))
                continue
            decision = top.plan(seen, now, self._bounds(pool, seen))
            if decision.plan.action is Action.WRITE:
                steps.append((top.policy.name, seen, False))
                continue
            if top.adopt(decision):
                batch.states[top.key] = decision.plan.state
            batch.finished.append((decision.plan, plans.get(top.policy.name), inputs_of(decision)))
        return steps

    def seen(self, name: str, plans: Mapping[str, Plan], view: Views, now: datetime) -> DemandView:
        """Return the demand of the layer `name`: that of its pool, or for a top what it sees above the plan of its base."""
        top = self.by_name.get(name)
        return view(name, now) if top is None else self._seen(top, plans[base_name(name)], view, now)

    def preview(self, top: Reconciler, base: Plan, view: Views, now: datetime) -> Plan:
        """Return the plan of a top as of `now`. Makes no call and changes nothing."""
        seen = self._seen(top, base, view, now)
        return top.plan(seen, now, self._bounds(base.pool, seen)).plan

    def traits(self, pool: str) -> Traits:
        """Return the traits of a pool, with what only its pings have measured."""
        top = self.by_pool.get(pool)
        return traits_of_layers(self._bases[pool].traits, None if top is None else top.traits)

    def limit(self, decision: PlannedDecision) -> tuple[Bound, ...]:
        """Return the bounds of a layer's decision by the ceiling and the budget of its pool."""
        return self._bounds(base_name(decision.policy.name), decision.seen.demand)

    def _seen(self, top: Reconciler, base: Plan, view: Views, now: datetime) -> DemandView:
        bounds = bounds_now(self._bases[base.pool].policy, now)[:2]
        return view_of_top(view(base.pool, now), base, bounds, lost_share(top))

    def _bounds(self, pool: str, view: DemandView) -> tuple[Bound, ...]:
        base, top = self._bases[pool], self.by_pool[pool]
        requested = 0 if top.capacity is None else top.capacity.requested
        return (*ceiling_of_top(view, requested),
                *budget_of_top(base.policy.budget_usd_per_month, base.state, top.state, top.usd_per_unit_minute))


def pauses(base: Reconciler) -> tuple[Override, ...]:
    """Return the overrides of a base that also hold the layer above it."""
    return tuple(each for each in base.overrides if each.kind is Kind.PAUSE)


def lost_share(top: Reconciler) -> float:
    """Return the share of a layer's pinged units that have stopped by the end of a pause, as far as it is learned."""
    pings = pings_of(top.policy.lever, top.traits.pinged_life)
    return 0.0 if pings is None else TopTerms(0.0, pings).lost_share

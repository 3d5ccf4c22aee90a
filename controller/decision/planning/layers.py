"""Units of a pinged layer above the base of a pool, and its demand as the planner sees it. Pure."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.layer_units import top_units
from controller.decision.planning.observation import Bound, DemandView, Proposal
from controller.decision.planning.plan import Plan, whole_units
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import ReasonCode
from controller.decision.selection.layers.top_basis import PingBasis
from controller.decision.selection.rule_values import ProposalBasis

Values = NDArray[np.float64]


def pinged_units(level: Values, proposed: Values, base: NDArray[np.int64], bounds: Sequence[tuple[int, int]],
                 lost_share: float) -> Values:
    """Return the units to keep by pings, float64[n], for a `level` of units in total; 0 where it is 0.

    `proposed`, `base`: units that the selector proposes for the base, and those planned. The base is lowered later than proposed,
    for example at the end of a billing step: the pings for the lower one start before. `bounds`: floor of the base and ceiling of
    both layers, of each row or one for all.
    """
    floor, ceiling = np.array(bounds).T
    units = top_units(level, np.minimum(np.maximum(np.ceil(proposed), floor), base), lost_share)
    return np.where(level > 0, np.minimum(units, np.maximum(ceiling - base, 0)), 0.0)


def view_of_top(view: DemandView, base: Plan, bounds: tuple[int, int], lost_share: float) -> DemandView:
    """Return the demand view of a top layer, from that of its pool and the plan of the base. `bounds`: floor of the base, and
    ceiling of both layers.

    Its proposal is that of `pinged_units`, with the reports of the current minute where those show more. Without a proposal for
    the pool, or while the units of the base are unknown, it has none, and the layer holds.
    """
    proposal, planned = view.proposal, base.target
    basis = None if proposal is None else proposal.basis
    top = None if basis is None else basis.top
    proposed = None if proposal is None else whole_units(proposal.target)
    if proposal is None or proposed is None or planned is None or basis is None or top is None:
        return replace(view, proposal=None, announced=None)
    shown = None
    if view.in_flight is not None and isinstance(now := basis.detach(), ProposalBasis) and view.in_flight > now.peak:
        shown = view.in_flight
        top, proposed = top.with_present(shown), max(proposed, now.with_present(shown).target)
    pings = PingBasis(top, max(proposed, bounds[0]), planned, bounds[1], lost_share, basis.known, shown)
    return replace(view, proposal=Proposal(pings.target, "pings above the base", proposal.trusted, pings), announced=None)


def ceiling_of_top(view: DemandView, requested: int) -> tuple[Bound, ...]:
    """Return the bound of a top layer by the ceiling of both layers, if it has `requested` more units than the base leaves. A
    ceiling also applies while nothing else may lower capacity, for example after minutes without metrics.
    """
    pings = None if view.proposal is None else view.proposal.basis
    if not isinstance(pings, PingBasis) or requested <= pings.most:
        return ()
    text = f"the ceiling {pings.ceiling} of both layers less {pings.planned} of the base"
    return (Bound(ReasonCode.CEILING, text, 0, pings.most),)


def budget_of_top(limit: float | None, base: PoolState, top: PoolState, price: float) -> tuple[Bound, ...]:
    """Return the bound of a top layer by the monthly budget of its pool, of which both layers have spent a part.

    `price`: USD per pinged unit-minute.
    """
    spent = base.spent_usd + top.spent_usd
    if limit is None or not price or spent < limit:
        return ()
    text = f"budget: {spent:.2f} of {limit:g} USD spent this month by both layers"
    return (Bound(ReasonCode.BUDGET, text, 0, 0),)

"""What changed between two decisions of a pool, with numbers, in the order in which a target is calculated. Pure."""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

from controller.decision.planning.plan import REMARKS, Plan
from controller.decision.planning.reason_codes import Reason, ReasonCode
from controller.decision.selection.choice import SelectionMode
from controller.decision.selection.layers.top_basis import PingBasis
from controller.decision.selection.number_text import percent
from controller.decision.selection.rule_values import ProposalBasis, RuleValue, exact_text, value_of
from forecasting.demand import instant_of

T = TypeVar("T", ProposalBasis, PingBasis)

OVERRIDES = frozenset({ReasonCode.PAUSED, ReasonCode.PINNED, ReasonCode.BOOSTED, ReasonCode.PREWARMED})


SMALLEST = 0.005
"""Units by which an ensemble must change to be reported: less is displayed as 0.00."""


class Change(NamedTuple):
    """One difference: `kind` is `override`, `demand`, `rules`, `guardrail` or `target`."""

    kind: str
    text: str


def since_body(before: Plan, plan: Plan) -> dict[str, Any]:
    """Return the differences to the earlier decision `before` as JSON values; the first one is the cause of the others."""
    return {"at": before.at.isoformat(), "target": before.target, "changes": [each._asdict() for each in changes(before, plan)]}


def changes(before: Plan, plan: Plan) -> list[Change]:
    """Return the differences between two decisions."""
    result = [*_reasons("override", before, plan, OVERRIDES, among=True)]
    was, now = _basis(before, ProposalBasis), _basis(plan, ProposalBasis)
    if was is not None and now is not None:
        result += proposal_changes(was, now)
    result += _pings(_basis(before, PingBasis), _basis(plan, PingBasis))
    result += _reasons("guardrail", before, plan, OVERRIDES | {ReasonCode.PROPOSED}, among=False)
    if before.target != plan.target:
        result.append(Change("target", f"target {_units(before.target)} -> {_units(plan.target)}"))
    return result


def _basis(plan: Plan, kind: type[T]) -> T | None:
    basis = None if plan.proposal is None or plan.proposal.basis is None else plan.proposal.basis.detach()
    return basis if isinstance(basis, kind) else None


def _pings(before: PingBasis | None, after: PingBasis | None) -> Iterator[Change]:
    """Yield the differences of the level of an upper layer, and of the units of the base below it."""
    if before is None or after is None:
        return
    if before.top.level != after.top.level:
        yield Change("rules", f"level {before.top.level} -> {after.top.level} units in total")
    if before.base != after.base:
        yield Change("rules", f"units of the base {before.base} -> {after.base}")


def proposal_changes(before: ProposalBasis, after: ProposalBasis) -> list[Change]:
    """Return the differences of demand, of the rules that are followed, and of the ensemble: by rule values and by weights."""
    result = []
    if (before.minute, before.peak) != (after.minute, after.peak):
        result.append(Change("demand", f"demand: peak {before.peak:g} at {instant_of(before.minute):%H:%M} -> {after.peak:g} at "
                                       f"{instant_of(after.minute):%H:%M} UTC"))
    if before.mode is not after.mode:
        result.append(Change("rules", f"rules: {before.mode.text} -> {after.mode.text}"))
    if after.mode is SelectionMode.ENSEMBLE and before.mode is SelectionMode.ENSEMBLE:
        result += ensemble_changes(before, after)
    elif _alone(before) != _alone(after):
        result.append(Change("rules", f"proposal: {_alone(before)} -> {_alone(after)}"))
    if (was := _lead(before)) != (now := _lead(after)):
        result.append(Change("rules", f"leading signal: {was} -> {now}"))
    return result


def _lead(basis: ProposalBasis) -> str:
    """Return what a leading signal proposes instead of the candidates."""
    lead = basis.lead
    return "not followed" if lead is None or not lead.followed else f"{lead.name} = {lead.value:g}, {basis.target} units"


def ensemble_changes(before: ProposalBasis, after: ProposalBasis) -> list[Change]:
    """Return by how much new values and new weights of the rules changed the ensemble. Both parts add up to the difference."""
    exact, signals = (before.exact, after.exact), after.signals
    moved = [(each, value_of(each.rule, signals)) for each in before.rules()]
    by_values = sum(each.weight * (units - each.units) for each, units in moved) / before.total
    by_weights = exact[1] - exact[0] - by_values
    if max(abs(by_values), abs(by_weights)) < SMALLEST:
        return []
    text = f"ensemble {exact_text(exact[0])} -> {exact_text(exact[1])}: {by_values:+.2f} by values of the rules"
    return [Change("rules", f"{text}{_most(moved, before.total)}, {by_weights:+.2f} by weights")]


def _most(moved: list[tuple[RuleValue, int]], total: int) -> str:
    """Return the rule whose value changed the ensemble most."""
    each, units = max(moved, key=lambda pair: abs(pair[0].weight * (pair[1] - pair[0].units)))
    if units == each.units:
        return ""
    return f" (most: {each.rule.name} {each.units} -> {units}, weight {percent(each.weight / total)})"


def _alone(basis: ProposalBasis) -> str:
    """Return the proposal of a basis: its leader, or the ensemble."""
    return f"ensemble {exact_text(basis.exact)}" if basis.mode is SelectionMode.ENSEMBLE else \
        f"{basis.leader.name} = {basis.target}"


def _reasons(kind: str, before: Plan, plan: Plan, codes: frozenset[ReasonCode], *, among: bool) -> Iterator[Change]:
    """Yield the reasons that are new, have other numbers, or no longer apply: those with `codes`, or all others."""
    was, now = ({each.code: each for each in one.reasons if (each.code in codes) is among} for one in (before, plan))
    for code, each in now.items():
        earlier: Reason | None = was.get(code)
        if earlier is None:
            yield Change(kind, f"new: {each.text}")
        elif earlier.text != each.text and code not in REMARKS:
            yield Change(kind, f"{code.value}: {each.text} (before: {earlier.text})")
    for code, each in was.items():
        if code not in now:
            yield Change(kind, f"no longer: {each.text}")


def _units(units: int | None) -> str:
    return "unknown" if units is None else str(units)

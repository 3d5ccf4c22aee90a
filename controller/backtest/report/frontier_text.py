"""Sentences about a frontier: Stoker at the cold starts and at the bill of a baseline, and the setting that matches it. Pure."""

from collections.abc import Mapping

from controller.backtest.frontier import Frontier, Point
from controller.backtest.report.text import LABELS, count
from controller.decision.costs.bill import Bill
from controller.decision.costs.sentences import TARGET_TRACKING, cold_start_change, cold_starts_text, dollars

CAPTION = ("Each point is a replay. Between points, figures are interpolated linearly; outside, none is given. "
           "On the curve, no other setting has fewer cold starts for the same bill.")


def frontier_sentences(frontier: Frontier, peers: Mapping[str, Bill]) -> list[str]:
    """Return the comparison with AWS target tracking, and the settings that match baselines with fewer cold starts."""
    compared = [comparison(frontier, TARGET_TRACKING, peers[TARGET_TRACKING])] if TARGET_TRACKING in peers else []
    return compared + matching_sentences(frontier, peers)


def comparison(frontier: Frontier, name: str, bill: Bill) -> str:
    """Return Stoker's bill at the cold starts of a baseline, and its cold starts at the bill of the baseline."""
    return (f"{LABELS[name]}: {cold_starts_text(bill.cold_starts)}, bill {dollars(bill.provider_usd)}. "
            f"Stoker at its number of cold starts: {at_cold_starts(frontier, bill)}. At its bill: {at_bill(frontier, bill)}.")


def at_cold_starts(frontier: Frontier, other: Bill) -> str:
    """Return the difference of the bill at the cold starts of a baseline, or why none is given."""
    bill, curve = frontier.bill_at(other.cold_starts), frontier.curve
    if bill is not None:
        return money(bill - other.provider_usd)
    if other.cold_starts > curve[-1].cold_starts:
        most = curve[-1]
        return (f"out of range; every replayed setting on the curve has fewer (at most {count(most.cold_starts)}, for "
                f"{money(most.bill_usd - other.provider_usd)})")
    return f"out of range; every replayed setting has more (at least {at_point(curve[0])})"


def at_bill(frontier: Frontier, other: Bill) -> str:
    """Return the difference of cold starts at the bill of a baseline, or why none is given."""
    cold, curve = frontier.cold_starts_at(other.provider_usd), frontier.curve
    if cold is not None:
        return cold_start_change(round(other.cold_starts - cold))
    if other.provider_usd > curve[0].bill_usd:
        return (f"out of range; every replayed setting on the curve costs less (at most {dollars(curve[0].bill_usd)}, with "
                f"{cold_start_change(round(other.cold_starts - curve[0].cold_starts))})")
    return (f"out of range; every replayed setting costs more (at least {dollars(curve[-1].bill_usd)}, with "
            f"{cold_start_change(round(other.cold_starts - curve[-1].cold_starts))})")


def matching_sentences(frontier: Frontier, peers: Mapping[str, Bill]) -> list[str]:
    """Return, for all baselines with fewer cold starts than Stoker under its policy, which setting matches them and its bill.

    Baselines that one setting matches share a sentence.
    """
    own = frontier.own
    matched: dict[Point | None, list[str]] = {}
    for name, bill in sorted(peers.items(), key=lambda item: -item[1].cold_starts):
        if bill.cold_starts < own.cold_starts:
            point = frontier.cheapest_within(bill.cold_starts)
            figures = f"{cold_starts_text(bill.cold_starts)}, {dollars(bill.provider_usd)}"
            matched.setdefault(point, []).append(f"{LABELS[name]} ({figures})")
    return [unmatched(frontier, names) if point is None else
            f"To match {joined(names)}, {remedy(point)}. There would be {cold_starts_text(point.cold_starts)} and a bill of "
            f"{dollars(point.bill_usd)}, instead of {count(own.cold_starts)} and {dollars(own.bill_usd)}."
            for point, names in matched.items()]


def unmatched(frontier: Frontier, names: list[str]) -> str:
    """Return that no replayed setting matches baselines, and the one with the fewest cold starts."""
    fewest = frontier.curve[0]
    return (f"No replayed setting matches {joined(names)}. The fewest: {at_point(fewest)}, bill {dollars(fewest.bill_usd)}. "
            "A floor (min or a schedule) would keep more units warm.")


def remedy(point: Point) -> str:
    """Return what to change in the policy for a point."""
    if point.setting is None:
        return f"multiply each pool's price of a cold start by {point.factor:.3g}"
    return f"set {point.setting.text}"


def at_point(point: Point) -> str:
    """Return the cold starts of a point and its setting."""
    return f"{cold_starts_text(point.cold_starts)} at {setting_text(point)}"


def setting_text(point: Point) -> str:
    """Return the setting of a point as a policy has it; for pools with different ones, as a multiple."""
    if point.setting is not None:
        return point.setting.text
    return "each pool's own setting" if point.factor == 1 else f"each pool's price × {point.factor:.3g}"


def cell_text(point: Point) -> str:
    """Return the setting of a point for a column of a table."""
    return setting_text(point) if point.setting is None else point.setting.short


def step_text(frontier: Frontier, point: Point) -> str:
    """Return what each cold start avoided costs from the next cheaper point to this one."""
    if point not in frontier.curve:
        return "not on the curve"
    step = frontier.steps.get(point)
    return "lowest bill" if step is None else f"{step:.2g}" if step < 1 else f"{step:,.2f}"


def money(difference: float) -> str:
    """Return a difference of bills in words."""
    return "the same bill" if abs(difference) < 0.005 else f"{dollars(abs(difference))} {'more' if difference > 0 else 'less'}"


def joined(names: list[str]) -> str:
    """Return names as a list in words."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

"""Output of `stoker tune`, as text and as JSON values."""

from pathlib import Path

from controller.backtest.frontier import Point
from controller.backtest.report.frontier_text import cell_text
from controller.backtest.report.text import LABELS
from controller.backtest.tuning import Goal, Tuning, per_day, per_month
from controller.decision.costs.bill import Bill
from controller.decision.costs.sentences import TARGET_TRACKING, dollars
from forecasting.demand import MINUTES_PER_DAY


def text_of(pool: str, goal: Goal, tuned: Tuning, tracking: Bill, path: Path, write: bool) -> str:
    """Return the recommendation, its neighbours on the curve, and what it is based on. `write`: whether the file is changed."""
    chosen, own, minutes = tuned.chosen, tuned.frontier.own, tuned.minutes
    heading = f"{pool}: {goal_text(goal)}" if tuned.met else f"{pool}: not possible: {goal_text(goal)}"
    first = f"{cell_text(chosen)}: {figures(chosen, minutes)}"
    lines = [heading, "", first if tuned.met else f"closest: {first}"]
    lines.append("This is the policy's setting." if chosen == own else f"now {cell_text(own)}: {figures(own, minutes)}")
    lines.append(f"{LABELS[TARGET_TRACKING]}: {per_day_text(tracking.cold_starts, minutes)}, "
                 f"bill {dollars(per_month(tracking.provider_usd, minutes))} a month")
    lines += ["", *table(tuned), ""]
    lines.append(f"Simulated: {minutes / MINUTES_PER_DAY:.1f} days of recorded traffic, replayed with each setting.")
    lines.append("A month is a twelfth of 365 days. Other traffic gives other figures.")
    if tuned.met and not write and chosen != own and chosen.setting is not None:
        lines.append(f"To use it, add --write, or set on {pool} in {path}:")
        lines.append(f"  objective: {{{chosen.setting.key}: {chosen.setting.number}}}")
    return "\n".join(lines) + "\n"


def goal_text(goal: Goal) -> str:
    """Return the goal in words."""
    if goal.cold_starts_per_day is not None:
        return f"at most {goal.cold_starts_per_day:g} cold starts a day, at the lowest bill"
    if goal.usd_per_month is not None:
        return f"a bill of at most {dollars(goal.usd_per_month)} a month, with the fewest cold starts"
    return f"no more cold starts than {LABELS[TARGET_TRACKING]}, at a lower bill"


def figures(point: Point, minutes: int) -> str:
    """Return cold starts a day and the bill a month of a setting."""
    return f"{per_day_text(point.cold_starts, minutes)}, bill {dollars(per_month(point.bill_usd, minutes))} a month"


def per_day_text(cold_starts: float, minutes: int) -> str:
    """Return cold starts a day, with decimals only below 100."""
    each = per_day(cold_starts, minutes)
    return f"{each:,.0f} cold starts a day" if each >= 100 else f"{each:.3g} cold starts a day"


def table(tuned: Tuning) -> list[str]:
    """Return the chosen setting between its neighbours as lines of at most 80 columns."""
    rows = [("setting", "cold starts a day", "bill a month", "each avoided")]
    for point in tuned.neighbours:
        step = tuned.frontier.steps.get(point)
        sign = "> " if point == tuned.chosen else "  "
        rows.append((sign + cell_text(point), per_day_text(point.cold_starts, tuned.minutes).split()[0],
                     dollars(per_month(point.bill_usd, tuned.minutes)), "-" if step is None else dollars(step)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))])
            for row in rows]


def body_of(pool: str, goal: Goal, tuned: Tuning, tracking: Bill, diff: str) -> dict[str, object]:
    """Return the recommendation as JSON values."""
    minutes = tuned.minutes
    return {
        "pool": pool,
        "goal": {"max_cold_starts_per_day": goal.cold_starts_per_day, "max_usd_per_month": goal.usd_per_month,
                 "like_target_tracking": goal.like is not None},
        "met": tuned.met, "chosen": point_body(tuned.chosen, tuned), "policy": point_body(tuned.frontier.own, tuned),
        "neighbours": [point_body(point, tuned) for point in tuned.neighbours if point != tuned.chosen],
        "target_tracking": {"cold_starts_per_day": per_day(tracking.cold_starts, minutes),
                            "bill_usd_per_month": per_month(tracking.provider_usd, minutes)},
        "known_minutes": minutes, "diff": diff or None,
    }


def point_body(point: Point, tuned: Tuning) -> dict[str, object]:
    """Return a setting with its result as JSON values."""
    setting = {} if point.setting is None else {point.setting.key: point.setting.value}
    return {"objective": setting, "cold_starts_per_day": per_day(point.cold_starts, tuned.minutes),
            "bill_usd_per_month": per_month(point.bill_usd, tuned.minutes),
            "usd_per_avoided_cold_start": tuned.frontier.steps.get(point)}

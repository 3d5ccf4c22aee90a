"""Decisions worth looking at: large changes, holds, failures, guardrails that limited often, forecasts that missed. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from controller.decision.planning.reason_codes import ReasonCode
from controller.report.decisions import Decision, Step
from forecasting.demand import DemandSeries, instant_of

MOST_CHANGES, MOST_MISSES = 3, 3
"""Number of the largest changes, and of the largest misses of forecasts, that are named."""

OFTEN_SHARE, OFTEN_LEAST = 0.1, 3
"""A guardrail limited often if it did so in this share of the recorded decisions, and at least this many times."""

TROUBLES: dict[ReasonCode, str] = {
    ReasonCode.WRITE_FAILED: "a write failed",
    ReasonCode.ALLOCATION_FAILED: "the provider could not allocate the units",
    ReasonCode.CAPACITY_UNKNOWN: "the capacity could not be read",
    ReasonCode.BLOCKED: "the provider accepted no change",
    ReasonCode.FOREIGN_OWNER: "another autoscaler controls the resource",
    ReasonCode.FOREIGN_WRITE: "another party changed the capacity",
    ReasonCode.SETTING_GONE: "another party deleted the setting",
    ReasonCode.METRICS_MISSING_LONG: "metrics were missing for long",
    ReasonCode.METRICS_MISSING: "metrics were missing",
    ReasonCode.QUIET_REGION: "it was unknown whether the pool was idle or metrics were missing",
    ReasonCode.UNKNOWN_MINUTES: "unknown minutes prevented a decrease",
    ReasonCode.QUOTA: "a limit of the provider was below the target",
    ReasonCode.DELETES_SETTING: "a target of 0 deletes the setting of the provider",
}
"""Reasons that an operator looks at each time, the most serious first."""

LIMITS: dict[ReasonCode, str] = {
    ReasonCode.CEILING: "the ceiling", ReasonCode.FLOOR: "the floor", ReasonCode.SCHEDULE: "a schedule",
    ReasonCode.STEP_LIMIT: "the step limit", ReasonCode.SCALE_DOWN_DELAY: "scale_down_delay",
    ReasonCode.BUDGET: "the budget", ReasonCode.FLEET_BUDGET: "the budget of the fleet",
    ReasonCode.FLEET_CHANGES: "the limit on changes of the fleet",
}
"""Guardrails that are named when they limited often."""


class Notable(NamedTuple):
    """A decision to look at. `times`: how many decisions of this kind there are; `at` is one of them."""

    kind: str
    at: datetime
    text: str
    times: int = 1

    def command(self, pool: str) -> str:
        """Return the command that explains the decision. The time is rounded up to the second, which includes the decision."""
        at = self.at.replace(microsecond=0) + timedelta(seconds=self.at.microsecond > 0)
        return f"stoker why {pool} --at {at:%Y-%m-%dT%H:%M:%SZ}"


def notable(decisions: Sequence[Decision], demand: DemandSeries) -> tuple[Notable, ...]:
    """Return the decisions of one mode that are worth looking at. `demand`: of the period."""
    return (*troubles(decisions), *missed_forecasts(decisions, demand), *largest_changes(decisions), *limited_often(decisions))


def troubles(decisions: Iterable[Decision]) -> list[Notable]:
    """Return one entry for each kind of trouble, with the newest decision of that kind."""
    found: dict[ReasonCode, list[tuple[Decision, Step]]] = defaultdict(list)
    for decision in decisions:
        for code in TROUBLES:
            if (step := decision.step(code)) is not None:
                found[code].append((decision, step))
    newest = {code: found[code][-1] for code in TROUBLES if code in found}
    return [Notable(code.value, decision.at, f"{TROUBLES[code]} ({times(len(found[code]))}); last: {step.text}", len(found[code]))
            for code, (decision, step) in newest.items()]


def largest_changes(decisions: Iterable[Decision]) -> list[Notable]:
    """Return the largest changes, largest first."""
    changes = [(abs(each.target - each.requested), each) for each in decisions
               if each.writes and each.target is not None and each.requested is not None and each.target != each.requested]
    changes.sort(key=lambda change: (-change[0], change[1].at))
    return [Notable("largest-change", each.at, f"target {each.requested} to {each.target}") for _, each in changes[:MOST_CHANGES]]


def limited_often(decisions: Sequence[Decision]) -> list[Notable]:
    """Return the guardrails that limited often, each with the decision where it changed the target most."""
    found = []
    for code, name in LIMITS.items():
        bitten = [(decision, step) for decision in decisions if (step := decision.step(code)) is not None and moved(step)]
        if len(bitten) >= max(OFTEN_LEAST, OFTEN_SHARE * len(decisions)):
            decision, step = max(bitten, key=lambda each: moved(each[1]))
            text = (f"{name} changed the target in {len(bitten):,} of {len(decisions):,} recorded decisions; "
                    f"most: {step.before} to {step.after}")
            found.append(Notable(f"limited-by-{code.value}", decision.at, text, len(bitten)))
    return found


def moved(step: Step) -> int:
    """Return by how many units a reason changed the target."""
    return 0 if step.before is None or step.after is None else abs(step.after - step.before)


def missed_forecasts(decisions: Iterable[Decision], demand: DemandSeries) -> list[Notable]:
    """Return the decisions whose recorded forecast was exceeded most, by units above its highest quantile."""
    misses = []
    for decision in decisions:
        forecast = decision.forecast
        if forecast is None or not demand.first_minute <= forecast.minute < demand.end_minute:
            continue
        peak = float(demand.peak[forecast.minute - demand.first_minute])
        if peak > forecast.highest:  # False where the minute is unknown
            misses.append((peak - forecast.highest, peak, decision, forecast))
    misses.sort(key=lambda miss: (-miss[0], miss[2].at))
    return [Notable("forecast-missed", decision.at, f"demand at {instant_of(forecast.minute):%H:%M} was {peak:g}, above the "
                    f"forecast P99 of {forecast.highest:g}; misses of this kind: {len(misses):,}", len(misses))
            for _, peak, decision, forecast in misses[:MOST_MISSES]]


def times(number: int) -> str:
    """Return a number of occurrences in words."""
    return "once" if number == 1 else f"{number:,} times"

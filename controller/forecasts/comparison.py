"""What the rules ask for in the next hours beside the forecast, and why the two differ. Pure.

The rules decide: they are weighted by cost, and no rule reads the forecast. Where the units that they ask for lie below the
median or above P99 of the demand that these units can serve, a sentence states both numbers and the prices behind the difference.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from config.model.policy import PoolPolicy
from controller.decision.costs.cost_model import CostTerms
from controller.decision.planning.planner import bounds_now
from controller.decision.selection.candidates import CANDIDATES
from controller.decision.selection.scoring import QUARTER
from controller.decision.selection.weighting import SelectionWeights
from controller.forecasts.capacity_forecast import SCORED_LEVELS
from forecasting.demand import MINUTES_PER_DAY, Floats, instant_of

DECIDES = "rules"
DECIDES_TEXT = ("The rules decide how many units are requested, by their cost on the pool's own past. "
                "The forecast shows the expected demand; no rule reads it.")
MEDIAN, TOP = SCORED_LEVELS.index(0.5), SCORED_LEVELS.index(0.99)


class Difference(NamedTuple):
    """Quarters of an hour, from minute `first` to before `end` (since the epoch), in which the rules ask for units outside the
    forecast. `units` and `levels` (at `SCORED_LEVELS`): those of the quarter where they differ most.
    """

    first: int
    end: int
    units: int
    levels: tuple[float, ...]

    @property
    def is_below(self) -> bool:
        """Whether the rules ask for less than the median."""
        return self.units < self.levels[MEDIAN]

    @property
    def gap(self) -> float:
        """Units between the rules and the nearest forecast level."""
        return max(self.levels[MEDIAN] - self.units, self.units - self.levels[TOP])


class Basis(NamedTuple):
    """Policy, prices and weights of the pool that the rules propose for."""

    policy: PoolPolicy
    terms: CostTerms
    weights: SelectionWeights


def differences(steps: Sequence[Sequence[int]], peak: Floats, first_minute: int, lead_time: int) -> list[Difference]:
    """Return the spans in which `steps` (minute since the epoch and units, a quarter of an hour each) lie outside the forecast.

    `peak`: float32[minutes, SCORED_LEVELS] from `first_minute` on, NaN where unknown. Units requested at a minute can serve the
    demand from `lead_time` minutes later on.
    """
    spans: list[Difference] = []
    for each in _quarters(steps, peak, first_minute, lead_time):
        last = spans[-1] if spans else None
        if last is not None and last.end == each.first and last.is_below is each.is_below:
            spans[-1] = max(last, each, key=lambda one: one.gap)._replace(first=last.first, end=each.end)
        else:
            spans.append(each)
    return spans


def _quarters(steps: Sequence[Sequence[int]], peak: Floats, first_minute: int, lead_time: int) -> Iterator[Difference]:
    for minute, units in steps:
        end = (minute // QUARTER + 1) * QUARTER
        rows = peak[max(0, minute + lead_time - first_minute) : max(0, end + lead_time - first_minute)]
        if not len(rows) or np.isnan(rows).any():
            continue
        levels = tuple(round(float(level), 1) + 0.0 for level in rows.max(axis=0))  # + 0.0: -0 is 0
        if units < levels[MEDIAN] or units > np.ceil(levels[TOP]):
            yield Difference(minute, end, int(units), levels)


def difference_body(each: Difference, basis: Basis) -> dict[str, object]:
    """Return a difference as JSON values, with its sentence."""
    return {"start": instant_of(each.first).isoformat(), "end": instant_of(each.end).isoformat(), "units": each.units,
            "peak_below": {str(level): peak for level, peak in zip(SCORED_LEVELS, each.levels, strict=True)},
            "text": difference_text(each, basis)}


def difference_text(each: Difference, basis: Basis) -> str:
    """Return in one or two sentences by how much the rules and the forecast differ, and why."""
    side = f"below the forecast's median of {each.levels[MEDIAN]:g}" if each.is_below else \
        f"above the forecast's P99 of {each.levels[TOP]:g}"
    times = f"{instant_of(each.first):%H:%M} to {instant_of(each.end):%H:%M} UTC"
    return f"{times}: the rules ask for {each.units}, {side} concurrent units. {_why(each, basis)}"


def _why(each: Difference, basis: Basis) -> str:
    """Return the bound or the prices that explain a difference."""
    low, high, schedule = bounds_now(basis.policy, instant_of(each.first))
    if each.is_below and each.units == high:
        return f"The ceiling{of_schedule(schedule)} is {high}."
    if not each.is_below and each.units == low:
        return f"The floor{of_schedule(schedule)} is {low}."
    terms, share = basis.terms, float(basis.weights.shares()[basis.weights.leader])
    leading = f"Rule with the highest weight ({100 * share:.0f} %): {CANDIDATES[basis.weights.leader].name}."
    if terms.warm_hit_rate is not None:
        return f"Objective: {100 * terms.warm_hit_rate:g} % of requests warm. {leading}"
    if not terms.cold > 0:
        return f"A cold start costs nothing here. {leading}"
    idle = terms.idle * MINUTES_PER_DAY
    second = terms.cold_start_cost_usd_per_second
    price = f"{terms.cold:.4g} USD" if second is None else f"{terms.cold:.4g} USD ({second:g} USD per second)"
    return (f"A unit that is idle all day costs {idle:.4g} USD and a cold start {price}: an idle unit pays only if "
            f"it avoids more than {idle / terms.cold:.3g} cold starts a day.{_above(each, terms)} {leading}")


def _above(each: Difference, terms: CostTerms) -> str:
    """Return what serves the demand above the warm units; empty where the rules ask for more than the forecast."""
    if not each.is_below:
        return ""
    return (" Demand above the warm units is served on demand, and each of these units stays warm for "
            f"{terms.keep_alive} min after use.")


def of_schedule(name: str | None) -> str:
    """Return the schedule that sets a bound, as the end of a phrase."""
    return "" if name is None else f" of schedule {name}"

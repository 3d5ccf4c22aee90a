"""Gate: whether a pool in shadow mode is ready for active mode. A table of criteria with values and thresholds. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

FULL_DAY_SHARE = 0.95
"""Share of the minutes of a day that must be counted with known demand for the day to count."""

LEAST_SCORED = 24 * 60
"""Minutes of demand that must have been compared with a forecast."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the gate knows of a pool in shadow mode. None stands for unknown, which meets no criterion.

    `full_days`: days with at least `FULL_DAY_SHARE` of their minutes. `data_age_minutes`: age of the newest known minute of
    demand. `coverage_error`: distance of the P90 of forecasts from its nominal coverage, 0 to 1. `errors`: codes of the problems
    of the last recorded decision. `other_autoscalers`, `at_quota`: decisions that found one, or that a limit of the provider
    reduced. `better_by_usd`: bill + cold-start cost without Stoker minus that with it. `warm_share`: share of warm requests;
    `warm_hit_rate`: the objective; None with a cold-start cost as objective.
    """

    full_days: int
    data_age_minutes: float | None
    coverage_error: float | None
    errors: tuple[str, ...]
    other_autoscalers: int
    at_quota: int
    better_by_usd: float
    warm_share: float | None
    warm_hit_rate: float | None


class Criterion(NamedTuple):
    """A criterion: `value` must be at least `threshold` (`least`), or at most. `form`: format of both, with the unit."""

    key: str
    text: str
    value: Callable[[Facts], float | None]
    threshold: Callable[[Facts], float]
    least: bool
    form: str = "{:g}"
    applies: Callable[[Facts], bool] = lambda _: True


CENT = 0.01

CRITERIA: tuple[Criterion, ...] = (
    Criterion("history", f"days with known demand in at least {100 * FULL_DAY_SHARE:g} % of the minutes",
              lambda facts: facts.full_days, lambda _: 3, least=True),
    Criterion("metrics", "age of the newest known demand", lambda facts: facts.data_age_minutes, lambda _: 60, least=False,
              form="{:.0f} min"),
    Criterion("forecast", "distance of the P90 of forecasts from 90 % coverage",
              lambda facts: None if facts.coverage_error is None else 100 * facts.coverage_error, lambda _: 5, least=False,
              form="{:.1f} points"),
    Criterion("errors", "unresolved errors at the last recorded decision", lambda facts: len(facts.errors), lambda _: 0,
              least=False),
    Criterion("other-autoscaler", "decisions that found another autoscaler on the resource",
              lambda facts: facts.other_autoscalers, lambda _: 0, least=False),
    Criterion("quota", "decisions that a limit of the provider reduced", lambda facts: facts.at_quota, lambda _: 0, least=False),
    Criterion("cost", "bill + cold-start cost: less than without Stoker by", lambda facts: facts.better_by_usd, lambda _: CENT,
              least=True, form="{:.2f} USD", applies=lambda facts: facts.warm_hit_rate is None),
    Criterion("warm-hit-rate", "share of requests without a cold start",
              lambda facts: None if facts.warm_share is None else 100 * facts.warm_share,
              lambda facts: 100 * (facts.warm_hit_rate or 0), least=True, form="{:.4g} %",
              applies=lambda facts: facts.warm_hit_rate is not None),
)


class Check(NamedTuple):
    """Result of one criterion. `value` is None if it is unknown."""

    key: str
    text: str
    value: float | None
    threshold: float
    least: bool
    met: bool
    form: str

    @property
    def numbers(self) -> str:
        """Value and threshold as text."""
        value, threshold = "unknown" if self.value is None else self.form.format(self.value), self.form.format(self.threshold)
        if value == threshold and not self.met:  # rounding must not hide by how little a criterion is missed
            value = f"{self.value:.9g}{value.lstrip('-0123456789.')}"
        return f"{value} ({'at least' if self.least else 'at most'} {threshold})"


class Gate(NamedTuple):
    """All checks of one pool."""

    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        """Whether every criterion is met."""
        return all(check.met for check in self.checks)

    @property
    def text(self) -> str:
        """The answer in one sentence."""
        if self.ready:
            return f"Ready for active: yes, because all {len(self.checks)} criteria are met"
        failed = [f"{check.text}: {check.numbers}" for check in self.checks if not check.met]
        return f"Ready for active: no, because {len(failed)} of {len(self.checks)} criteria are not met: {'; '.join(failed)}"


def gate_of(facts: Facts) -> Gate:
    """Return the checks of a pool."""
    return Gate(tuple(check_of(each, facts) for each in CRITERIA if each.applies(facts)))


def check_of(criterion: Criterion, facts: Facts) -> Check:
    """Return the result of a criterion. An unknown value does not meet it."""
    value, threshold = criterion.value(facts), criterion.threshold(facts)
    met = value is not None and (value >= threshold if criterion.least else value <= threshold)
    return Check(criterion.key, criterion.text, value, threshold, criterion.least, met, criterion.form)

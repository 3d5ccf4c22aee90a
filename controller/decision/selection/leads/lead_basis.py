"""Values behind a proposal by a leading signal, and its text, from which it can be computed by hand. Pure.

A cost is that of the past, discounted: warm capacity, work and cold starts, as `controller.decision.costs.cost_model` states.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

MOST_DIGITS = 15


@dataclass(frozen=True, slots=True)
class LeadBasis:
    """Inputs of the candidate of a leading signal that has recently cost least.

    `name`: of the signal. `value`: maximum of the last `minutes` minutes that are known of it; NaN where none is. `ratio`: units
    of demand per unit of the signal, at `quantile` of the past. `highest`: limit of the forecast, the highest recent demand.
    `raises_only`: the candidate is never below the proposal without the signal, or some minutes of the signal are unknown, or
    demand has come without it. `cost_usd`: simulated cost of the candidate, `cost_without_usd` of the proposals without signals.
    `followed`: whether it costs so much less that it is followed.
    """

    name: str
    value: float
    minutes: int
    ratio: float
    quantile: float
    highest: float
    raises_only: bool
    cost_usd: float
    cost_without_usd: float
    followed: bool

    @property
    def forecast(self) -> int | None:
        """Units that the signal forecasts; None where it is unknown."""
        return None if math.isnan(self.value) else self.forecast_at(self.ratio)

    @property
    def applies(self) -> bool:
        """Whether the proposal depends on the signal: it is followed and known."""
        return self.followed and self.forecast is not None

    def units(self, without: int) -> int:
        """Return the units to request, from those `without` the signal."""
        if not self.followed or (forecast := self.forecast) is None:
            return without
        return max(without, forecast) if self.raises_only else forecast

    def text(self, without: int) -> str:
        """Return the candidate in one phrase, with the numbers that it was computed from; `without`: units without the signal."""
        name = f"leading signal {self.name}"
        if (forecast := self.forecast) is None:
            return f"{name}: unknown in the last {self.minutes} min, not used"
        costs = f"simulated cost with cold starts {self.cost_usd:.2f} USD, without it {self.cost_without_usd:.2f} USD"
        limit = f", at most {self.highest:g}" if self.ratio * self.value + 0.5 >= self.highest + 1 else ""
        value = f"maximum of the last {self.minutes} min = {self.value:g}, × {self.ratio_text} (P{100 * self.quantile:g}){limit}"
        text = f"{name} ({costs}): {value} = {forecast}"
        if not self.followed:
            return f"{text}, not followed"
        if self.raises_only:
            return f"{text}, max({without}, {forecast}) = {self.units(without)}"
        return f"{text}, instead of {without}"

    @property
    def ratio_text(self) -> str:
        """The ratio with 3 digits, or with as many as rounding the forecast to units requires."""
        digits = 3
        while digits < MOST_DIGITS and self.forecast_at(float(f"{self.ratio:.{digits}g}")) != self.forecast:
            digits += 1
        return f"{self.ratio:.{digits}g}"

    def forecast_at(self, ratio: float) -> int:
        """Return the forecast at a ratio."""
        return int(min(math.floor(ratio * self.value + 0.5), self.highest))

    def body(self) -> dict[str, Any]:
        """Return the basis as JSON values; an unknown value is null."""
        return asdict(self) | {"value": None if math.isnan(self.value) else self.value}

    @classmethod
    def of_body(cls, body: Mapping[str, Any]) -> "LeadBasis":
        """Return the basis that `body` wrote. Raise `KeyError` or `TypeError` for damage."""
        return cls(**{**body, "value": math.nan if body["value"] is None else body["value"]})

"""Settings of the objective that a frontier replays: a geometric series around that of the policy. Pure."""

import dataclasses
from typing import NamedTuple

from controller.decision.costs.cost_model import CostTerms

FINEST = 4
"""Steps of `FACTORS` from one of the seven replayed settings to the next."""

FACTORS = (*(2.5 ** (step / FINEST) for step in range(-2 * FINEST, 4 * FINEST + 1)), *(2.5**step for step in range(5, 9)))
"""Multiples of the policy's price that can be replayed. Most histories change at prices above the usual 0.05 USD."""

OWN = FACTORS.index(1.0)
SEVEN = tuple(range(0, 6 * FINEST + 1, FINEST))
"""Positions in `FACTORS` that every frontier has. The policy's own, `OWN`, is one of them."""

HIGHER = tuple(range(SEVEN[-1] + 1, len(FACTORS)))
"""Positions of the settings that are replayed only if a limit on cold starts is not met below them."""

PRICE_KEY, SECOND_KEY, RATE_KEY = "cold_start_cost_usd", "cold_start_cost_usd_per_second", "warm_hit_rate"
HIGHEST_USD = 1e9
"""Highest price that a policy accepts."""

WITHOUT_PRICE = {PRICE_KEY: 0.05, SECOND_KEY: 0.006}
"""Price in USD around which settings are replayed if the policy's price is zero."""


class Setting(NamedTuple):
    """Objective of a pool: the key in the policy, and its value."""

    key: str
    value: float

    @property
    def text(self) -> str:
        """The line of the policy that sets it."""
        return f"{self.key}: {self.number}"

    @property
    def short(self) -> str:
        """The setting for a column of a table."""
        return f"{self.number} USD a second" if self.key == SECOND_KEY else self.text

    @property
    def number(self) -> str:
        """The value as a policy has it."""
        return f"{self.value:.12f}".rstrip("0").rstrip(".") if self.value < 1 else f"{self.value:.12g}"

    @property
    def strength(self) -> float:
        """What rises by the same factor from one setting to the next: the price, or the odds of a warm request."""
        return self.value / (1 - self.value) if self.key == RATE_KEY else self.value

    def with_strength(self, strength: float) -> "Setting":
        """Return the setting of a strength, to two significant digits of the price or of the smaller of cold and warm share."""
        if self.key != RATE_KEY:
            return Setting(self.key, min(float(f"{strength:.2g}"), HIGHEST_USD))
        if strength < 1:
            return Setting(self.key, float(f"{strength / (1 + strength):.2g}"))
        return Setting(self.key, round(1 - float(f"{1 / (1 + strength):.2g}"), 12))

    def terms(self, terms: CostTerms) -> CostTerms:
        """Return `terms` with this objective. With a warm hit rate, the price only compares and stays the same."""
        if self.key == RATE_KEY:
            return dataclasses.replace(terms, warm_hit_rate=self.value)
        each_second = self.value if self.key == SECOND_KEY else None
        price = self.value if each_second is None else each_second * terms.init_seconds
        return dataclasses.replace(terms, cold_start_cost_usd=price, cold_start_cost_usd_per_second=each_second,
                                   warm_hit_rate=None)


def setting_of(terms: CostTerms) -> Setting:
    """Return the objective of a pool."""
    if terms.warm_hit_rate is not None:
        return Setting(RATE_KEY, terms.warm_hit_rate)
    if terms.cold_start_cost_usd_per_second is not None:
        return Setting(SECOND_KEY, terms.cold_start_cost_usd_per_second)
    return Setting(PRICE_KEY, terms.cold_start_cost_usd)


def settings_around(own: Setting) -> tuple[Setting, ...]:
    """Return a setting for each of `FACTORS`; `own` is the one at `OWN`."""
    base = own if own.value > 0 else Setting(own.key, WITHOUT_PRICE[own.key])
    return tuple(own if at == OWN else base.with_strength(base.strength * factor) for at, factor in enumerate(FACTORS))

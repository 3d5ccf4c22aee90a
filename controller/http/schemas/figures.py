"""Figures by kind: actual, of what the provider has and did; simulated, of what a pool in shadow mode would have had."""

from controller.http.schemas.shape import Known, Shape

Range = tuple[float, float] | None


class ActualFigures(Shape):
    """What the provider has, of every pool; and the accounts of a pool that is, or was this month, in active mode."""

    actual_requested: int | None
    actual_ready: int | None
    actual_phase: str | None
    actual_usd_per_hour: Known = None
    """Cost of ready warm capacity per hour, including units of external settings."""
    actual_bill_today_usd: Known = None
    actual_bill_month_usd: Known = None
    actual_bill_projected_month_usd: Known = None
    """Bill of the whole month: bill so far / minutes counted so far * minutes of the month. Null before 24 h are counted."""
    actual_bill_without_stoker_today_usd: Known = None
    actual_bill_without_stoker_month_usd: Known = None
    actual_bill_target_tracking_today_usd: Known = None
    """Bill of the same traffic without Stoker, and with AWS target tracking at 70 %."""
    actual_others_bill_month_usd: Known = None
    """Part of the bill for units that external settings keep."""
    actual_saved_today_usd: Known = None
    actual_saved_month_usd: Known = None
    """Bill without Stoker minus bill; negative if the bill rose. Cold-start cost is no part of it."""
    actual_cold_starts_today: Known = None
    actual_cold_starts_today_range: Range = None
    actual_cold_starts_during_pings_today: Known = None
    """Of the cold starts of today, those that happen because a round of pings holds units; 0 for other levers."""
    actual_cold_starts_without_stoker_today: Known = None
    actual_cold_starts_without_stoker_today_range: Range = None
    """Minimum and maximum over the range of the keep-alive and of an estimated peak; null if neither makes a difference."""
    actual_cold_starts_target_tracking_today: Known = None
    actual_cold_start_cost_today_usd: Known = None
    actual_cold_start_cost_without_stoker_today_usd: Known = None
    actual_cold_start_cost_target_tracking_today_usd: Known = None
    """Cold starts at the price of the objective; no part of a bill."""


class SimulatedFigures(Shape):
    """What a pool in shadow mode would have; and its accounts, also of one that was in shadow mode this month."""

    simulated_requested: int | None = None
    simulated_ready: int | None = None
    simulated_phase: str | None = None
    simulated_usd_per_hour: Known = None
    """Cost of ready warm capacity per hour, including units of external settings."""
    simulated_bill_today_usd: Known = None
    simulated_bill_month_usd: Known = None
    simulated_bill_projected_month_usd: Known = None
    """Bill of the whole month: bill so far / minutes counted so far * minutes of the month. Null before 24 h are counted."""
    simulated_bill_without_stoker_today_usd: Known = None
    simulated_bill_without_stoker_month_usd: Known = None
    simulated_bill_target_tracking_today_usd: Known = None
    """Bill of the same traffic without Stoker, and with AWS target tracking at 70 %."""
    simulated_others_bill_month_usd: Known = None
    """Part of the bill for units that external settings keep."""
    simulated_saved_today_usd: Known = None
    simulated_saved_month_usd: Known = None
    """Bill without Stoker minus bill; negative if the bill rose. Cold-start cost is no part of it."""
    simulated_cold_starts_today: Known = None
    simulated_cold_starts_today_range: Range = None
    simulated_cold_starts_during_pings_today: Known = None
    """Of the cold starts of today, those that happen because a round of pings holds units; 0 for other levers."""
    simulated_cold_starts_without_stoker_today: Known = None
    simulated_cold_starts_without_stoker_today_range: Range = None
    """Minimum and maximum over the range of the keep-alive and of an estimated peak; null if neither makes a difference."""
    simulated_cold_starts_target_tracking_today: Known = None
    simulated_cold_start_cost_today_usd: Known = None
    simulated_cold_start_cost_without_stoker_today_usd: Known = None
    simulated_cold_start_cost_target_tracking_today_usd: Known = None
    """Cold starts at the price of the objective; no part of a bill."""


class KindTotals(Shape):
    """Sums over the pools of one mode. The names are those of a pool without the kind."""

    pools: int
    requested: int
    ready: int
    """Of pools with layers: of the base."""
    pinged_requested: int
    pinged_ready: int
    """Units that pings keep above the bases of pools with layers; not in `requested` and `ready`."""
    busy: float
    usd_per_hour: float
    bill_today_usd: float
    bill_month_usd: float
    bill_projected_month_usd: Known
    """Null while that of any pool is unknown."""
    bill_without_stoker_today_usd: float
    bill_without_stoker_month_usd: float
    bill_target_tracking_today_usd: float
    others_bill_month_usd: float
    saved_today_usd: float
    saved_month_usd: float
    cold_starts_today: float
    cold_starts_during_pings_today: float
    cold_starts_without_stoker_today: float
    cold_starts_target_tracking_today: float
    cold_start_cost_today_usd: float
    cold_start_cost_without_stoker_today_usd: float
    cold_start_cost_target_tracking_today_usd: float
    sentence: str
    """What Stoker changed today in bill and cold starts, or in shadow mode would have changed."""


class Account(Shape):
    """Sums of the ledger by column, of today and of this month."""

    today: dict[str, Known]
    month: dict[str, Known]

"""Responses of the handlers, published in `/openapi.json`. Tests check that each response has exactly these keys."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from controller.decision.planning.overrides_in_force import Kind

Known = float | None
Instant = str | None
Json = dict[str, Any]


class Shape(BaseModel):
    """An object with exactly these keys. Unknown values are null."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Problem(Shape):
    """An error: its cause and the remedy."""

    error: str
    """One line."""


class OverrideEntry(Shape):
    """An override of an operator."""

    kind: Kind
    order: str
    """Text in the syntax of the command line."""
    units: int | None
    factor: Known
    since: Instant
    until: str
    by: str
    reason: str
    steps: list[tuple[int, str]]
    """A part of a prewarm request: minimum units, and its end."""


class OverrideInForce(OverrideEntry):
    """An override in force. `effect`: what it requests or holds now, and what limits it."""

    effect: str


class PlanSummary(Shape):
    """Summary of a plan."""

    at: str
    action: Literal["write", "keep", "hold"]
    target: int | None
    text: str


class EventEntry(Shape):
    """A window of an announced event within the next two days."""

    name: str
    start: str
    end: str
    expected: str
    """Factor of the usual demand, or units, and the learned effect of past windows."""


class PoolEntry(Shape):
    """One pool. Units are integers or, for demand, averages."""

    name: str
    mode: Literal["shadow", "active"]
    lever: str
    requested: int | None
    ready: int | None
    phase: str | None
    kept_by_others: int | None
    """Units that an external setting keeps warm in addition to `requested`; `kept_by` names it."""
    kept_by: str | None
    busy: Known
    peak: Known
    target: int | None
    action: str | None
    min: int
    max: int
    freshness: Literal["fresh", "quiet", "late", "broken", "none"]
    traffic: str | None
    metrics_missing_since: Instant
    data_age_seconds: Known
    forecast_age_seconds: Known
    capacity_age_seconds: Known
    lead_time_seconds: Known
    keep_alive_seconds: float
    """Time that an on-demand unit stays warm after use."""
    keep_alive_basis: Literal["policy", "assumed", "measured"]
    last_write: Instant
    dead_man: list[tuple[Instant, int]]
    usd_per_hour: Known
    """Cost of ready warm capacity, including units of external settings; `others_usd_per_hour` is their part."""
    others_usd_per_hour: Known
    cost_today_usd: Known
    cost_month_usd: Known
    others_month_usd: Known
    saved_month_usd: Known
    saved_month_range_usd: tuple[float, float] | None
    """Minimum and maximum over the range of the keep-alive and of an estimated peak; null if neither makes a difference."""
    cold_starts_today: Known
    cold_starts_today_without: Known
    cold_starts_today_range: tuple[float, float] | None
    cold_starts_today_without_range: tuple[float, float] | None
    cost_today_without_usd: Known
    cost_today_tracking_usd: Known
    cold_starts_today_tracking: Known
    cold_start_cost_today_usd: Known
    saved_today_usd: Known
    saved_today_range_usd: tuple[float, float] | None
    saved_today_on_tracking_usd: Known
    error: str | None
    overrides: list[OverrideInForce]
    decision: PlanSummary | None
    last_change: PlanSummary | None
    next: list[tuple[int, int]] | None
    """Pairs of minutes from now and units."""
    next_at: Instant
    next_missing: str | None
    events: list[EventEntry]
    event_warnings: list[str]
    """Events without a measurable effect so far."""


class Reason(Shape):
    """A step of a plan: its code, its text, and the target before and after it."""

    code: str
    text: str
    before: int | None
    after: int | None


class Proposal(Shape):
    """Proposal of the rules."""

    target: Known
    candidate: str
    trusted: bool


class KeepAliveShape(Shape):
    """Time that an on-demand unit stays warm after use, probably between `low_seconds` and `high_seconds`, and its source."""

    seconds: float
    low_seconds: float
    high_seconds: float
    basis: Literal["policy", "assumed", "measured"]
    observations: int
    text: str


class PoolDetail(PoolEntry):
    """All data of one pool at this instant."""

    as_of: str
    reasons: list[Reason]
    proposal: Proposal | None
    policy: Json
    """Policy of the pool with the defaults of the file; `stoker schema` lists its keys."""
    traits: Json
    """Properties of the resource at the provider."""
    keep_alive: KeepAliveShape
    lead_times_seconds: list[float]
    source: str
    metric_delay_seconds: float
    today: dict[str, Known]
    month: dict[str, Known]


class TickSummary(Shape):
    """The last tick."""

    started_at: str
    seconds: float
    planned: int
    written: int
    busy: int


class Totals(Shape):
    """Sums over all pools; empty before the first tick."""

    pools: int | None = None
    requested: int | None = None
    ready: int | None = None
    busy: Known = None
    cost_today_usd: Known = None
    cost_month_usd: Known = None


class Source(Shape):
    """A demand source, and the cost of reading it at list price."""

    kind: str
    pools: int
    collected_at: Instant
    metric_delay_seconds: float
    metric_delay_measured: bool
    failing: int
    reads_usd_per_month: Known


class LimitUse(Shape):
    """A limit of the policy, and its current use."""

    limit: float
    used: float


class Limits(Shape):
    """The limits that the policy sets; empty before the first tick."""

    pools_per_tick: LimitUse | None = None
    units_per_tick: LimitUse | None = None
    usd_per_hour: LimitUse | None = None
    usd_per_month: LimitUse | None = None
    usd_per_hour_wanted: Known = None
    usd_per_hour_left: Known = None
    pools_lowered: int | None = None
    pools_waiting: int | None = None


class OrphanEntry(Shape):
    """Capacity that Stoker set on a resource that is no longer in the policy; it stays until it is released or added again."""

    pool: str
    lever: str
    resource: str
    units: int
    since: str
    text: str
    error: str | None


class Status(Shape):
    """Every pool as of the last tick."""

    as_of: Instant
    tick: TickSummary | None
    totals: Totals
    sources: list[Source]
    limits: Limits
    orphans: list[OrphanEntry]
    pools: list[PoolEntry]
    lease: dict[str, str | int | None] | None = None


class Pools(Shape):
    """The pools of `/status`."""

    as_of: Instant
    pools: list[PoolEntry]


class Plan(Shape):
    """A decision with its inputs."""

    pool: str
    at: str
    action: Literal["write", "keep", "hold"]
    target: int | None
    requested: int | None
    ready: int | None
    proposal: Proposal | None
    reasons: list[Reason]
    text: str
    inputs: Json
    """All inputs of the plan; `stoker replay` repeats it."""


class Recorded(Plan):
    """A stored decision."""

    id: int
    cursor: str


class Decisions(Shape):
    """A page of decisions, newest first."""

    items: list[Recorded]
    next: str | None
    """Value of `before` for the next page."""


class Why(Shape):
    """One decision with all its data. `overrides`: in force now; none for a recorded decision."""

    pool: str
    asked_for: Instant
    recorded: bool
    record: Recorded | Plan
    overrides: list[OverrideInForce]

"""Responses of the handlers, published in `/openapi.json`. Tests check that each response has exactly these keys."""

from typing import Any, Literal

from controller.decision.costs.kinds import Kind
from controller.decision.planning.overrides_in_force import Kind as OverrideKind
from controller.http.schemas.display import DisplaySettings
from controller.http.schemas.figures import Account, ActualFigures, KindTotals, SimulatedFigures
from controller.http.schemas.limits import Limits
from controller.http.schemas.reload import PolicyEntry
from controller.http.schemas.shape import Instant, Known, Shape

Json = dict[str, Any]


class Problem(Shape):
    """An error: its cause and the remedy."""

    error: str
    """One line."""


class OverrideEntry(Shape):
    """An override of an operator."""

    kind: OverrideKind
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
    action: Literal["write", "would-write", "keep", "hold"]
    target: int | None
    text: str


class EventEntry(Shape):
    """A window of an announced event within the next two days."""

    name: str
    start: str
    end: str
    expected: str
    """Factor of the usual demand, or units, and the learned effect of past windows."""


class LeadEntry(Shape):
    """A leading signal of the pool: the newest known value, its age, and the delay of its source."""

    name: str
    value: Known
    age_seconds: Known
    delay_seconds: float
    error: str | None
    """Why nothing newer can be read. The pool is then decided without the signal."""
    forecast: int | None
    """Units that the signal forecast for the last plan. Null where another signal cost less, or too little is known."""
    followed: bool
    """Whether the last proposal follows the forecast, or is raised to it."""


class Pings(Shape):
    """Layer above the base of a pool: units that pings keep warm, in addition to those of the pool's own entry."""

    lever: str
    mode: Literal["shadow", "active"]
    """That of the pool."""
    actual_requested: int | None
    actual_ready: int | None
    actual_phase: str | None
    simulated_requested: int | None = None
    simulated_ready: int | None = None
    simulated_phase: str | None = None
    """Only in shadow mode."""
    target: int | None
    level: int | None
    """Units in total that both layers should keep; 0 where no pings run."""
    action: Literal["write", "would-write", "keep", "hold"] | None
    text: str | None
    """Reasons of the plan, with their numbers."""
    actual_usd_per_hour: Known = None
    """Pings of the ready units, in active mode; not in the `actual_usd_per_hour` of the pool."""
    simulated_usd_per_hour: Known = None
    """The same in shadow mode."""
    error: str | None


class PoolEntry(ActualFigures, SimulatedFigures):
    """One pool. Units are integers or, for demand, averages. A pool has only the figures of its kinds."""

    name: str
    mode: Literal["shadow", "active"]
    lever: str
    account: str | None
    """AWS account of the pool's role; None for the account of the daemon and for other clouds."""
    kept_by_others: int | None
    """Units that an external setting keeps warm in addition to `actual_requested`; `kept_by` names it."""
    kept_by: str | None
    busy: Known
    peak: Known
    target: int | None
    action: Literal["write", "would-write", "keep", "hold"] | None
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
    others_usd_per_hour: Known
    """Cost of the units that external settings keep warm."""
    error: str | None
    overrides: list[OverrideInForce]
    decision: PlanSummary | None
    last_change: PlanSummary | None
    next: list[tuple[int, int]] | None
    """Pairs of minutes from now and units."""
    next_at: Instant
    next_missing: str | None
    pings: Pings | None = None
    """Only for a pool with layers. All other figures of capacity are those of the base."""
    actual_ping_blackout_seconds_since_start: Known = None
    """Only for a pool with pings: measured time in which rounds held all idle units, since the start of the daemon. Null: not
    measured, as before the first round and in shadow mode.
    """
    actual_ping_blackout_requests_since_start: Known = None
    """Requests of users expected in that time, an upper bound of those that waited. Null: not measured, or no metrics."""
    events: list[EventEntry]
    metric_reads_usd_per_month: float
    """List price of reading this pool alone, averaged over about a day; 0 where reads are free or not planned."""
    metric_reads_slowed: str | None
    """Why the pool is read once a quarter of an hour; None while its schedule decides."""
    event_warnings: list[str]
    """Events without a measurable effect so far."""
    leads: list[LeadEntry]


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
    pings_reasons: list[Reason] | None = None
    """Only for a pool with layers."""
    proposal: Proposal | None
    policy: Json
    """Policy of the pool with the defaults of the file; `stoker schema` lists its keys."""
    traits: Json
    """Properties of the resource at the provider."""
    keep_alive: KeepAliveShape
    lead_times_seconds: list[float]
    display: DisplaySettings
    source: str
    metric_delay_seconds: float
    accounts: dict[Kind, Account]
    """Only the kinds of the pool."""
    sentence: str
    """What Stoker changed today in bill and cold starts, or in shadow mode would have changed."""


class TickSummary(Shape):
    """The last tick."""

    started_at: str
    seconds: float
    planned: int
    written: int
    busy: int


class Totals(Shape):
    """Sums by kind; empty before the first tick."""

    actual: KindTotals | None = None
    """Of pools in active mode."""
    simulated: KindTotals | None = None
    """Of pools in shadow mode."""


class Source(Shape):
    """A demand source, and the cost of reading it at list price."""

    kind: str
    pools: int
    leads: int
    """Leading signals that are no pool's demand; a source has either pools or leads."""
    collected_at: Instant
    metric_delay_seconds: float
    metric_delay_measured: bool
    failing: int
    metric_reads_usd_per_month: Known


class OrphanEntry(Shape):
    """Capacity that Stoker set on a resource that is no longer in the policy; it stays until it is released or added again."""

    pool: str
    lever: str
    resource: str
    account: str | None
    units: int
    usd_per_hour: Known
    """Bill of the units at list price; null until the price is known."""
    since: str
    text: str
    error: str | None


class Status(Shape):
    """Every pool as of the last tick."""

    as_of: Instant
    tick: TickSummary | None
    totals: Totals
    sources: list[Source]
    metric_reads_usd_per_month: Known
    """Of all sources."""
    limits: Limits
    policy: PolicyEntry | None
    orphans: list[OrphanEntry]
    display: DisplaySettings
    pools: list[PoolEntry]
    lease: dict[str, str | int | None] | None = None


class Pools(Shape):
    """The pools of `/status`."""

    as_of: Instant
    pools: list[PoolEntry]

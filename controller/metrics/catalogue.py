"""Every metric there is, in one table: what documentation, dashboard and alerts are checked against."""

from typing import Literal, NamedTuple

POOL = ("pool", "mode")


class Family(NamedTuple):
    """One metric as Prometheus sees it. The samples of a counter end in `_total`, as its name does here."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    text: str
    labels: tuple[str, ...] = ()


def gauge(name: str, text: str, *labels: str) -> Family:
    return Family(name, "gauge", text, labels)


def counter(name: str, text: str, *labels: str) -> Family:
    return Family(name, "counter", text, labels)


POOL_FAMILIES: tuple[Family, ...] = (
    gauge("stoker_demand_peak_units", "Most work in flight in the newest known minute.", *POOL),
    gauge("stoker_demand_busy_units", "Average work in flight in the newest known minute.", *POOL),
    gauge("stoker_data_age_seconds", "Age of the newest known minute of demand.", *POOL),
    gauge("stoker_metrics_fresh", "1 when demand is known well enough to plan by, else 0.", *POOL),
    gauge("stoker_metrics_quiet", "1 when no metrics arrive and it is unknown whether the pool is idle, else 0.", *POOL),
    gauge("stoker_telemetry_broken", "1 when it is proved that demand cannot be read, else 0.", *POOL),
    gauge("stoker_forecast_age_seconds", "Since the rules last followed demand to its end.", *POOL),
    gauge("stoker_forecast_peak_units", "Peak demand that was forecast of this minute.", *POOL, "level"),
    gauge("stoker_proposed_units", "Warm units that the chosen rules propose, before any guardrail.", *POOL),
    gauge("stoker_target_units", "Warm units that the last plan wants.", *POOL),
    gauge("stoker_requested_units", "Warm units asked of the provider.", *POOL),
    gauge("stoker_ready_units", "Warm units usable now.", *POOL),
    gauge("stoker_others_units", "Units that settings of others keep warm beyond those asked of the provider.", *POOL),
    gauge("stoker_capacity_age_seconds", "Since the provider was last read.", *POOL),
    gauge("stoker_floor_units", "The policy's min.", *POOL),
    gauge("stoker_ceiling_units", "The policy's max.", *POOL),
    gauge("stoker_guardrail_active", "1 for each reason that altered or held the last plan.", *POOL, "reason"),
    gauge("stoker_lead_time_seconds", "Measured time from asking for capacity to its being ready.", *POOL),
    gauge("stoker_last_write_timestamp_seconds", "When the provider last took a write.", *POOL),
    gauge("stoker_pool_active", "1 when plans are carried out, 0 in shadow.", *POOL),
    gauge("stoker_pool_overrides", "Orders of operators that hold for the pool now: pause, pin, boost.", *POOL),
    gauge("stoker_pool_failing", "1 when the pool's capacity or demand cannot be read, else 0.", *POOL),
    gauge("stoker_pool_metrics_missing", "1 when metrics are missing for longer than missing_metrics_limit, else 0.", *POOL),
    gauge("stoker_budget_usd", "The policy's budget of a month for warm capacity.", *POOL),
    gauge("stoker_budget_spent_usd", "What of it is spent this month.", *POOL),
    gauge("stoker_objective_warm_hit_ratio", "Share of requests that the policy wants warm, where it says one.", *POOL),
    gauge("stoker_month_cost_usd", "Estimated bill of this month so far.", *POOL),
    gauge("stoker_month_saved_usd", "Estimated saving of this month so far, cold starts priced by the objective.", *POOL),
    gauge("stoker_month_cold_starts", "Estimated cold starts of this month so far.", *POOL),
    gauge("stoker_month_cold_starts_without", "What they would have been without warm capacity.", *POOL),
    gauge("stoker_month_warm_unit_seconds", "Seconds of warm units of this month so far.", *POOL),
    gauge("stoker_month_idle_unit_seconds", "What of them stood idle.", *POOL),
    counter("stoker_warm_hits_total", "Estimated requests that found a warm unit.", *POOL),
    counter("stoker_cold_starts_total", "Estimated requests that waited for an initialisation.", *POOL),
    counter("stoker_cost_usd_total", "Estimated bill by what it is for.", *POOL, "kind"),
    counter("stoker_cold_start_cost_usd_total", "What cold starts cost by the objective; no provider bills it.", *POOL),
    counter("stoker_actuations_total", "Writes to the lever by outcome; simulated in shadow mode.", *POOL, "outcome"),
    counter("stoker_forecast_pinball_loss_units_total", "Pinball loss of forecast peak demand, once it came.", *POOL, "level"),
    counter("stoker_forecast_scored_total", "Minutes of demand that this loss was summed over.", *POOL),
)
DAEMON_FAMILIES: tuple[Family, ...] = (
    gauge("stoker_build_info", "1; the version that runs.", "version"),
    gauge("stoker_daemon_ready", "1 when /readyz says ready, else 0."),
    gauge("stoker_unready_reasons", "How many reasons /readyz gives."),
    gauge("stoker_leader", "1 where this daemon may write, 0 where another one does."),
    gauge("stoker_fencing_number", "The number under which this daemon leads; none without a lease."),
    gauge("stoker_lease_store_unreachable", "1 when the lease store gave no usable answer last, else 0."),
    gauge("stoker_pools", "Pools of the policy.", "mode"),
    gauge("stoker_orphan_units", "Units that Stoker set on a resource that the policy names no more.", "pool", "lever"),
    counter("stoker_decisions_total", "Decisions that changed something.", "action", "reason"),
    counter("stoker_ticks_total", "Ticks by how they ended.", "outcome"),
    Family("stoker_tick_duration_seconds", "histogram", "How long ticks took."),
    gauge("stoker_tick_seconds", "How long the last tick took."),
    gauge("stoker_tick_interval_seconds", "How often a tick is due."),
    gauge("stoker_tick_started_timestamp_seconds", "When the last tick began."),
    gauge("stoker_busy_pools", "Pools that were still at an earlier step."),
    gauge("stoker_limit", "A limit of the policy, in its own unit.", "limit"),
    gauge("stoker_limit_used", "What is used of it.", "limit"),
    gauge("stoker_pools_waiting", "Pools whose change waits for the next tick."),
    gauge("stoker_pools_lowered", "Pools that limits in USD leave less than they want."),
    gauge("stoker_metric_delay_seconds", "From a minute to its settled value.", "source"),
    gauge("stoker_metric_reads_usd_per_month", "List price of reading demand.", "source"),
    counter("stoker_metric_reads_usd_total", "What reading demand has cost at list price.", "source"),
    counter("stoker_notices_total", "Notices by outcome.", "sink", "outcome"),
    gauge("stoker_notices_waiting", "Notices that are not delivered yet.", "sink"),
    counter("stoker_api_calls_total", "Calls to providers.", "api", "operation", "outcome"),
)
FAMILIES = {family.name: family for family in (*POOL_FAMILIES, *DAEMON_FAMILIES)}

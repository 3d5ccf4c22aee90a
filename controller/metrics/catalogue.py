"""Table of all metrics. Tests check documentation, dashboards and alerts against it."""

from typing import Literal, NamedTuple

from controller.decision.costs.kinds import KINDS, Kind

POOL = ("pool", "mode")


class Family(NamedTuple):
    """One metric of Prometheus. The name of a counter includes `_total`, as its samples do."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    text: str
    labels: tuple[str, ...] = ()


def gauge(name: str, text: str, *labels: str) -> Family:
    """Return a gauge."""
    return Family(name, "gauge", text, labels)


def counter(name: str, text: str, *labels: str) -> Family:
    """Return a counter."""
    return Family(name, "counter", text, labels)


def kind_families(kind: Kind) -> tuple[Family, ...]:
    """Return the metrics of accounts, of one kind."""
    def text(actual: str) -> str:
        return actual if kind == "actual" else f"{actual.removesuffix('.')}, if plans in shadow mode were carried out."

    prefix = f"stoker_{kind}"
    return (
        gauge(f"{prefix}_usd_per_hour", text("Bill per hour of ready warm units."), *POOL),
        gauge(f"{prefix}_budget_spent_usd", text("Spent part of the budget this month."), *POOL),
        gauge(f"{prefix}_bill_month_usd", text("Estimated bill of this month so far."), *POOL),
        gauge(f"{prefix}_bill_projected_month_usd", text("Estimated bill of the whole month."), *POOL),
        gauge(f"{prefix}_bill_without_stoker_month_usd", "Estimated bill of this month so far without Stoker.", *POOL),
        gauge(f"{prefix}_saved_month_usd", text("Bill without Stoker minus bill of this month so far."), *POOL),
        gauge(f"{prefix}_cold_starts_month", text("Estimated cold starts of this month so far."), *POOL),
        gauge(f"{prefix}_cold_starts_without_stoker_month", "Estimated cold starts of this month so far without Stoker.", *POOL),
        gauge(f"{prefix}_warm_unit_seconds_month", text("Unit-seconds of warm capacity of this month so far."), *POOL),
        gauge(f"{prefix}_idle_unit_seconds_month", text("Unit-seconds of idle warm capacity of this month so far."), *POOL),
        counter(f"{prefix}_warm_hits_total", text("Estimated requests served by a warm unit."), *POOL),
        counter(f"{prefix}_cold_starts_total", text("Estimated requests that waited for initialisation."), *POOL),
        counter(f"{prefix}_cold_starts_during_pings_total",
                text("Cold starts because a round of pings holds units; part of all cold starts."), *POOL),
        counter(f"{prefix}_bill_usd_total", text("Estimated bill by kind of cost."), *POOL, "kind"),
        counter(f"{prefix}_cold_start_cost_usd_total", text("Cold starts at the price of the objective; no part of a bill."),
                *POOL),
        counter(f"{prefix}_writes_total", text("Writes to the lever by outcome."), *POOL, "outcome"),
    )


POOL_FAMILIES: tuple[Family, ...] = (
    gauge("stoker_demand_peak_units", "Maximum of work in flight in the newest known minute.", *POOL),
    gauge("stoker_demand_busy_units", "Average work in flight in the newest known minute.", *POOL),
    gauge("stoker_data_age_seconds", "Age of the newest known minute of demand.", *POOL),
    gauge("stoker_metrics_fresh", "1 when demand is fresh enough to plan with, else 0.", *POOL),
    gauge("stoker_metrics_quiet", "1 when no metrics arrive and it is unknown whether the pool is idle, else 0.", *POOL),
    gauge("stoker_push_senders", "Senders of pushed demand: reporting, or silent without a final report.", *POOL, "state"),
    gauge("stoker_telemetry_broken", "1 when demand is proved to be unreadable, else 0.", *POOL),
    gauge("stoker_forecast_age_seconds", "Time since the capacity rules last processed the newest demand.", *POOL),
    gauge("stoker_forecast_peak_units", "Forecast of peak demand for this minute, by quantile level.", *POOL, "level"),
    gauge("stoker_proposed_units", "Warm units that the selected rules propose, before guardrails.", *POOL),
    gauge("stoker_target_units", "Target of the last plan in warm units.", *POOL),
    gauge("stoker_actual_requested_units", "Warm units requested from the provider.", *POOL),
    gauge("stoker_actual_ready_units", "Warm units of the provider that are usable now.", *POOL),
    gauge("stoker_simulated_requested_units", "Warm units that would be requested, in shadow mode.", *POOL),
    gauge("stoker_simulated_ready_units", "Warm units that would be usable now, in shadow mode.", *POOL),
    gauge("stoker_others_units", "Units that external settings keep warm in addition to the requested ones.", *POOL),
    gauge("stoker_capacity_age_seconds", "Time since capacity was last read.", *POOL),
    gauge("stoker_floor_units", "Minimum (min) in the policy.", *POOL),
    gauge("stoker_ceiling_units", "Maximum (max) in the policy.", *POOL),
    gauge("stoker_guardrail_active", "1 for each reason that changed or held the last plan.", *POOL, "reason"),
    gauge("stoker_lead_time_seconds", "Measured time from a request for capacity until it is ready.", *POOL),
    gauge("stoker_last_write_timestamp_seconds", "Instant of the last write that the provider accepted.", *POOL),
    gauge("stoker_ping_pause_seconds", "Present maximum time between two rounds of pings.", *POOL),
    gauge("stoker_ping_hold_seconds", "Time for which units hold a ping of a burst.", *POOL),
    counter("stoker_ping_blackout_seconds_total", "Time in which pings held all idle units at once.", *POOL),
    counter("stoker_ping_blackout_requests_total", "Requests of users expected to have arrived in that time.", *POOL),
    gauge("stoker_pool_active", "1 in active mode, 0 in shadow mode.", *POOL),
    gauge("stoker_pool_overrides", "Active overrides of the pool.", *POOL),
    gauge("stoker_pool_failing", "1 when the pool's capacity or demand cannot be read, else 0.", *POOL),
    gauge("stoker_pool_metrics_missing", "1 when metrics are missing for longer than missing_metrics_limit, else 0.", *POOL),
    gauge("stoker_budget_usd", "Monthly budget for warm capacity in the policy.", *POOL),
    gauge("stoker_objective_warm_hit_ratio", "Objective for the share of warm requests in the policy, if set.", *POOL),
    gauge("stoker_leading_signal", "Newest known value of a leading signal.", *POOL, "signal"),
    gauge("stoker_leading_signal_age_seconds", "Age of that value.", *POOL, "signal"),
    gauge("stoker_leading_signal_followed", "1 when the last proposal follows a leading signal, else 0.", *POOL, "signal"),
    gauge("stoker_leading_signal_failing", "1 when a leading signal cannot be read, else 0.", *POOL, "signal"),
    *(family for kind in KINDS for family in kind_families(kind)),
    counter("stoker_forecast_pinball_loss_units_total", "Pinball loss of forecasts of known peak demand.", *POOL, "level"),
    counter("stoker_forecast_scored_total", "Minutes of demand in the sum of the pinball loss.", *POOL),
)
DAEMON_FAMILIES: tuple[Family, ...] = (
    gauge("stoker_build_info", "1, with the running version as label.", "version"),
    gauge("stoker_daemon_ready", "1 when /readyz reports ready, else 0."),
    gauge("stoker_unready_reasons", "Number of reasons that /readyz lists."),
    gauge("stoker_leader", "1 when this daemon may write, 0 when another daemon leads."),
    gauge("stoker_fencing_number", "Fencing number of this leader; no sample without a lease."),
    gauge("stoker_lease_store_unreachable", "1 when the last request to the lease store failed, else 0."),
    gauge("stoker_pools", "Number of pools in the policy.", "mode"),
    gauge("stoker_pool_account", "1; the AWS account of the role of a pool that has one.", "pool", "account"),
    gauge("stoker_orphan_units", "Units that Stoker set on a resource that is no longer in the policy.", "pool", "lever"),
    gauge("stoker_orphan_usd_per_hour", "Bill per hour of these units at list price.", "pool", "lever"),
    gauge("stoker_policy_info", "1; the hash of the policy in use.", "hash"),
    gauge("stoker_policy_loaded_timestamp_seconds", "Time at which the policy in use was loaded."),
    gauge("stoker_policy_refused", "1 when the last reload of the policy was refused, else 0."),
    counter("stoker_policy_reloads_total", "Reloads of the policy by outcome.", "outcome"),
    counter("stoker_decisions_total", "Recorded decisions.", "action", "reason"),
    counter("stoker_ticks_total", "Ticks by outcome.", "outcome"),
    Family("stoker_tick_duration_seconds", "histogram", "Duration of ticks."),
    gauge("stoker_tick_seconds", "Duration of the last tick."),
    gauge("stoker_tick_interval_seconds", "Interval between ticks."),
    gauge("stoker_tick_started_timestamp_seconds", "Start of the last tick."),
    gauge("stoker_busy_pools", "Pools whose previous step had not ended at the last tick."),
    gauge("stoker_limit", "A limit of the policy, in its own unit.", "limit"),
    gauge("stoker_limit_used", "Used part of the limit.", "limit"),
    gauge("stoker_pools_waiting", "Pools whose change waits for the next tick."),
    gauge("stoker_pools_lowered", "Pools whose target is lowered by limits in USD."),
    gauge("stoker_metric_delay_seconds", "Time from a minute until its value is settled.", "source"),
    gauge("stoker_metric_reads_usd_per_month", "List price of reading demand per month.", "source"),
    counter("stoker_metric_reads_usd_total", "Cost of reading demand since the start at list price.", "source"),
    counter("stoker_notices_total", "Notifications by outcome.", "sink", "outcome"),
    gauge("stoker_notices_waiting", "Notifications that are not delivered yet.", "sink"),
    counter("stoker_api_calls_total", "Calls to providers.", "api", "operation", "outcome"),
)
FAMILIES = {family.name: family for family in (*POOL_FAMILIES, *DAEMON_FAMILIES)}

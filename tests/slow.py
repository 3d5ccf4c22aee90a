"""Files with slow unit tests: they simulate days of traffic, fit models or start other programs.

Together they take more than half of the CPU time of all unit tests. `make check` leaves them out; `make test` and CI run them.
"""

from pathlib import Path

TESTS = Path(__file__).parent

SLOW = frozenset(TESTS / name for name in (
    "adapters/aws/cloudwatch/test_demand_source.py",
    "adapters/aws/lambda_/test_ping_lever.py",
    "adapters/aws/test_clients.py",
    "adapters/aws/test_optional_members.py",
    "adapters/gcp/monitoring/test_demand_source.py",
    "adapters/gcp/test_clients.py",
    "adapters/pinging/test_keep_alive_loop.py",
    "adapters/sandbox/test_cloudwatch.py",
    "controller/backtest/report/test_report.py",
    "controller/backtest/test_lever_comparison.py",
    "controller/backtest/test_objective_replays.py",
    "controller/backtest/test_tuning.py",
    "controller/cli/evaluate/test_backtest.py",
    "controller/cli/evaluate/test_forecast.py",
    "controller/cli/evaluate/test_frontier_table.py",
    "controller/cli/evaluate/test_tune.py",
    "controller/cli/operate/test_why_of_traces.py",
    "controller/decision/selection/test_objective_cohort.py",
    "controller/decision/selection/test_provisional_scores.py",
    "controller/decision/selection/test_selector.py",
    "controller/demand/test_proposer.py",
    "controller/demand/test_selector_snapshot.py",
    "controller/fleet/test_dead_man_switch.py",
    "controller/forecasts/test_capacity_forecast.py",
    "controller/forecasts/test_worker_pool.py",
    "controller/http/handlers/test_forecast.py",
    "controller/http/test_fuzz.py",
    "controller/notifications/test_missing_metrics_log.py",
    "controller/report/test_replayed_report.py",
    "deploy/test_cloudformation.py",
    "deploy/test_monitoring.py",
    "forecasting/test_combined.py",
    "forecasting/test_harmonic.py",
    "test_import_contracts.py",
    "test_packaging.py",
))

LONGEST = tuple(TESTS / name for name in (
    "foreign/test_aws_daemons.py",
    "foreign/test_aws_network.py",
    "simulation/test_simulation.py",
    "foreign/test_aws_lease.py",
    "e2e/test_demo_all_levers.py",
    "foreign/test_aws_credentials.py",
    "controller/http/test_fuzz.py",
    "foreign/test_prometheus.py",
    "e2e/test_live_check.py",
    "e2e/test_takeover.py",
    "foreign/google/test_token_faults.py",
    "foreign/google/test_network.py",
    "controller/fleet/test_dead_man_switch.py",
    "adapters/aws/lambda_/test_ping_lever.py",
    "e2e/test_ahead.py",
    "e2e/test_steering.py",
    "e2e/test_dead_man.py",
    "controller/cli/evaluate/test_backtest.py",
    "scenarios/test_outages.py",
    "scenarios/test_pings.py",
))
"""Files that take longest, mostly because they wait. `make test` starts them first, so that none runs alone at the end."""

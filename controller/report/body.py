"""Report as JSON values. Keys of figures start with `actual_` in active mode and with `simulated_` in shadow mode. Pure."""

from typing import Any

from controller.accounting.figures import rounded
from controller.decision.costs.kinds import KIND_OF_MODE
from controller.forecasts.capacity_forecast import SCORED_LEVELS
from controller.report.accounts import SUFFIXES, Accounts
from controller.report.assembly import PoolReport, Report, coverage_error
from controller.report.content import sentence_of
from controller.report.gate import Gate


def body_of(report: Report) -> dict[str, Any]:
    """Return the report."""
    return {
        "start": report.period.start.isoformat(), "end": report.period.end.isoformat(),
        "metric_reads_usd_per_month": report.metric_reads_usd_per_month,
        "ready_for_active": report.ready if report.gated else None,
        "pools": [pool_body(pool) for pool in report.pools],
    }


def pool_body(pool: PoolReport) -> dict[str, Any]:
    """Return one pool in one mode."""
    kind = KIND_OF_MODE[pool.mode]
    return {
        "name": pool.name, "mode": pool.mode,
        "data": {"minutes": pool.known.minutes, "known_minutes": pool.known.known, "accounted_minutes": pool.accounts.known,
                 "accounted_minutes_by_day": {str(day): accounts.known for day, accounts in pool.days.items()},
                 "gaps": [{"start": gap.start.isoformat(), "end": gap.end.isoformat()} for gap in pool.known.gaps]},
        f"{kind}_changes": pool.changes.count, f"{kind}_lowest_target": pool.changes.lowest,
        f"{kind}_highest_target": pool.changes.highest,
        **({} if pool.pings is None else {
            f"{kind}_pings_changes": pool.pings.count, f"{kind}_pings_lowest_target": pool.pings.lowest,
            f"{kind}_pings_highest_target": pool.pings.highest, f"{kind}_pings_usd": rounded(pool.accounts.ping_usd)}),
        **{f"{kind}_{name}": value for name, value in account_body(pool.accounts).items()},
        "sentence": sentence_of([pool.accounts], pool.mode),
        "forecast": forecast_body(pool),
        "decisions": [{"kind": each.kind, "at": each.at.isoformat(), "times": each.times, "text": each.text,
                       "command": each.command(pool.name)} for each in pool.notable],
        "gate": None if pool.gate is None else gate_body(pool.gate),
    }


def account_body(accounts: Accounts) -> dict[str, Any]:
    """Return the figures of accounts, without their kind."""
    body: dict[str, Any] = {"saved_usd": rounded(accounts.without.bill_usd - accounts.stoker.bill_usd),
                            "cold_starts_during_pings": rounded(accounts.during_pings)}
    for name, outcome in accounts.outcomes.items():
        end = SUFFIXES[name]
        monthly, spread = outcome.bill_per_month_usd, outcome.cold_starts_range
        body |= {f"bill{end}_usd": rounded(outcome.bill_usd),
                 f"bill{end}_per_month_usd": None if monthly is None else rounded(monthly),
                 f"cold_starts{end}": rounded(outcome.cold_starts),
                 f"cold_starts{end}_range": None if spread is None else [rounded(each) for each in spread],
                 f"cold_start_cost{end}_usd": rounded(outcome.cold_start_cost_usd)}
    return body


def forecast_body(pool: PoolReport) -> dict[str, Any]:
    """Return the coverage of forecasts: for each level the shares of minutes with demand below, and at or below, the quantile."""
    coverage = pool.coverage
    shares = [{"level": level, "below": rounded(coverage.below[at] / coverage.minutes),
               "at_or_below": rounded(coverage.at_or_below[at] / coverage.minutes)}
              for at, level in enumerate(SCORED_LEVELS)] if coverage.minutes else []
    return {"minutes": coverage.minutes, "levels": shares,
            "p90_off_by": rounded(coverage_error(coverage)) if coverage.minutes else None}


def gate_body(gate: Gate) -> dict[str, Any]:
    """Return the answer of the gate with the value and threshold of each criterion."""
    return {"ready": gate.ready, "text": gate.text,
            "criteria": [{"key": check.key, "text": check.text, "value": check.value, "threshold": check.threshold,
                          "bound": "least" if check.least else "most", "met": check.met} for check in gate.checks]}

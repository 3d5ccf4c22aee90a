"""Recorded leading signals of a backtest: histories of other pools in it, and files of the policy."""

from pathlib import Path
from typing import TYPE_CHECKING

from controller.cli.failure import WrongInput
from controller.cli.verbosity import warn

if TYPE_CHECKING:
    from adapters.demand.history_file import History
    from config.model.lead import Lead
    from config.model.policy import Policy
    from controller.backtest.lead_replay import LeadHistory
    from forecasting.demand import DemandSeries


def recorded_leads(policy: "Policy", recorded: "dict[str, History]") -> "dict[str, list[LeadHistory]]":
    """Return the leading signals by pool, all with the metric delay that the policy assumes; warn of those without a history.

    Raise `WrongInput` if the file of a signal is unusable.
    """
    from controller.backtest.lead_replay import LeadHistory
    from controller.decision.costs.cost_model import whole_minutes

    delay, found = whole_minutes(policy.assume.metric_delay), {}
    for pool in policy.pools:
        each = [(lead, series_of(lead, policy, recorded)) for lead in pool.leads]
        for name in [lead.name for lead, series in each if series is None]:
            warn(f"{pool.name}: the leading signal {name} has no history, so it is left out; a backtest reads pools and "
                 "`kind: history-file`")
        found[pool.name] = [LeadHistory(series, delay) for _, series in each if series is not None]
    return found


def series_of(lead: "Lead", policy: "Policy", recorded: "dict[str, History]") -> "DemandSeries | None":
    """Return the history of a signal; None without one."""
    from adapters.demand.history_file import HistoryError, open_history
    from adapters.demand.settings import HistoryFileSettings
    from controller.demand.warmers import demand_of

    if lead.pool is not None:
        leader = next(pool for pool in policy.pools if pool.name == lead.pool)
        return demand_of(leader, recorded[lead.pool].series)[0]
    if not isinstance(lead.source, HistoryFileSettings):
        return None
    try:
        return open_history(Path(lead.source.path)).series
    except HistoryError as error:
        raise WrongInput(str(error)) from error

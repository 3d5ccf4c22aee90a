"""Log lines for pools whose metrics have been missing longer than `missing_metrics_limit`, once per outage."""

from collections.abc import Iterable
from datetime import datetime

import structlog

from controller.decision.costs.kinds import KIND_OF_MODE, Mode
from controller.decision.planning.missing_metrics import exceeds_missing_limit
from controller.fleet.fleet import MOST_NAMED, Fleet

log = structlog.get_logger("stoker.metrics")


class MissingMetricsLog:
    """Pools whose metrics were missing at the last tick."""

    def __init__(self) -> None:
        self.missing: dict[str, datetime] = {}
        """Pools whose metrics have been missing longer than the limit, and since when."""

    def update(self, fleet: Fleet, now: datetime) -> None:
        """Log the changes since the last tick: for each mode, at most one line for new outages and one for
        those that ended.
        """
        since = {name: fleet.region_of[name].collector.missing_since(name, now) for name in fleet.reconcilers}
        missing = {name: at for name, at in since.items()
                   if at is not None and exceeds_missing_limit(fleet.reconcilers[name].policy, at, now)}
        for mode in KIND_OF_MODE:
            if started := of_mode(fleet, mode, missing.keys() - self.missing.keys()):
                first = min(missing[name] for name in started)
                log.error("metrics-missing-long", mode=mode, pools=started[:MOST_NAMED], total=len(started),
                          since=first.isoformat(),
                          text="metrics are missing for longer than missing_metrics_limit: nothing is lowered")
            if ended := of_mode(fleet, mode, self.missing.keys() - missing.keys()):
                log.info("metrics-recovered", mode=mode, pools=ended[:MOST_NAMED], total=len(ended))
        self.missing = missing


def of_mode(fleet: Fleet, mode: Mode, names: Iterable[str]) -> list[str]:
    """Return the pools in `mode`, sorted; without those that have left the policy."""
    return sorted(name for name in names if name in fleet.reconcilers and fleet.reconcilers[name].policy.mode == mode)

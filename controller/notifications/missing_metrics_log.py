"""Log lines for pools whose metrics have been missing longer than `missing_metrics_limit`, once per outage."""

from datetime import datetime

import structlog

from controller.decision.planning.missing_metrics import exceeds_missing_limit
from controller.fleet.fleet import MOST_NAMED, Fleet

log = structlog.get_logger("stoker.metrics")


class MissingMetricsLog:
    """Pools whose metrics were missing at the last tick."""

    def __init__(self) -> None:
        self.missing: dict[str, datetime] = {}
        """Pools whose metrics have been missing longer than the limit, and since when."""

    def update(self, fleet: Fleet, now: datetime) -> None:
        """Log the changes since the last tick: at most one line for new outages and one for those that ended."""
        since = {name: fleet.region_of[name].collector.missing_since(name, now) for name in fleet.reconcilers}
        missing = {name: at for name, at in since.items()
                   if at is not None and exceeds_missing_limit(fleet.reconcilers[name].policy, at, now)}
        if started := sorted(missing.keys() - self.missing.keys()):
            first = min(missing[name] for name in started)
            log.error("metrics-missing-long", pools=started[:MOST_NAMED], total=len(started), since=first.isoformat(),
                      text="metrics are missing for longer than missing_metrics_limit: nothing is lowered")
        if ended := sorted(self.missing.keys() - missing.keys()):
            log.info("metrics-recovered", pools=ended[:MOST_NAMED], total=len(ended))
        self.missing = missing

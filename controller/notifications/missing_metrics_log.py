"""Says once, and loudly, which pools have become blind and which see again."""

from datetime import datetime

import structlog

from controller.decision.planning.planner import is_blind
from controller.fleet.fleet import MOST_NAMED, Fleet

log = structlog.get_logger("stoker.blindness")


class MissingMetricsLog:
    """What was last said of each pool."""

    def __init__(self) -> None:
        self.blind: dict[str, datetime] = {}
        """Pools that are blind, and since when their metrics are missing."""

    def look(self, fleet: Fleet, now: datetime) -> None:
        """After a tick: one line for all that changed, however many."""
        since = {name: fleet.region_of[name].collector.missing_since(name, now) for name in fleet.reconcilers}
        blind = {name: at for name, at in since.items() if at is not None and is_blind(fleet.reconcilers[name].policy, at, now)}
        if became := sorted(blind.keys() - self.blind.keys()):
            first = min(blind[name] for name in became)
            log.error("metrics-missing-long", pools=became[:MOST_NAMED], total=len(became), since=first.isoformat(),
                      text="metrics are missing for longer than missing_metrics_limit: nothing is lowered")
        if again := sorted(self.blind.keys() - blind.keys()):
            log.info("metrics-recovered", pools=again[:MOST_NAMED], total=len(again))
        self.blind = blind

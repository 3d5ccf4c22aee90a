"""Log of pools whose applications have stopped reporting: their demand is unknown, so their capacity is held."""

from collections.abc import Sequence

import structlog

from adapters.ports.reports import AcceptsReports

log = structlog.get_logger("stoker.demand")


class SilentSenders:
    """Number of silent senders of each pool, logged when a pool gets its first one and when it has none any more."""

    def __init__(self, reports: AcceptsReports) -> None:
        self._reports = reports
        self._silent: dict[str, int] = {}

    def look(self, pools: Sequence[str]) -> None:
        """Log the changes since the last look."""
        silent = {name: count for name in pools if (count := self._reports.senders(name)["silent"])}
        if started := sorted(silent.keys() - self._silent.keys()):
            log.warning("senders-silent", total=len(started), senders=sum(silent[name] for name in started),
                        text="demand is unknown and capacity is held: /status names a sender of each pool; let it report again, "
                             "or send a final report for it")
        if ended := sorted(self._silent.keys() - silent.keys()):
            log.info("senders-reporting", total=len(ended))
        self._silent = silent

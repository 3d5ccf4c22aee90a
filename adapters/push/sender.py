"""Reports of one sender: repeats and reordered reports change nothing, and a sequence that restarts is a new life. Pure."""

from dataclasses import dataclass, field

from adapters.ports.reports import Report

WINDOW = 16
"""Newest sequence numbers of which a report may still arrive late. An older one is a repeat, or the sender has restarted."""

PAUSE_SECONDS = 5.0
"""Time without a new report after which a much lower sequence number is a restart: a running sender reports more often."""


@dataclass(slots=True)
class Sender:
    """State of one sender. `level`: requests in flight after report `upto` and all before it. `later`: changes by reports after
    it, while one between them is missing. `seen`: the newest reports by sequence number.
    """

    reported_at: float
    """Time of the last report that left no gap, in seconds since the epoch."""
    silence: float
    """Seconds without a report after which it is silent."""
    new: bool = False
    """Whether it began to report while the daemon listened, and has taken the place of no other."""
    replaced: bool = False
    """Whether a new sender has taken its place."""
    since: float = 0.0
    """Time of its first report."""
    level: int = 0
    upto: int = 0
    later: dict[int, int] = field(default_factory=dict)
    seen: dict[int, Report] = field(default_factory=dict)
    newest: int = 0
    final: bool = False

    @property
    def in_flight(self) -> int:
        """Requests in flight, as far as reports have arrived."""
        return max(0, self.level + sum(self.later.values()))

    @property
    def complete(self) -> bool:
        """Whether no report is missing."""
        return not self.later

    def apply(self, report: Report, at: float) -> bool:
        """Record a report that arrives at `at`. Return False for a repeat, which changes nothing."""
        if self._restarted(report, at):
            self.level, self.upto, self.newest, self.later, self.seen = 0, 0, 0, {}, {}
        elif report.sequence in self.seen or (self.seen and report.sequence <= self.newest - WINDOW):
            return False
        had_gap = not self.complete
        self._remember(report)
        if report.in_flight is not None:
            if report.sequence > self.upto:
                self.level, self.upto, self.final = report.in_flight, report.sequence, report.final
                self.later = {number: change for number, change in self.later.items() if number > self.upto}
        elif report.sequence > self.upto:
            self.later[report.sequence], self.final = (report.started or 0) - report.ended, False
        while (change := self.later.pop(self.upto + 1, None)) is not None:
            self.level, self.upto = max(0, self.level + change), self.upto + 1
        if len(self.later) > WINDOW:  # the missing report does not come any more; the next level makes it complete
            del self.later[min(self.later)]
        if self.complete and (had_gap or report.sequence == self.newest):
            self.reported_at = at
        return True

    def _restarted(self, report: Report, at: float) -> bool:
        """Return whether a report is the first known one of a new life of the sender."""
        known = self.seen.get(report.sequence)
        if known is not None:
            return known != report
        much_lower = bool(self.seen) and report.sequence <= self.newest - WINDOW
        return much_lower and (report.sequence <= 1 or at - self.reported_at >= PAUSE_SECONDS)

    def _remember(self, report: Report) -> None:
        self.seen[report.sequence] = report
        self.newest = max(self.newest, report.sequence)
        if len(self.seen) > WINDOW:
            del self.seen[min(self.seen)]

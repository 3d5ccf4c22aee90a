"""Reports of applications for the pools of a fleet: the demand source records them, and a rise starts a look at the pool."""

from collections.abc import Mapping, Sequence

from adapters.ports.reports import AcceptsReports, Point, Receipt, Report, Span
from controller.fleet.fleet import Fleet
from controller.fleet.nudges import Nudges


class NotPushed(Exception):
    """The demand of a pool is read from elsewhere, or there is no such pool."""


class Reports:
    """What applications report, by any protocol. Makes no call to a provider."""

    def __init__(self, fleet: Fleet, nudges: Nudges) -> None:
        self._nudges, self._fleet = nudges, fleet
        self.follow()

    def follow(self) -> None:
        """Accept reports for the pools that the fleet has now."""
        fleet = self._fleet
        self._of_pool: dict[str, AcceptsReports] = {name: region.reports for name, region in fleet.region_of.items()
                                                    if region.reports is not None}
        self._by_attribute: dict[tuple[str, str], list[str]] = {}
        """Pools by the first attribute that their points and spans have."""
        for name, reports in self._of_pool.items():
            self._by_attribute.setdefault(min(reports.labels(name).items()), []).append(name)

    def pools_of(self, attributes: Mapping[str, str]) -> list[str]:
        """Return the pools whose points and spans have these attributes."""
        return [name for item in attributes.items() for name in self._by_attribute.get(item, ())
                if self._of_pool[name].labels(name).items() <= attributes.items()]

    def accept(self, pool: str, report: Report) -> Receipt:
        """Record a report. Raise `NotPushed`, or `TooMany`."""
        if pool not in self._fleet.region_of:
            raise NotPushed(f"the policy has no pool called {pool[:80]!a}")
        if pool not in self._of_pool:
            kind = self._fleet.region_of[pool].collector.source.kind
            raise NotPushed(f"the demand of pool {pool} is read from {kind}: to report it, set "
                            "`demand: {kind: push}` in the policy")
        receipt = self._of_pool[pool].accept(pool, report)
        if receipt.rose:
            self._nudges.rose(pool)
        return receipt

    def lost(self, pool: str) -> None:
        """Record that a report of a pool cannot be used; nothing for other pools."""
        if pool in self._of_pool:
            self._of_pool[pool].lost(pool)

    def measure(self, pool: str, sender: str, points: Sequence[Point]) -> None:
        """Record the points of an export for a pool of `pools_of`. Raise `TooMany` or `Impossible`."""
        receipt = self._of_pool[pool].measure(pool, sender, points)
        if receipt is not None and receipt.rose:
            self._nudges.rose(pool)

    def finish(self, pool: str, sender: str, spans: Sequence[Span], newest: float) -> int:
        """Record ended work of a pool of `pools_of`; return how many spans are not counted. Raise `TooMany`."""
        return self._of_pool[pool].finish(pool, sender, spans, newest)

    def heard(self, pool: str, sender: str, newest: float | None) -> None:
        """Record an export of a sender of a pool of `pools_of` that has none of its spans or points. Raise `TooMany`."""
        self._of_pool[pool].heard(pool, sender, newest)

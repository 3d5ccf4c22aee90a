"""Demand sources of a fleet: those of its pools, and those of leading signals."""

from collections.abc import Mapping

from controller.demand.collector import DemandCollector
from controller.fleet.fleet import Fleet


def collectors_of(fleet: Fleet) -> Mapping[str, DemandCollector]:
    """Return every collector by a label that is unique in the fleet: `KIND/NUMBER`, and of leading signals `KIND/lead-NUMBER`."""
    own = () if fleet.leads is None else fleet.leads.own
    return ({f"{region.collector.source.kind}/{at}": region.collector for at, region in enumerate(fleet.regions)}
            | {f"{collector.source.kind}/lead-{at}": collector for at, collector in enumerate(own)})

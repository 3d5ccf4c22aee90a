"""Policies of demand sources that are read as leading signals: as pools without capacity, so that all demand is read alike."""

from collections.abc import Iterable

from config.model.lead import Lead
from config.model.lever import LeverSettings
from config.model.policy import PoolPolicy

NO_LEVER = LeverSettings(kind="unknown")


class LeadPolicy(PoolPolicy):
    """Policy of one signal, derived from the pools that read it. It is in no file. Its name is `Lead.series`."""

    text: str
    """The signal, for display."""
    leads_to: tuple[str, ...]
    """Names of the pools that read it."""

    @property
    def title(self) -> str:
        """See `PoolPolicy`."""
        return f"lead {self.text} of {', '.join(self.leads_to)}"


def lead_policies(pools: Iterable[PoolPolicy]) -> list[LeadPolicy]:
    """Return a policy for each demand source that `pools` have as a lead, each source once."""
    signals: dict[str, tuple[Lead, list[str]]] = {}
    for pool in pools:
        for lead in pool.leads:
            if lead.source is not None:
                signals.setdefault(lead.series, (lead, []))[1].append(pool.name)
    return [LeadPolicy.model_construct(name=name, lever=NO_LEVER, demand=lead.source, credentials=lead.credentials, max=0,
                                       text=lead.name, leads_to=tuple(pools_of_lead))
            for name, (lead, pools_of_lead) in signals.items()]

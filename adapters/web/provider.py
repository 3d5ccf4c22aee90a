"""Provider of all pools at URLs: they share one client; lever and demand source of a pool share its pings."""

import os
from collections.abc import Mapping, Sequence
from functools import partial

from numpy.random import Generator

from adapters.pinging.demand_without_pings import DemandWithoutPings
from adapters.pinging.keep_alive_loops import PingProvider
from adapters.pinging.pinged import PingedPools
from adapters.ports.demand_source import Demands, DemandSource
from adapters.ports.diagnostics import Check, Finding, Probe, Verdict
from adapters.ports.discovery import Survey, Wanted, Where
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import Clock
from adapters.web.client import FIRST_BYTE_SECONDS, Client
from adapters.web.demand_page import PAGE_SECONDS, PageDemand
from adapters.web.settings import HttpMetricsSettings, HttpPingSettings
from config.model.demand import DemandSettings
from config.model.lever import LeverSettings
from config.model.policy import PoolPolicy


class Web(PingProvider):
    """Provider of pools at URLs. The registry makes one per process. `patience`: timeout of the first byte of a response to a
    ping, in seconds; `page_patience`: of a page of metrics.
    """

    def __init__(self, clock: Clock, rng: Generator, sandbox_url: str | None = None, patience: float = FIRST_BYTE_SECONDS,
                 pinged: PingedPools | None = None, page_patience: float = PAGE_SECONDS) -> None:
        super().__init__(pinged)
        self.clock, self.rng, self._page_patience = clock, rng, page_patience
        self.client = Client(sandbox_url, patience)

    def call_counters(self) -> list[CallCounter]:
        """Return the counter of requests."""
        return [self.client.calls]

    def sources(self, pools: Demands) -> list[tuple[DemandSource, tuple[str, ...]]]:
        """Return one source for all pools; every pool has its own page."""
        settings = {pool.name: demand for pool, demand in pools if isinstance(demand, HttpMetricsSettings)}
        pinged = self.pinged.among(pool for pool, _ in pools)
        source = PageDemand(self.client, self.clock, settings, ledgers={name: each.own_traffic for name, each in pinged.items()},
                            patience=self._page_patience)
        return [(DemandWithoutPings(source, pinged), tuple(settings))]

    def checks(self, pools: Sequence[PoolPolicy]) -> list[Check]:
        """See `adapters.registry.Provider`. Only the variables of `headers_from` can be checked."""
        return [Check(f"headers of {pool.name}", partial(_variables, pool.name, pool.lever)) for pool in pools]

    def demand_checks(self, pools: Demands) -> list[Check]:
        """See `adapters.registry.DemandProvider`. Only the variables of `headers_from` can be checked."""
        return [Check(f"headers of the demand of {pool.name}", partial(_variables, pool.name, demand)) for pool, demand in pools]

    def probes(self, pool: PoolPolicy) -> Mapping[str, Probe]:  # noqa: ARG002
        """Return no tests: URLs have no named permissions."""
        return {}

    async def survey(self, where: Where, wanted: Wanted | None = None) -> Survey:  # noqa: ARG002
        """Return nothing: URLs cannot be listed."""
        return Survey((), ())

    async def close(self) -> None:
        """Stop all pings and close all connections."""
        await self.end_pings()
        await self.client.close()


async def _variables(pool: str, settings: LeverSettings | DemandSettings) -> list[Finding]:
    headers = settings.headers_from if isinstance(settings, HttpPingSettings | HttpMetricsSettings) else {}
    missing = sorted({name for name in headers.values() if not os.environ.get(name)})
    if missing:
        return [Finding("credentials", pool, Verdict.FAIL, f"{', '.join(missing)} of headers_from is not set",
                        "set it in the daemon's environment")]
    if isinstance(settings, HttpMetricsSettings):
        return [Finding("credentials", pool, Verdict.OK, "every variable of headers_from is set")]
    return [Finding("credentials", pool, Verdict.UNCHECKED,
                    "a request to the URL would start a unit, so only the first ping shows whether it is accepted")]

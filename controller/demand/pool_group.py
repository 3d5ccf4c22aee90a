"""Group of pools that share a demand source: their demand, and the proposal for each."""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from adapters.ports.read_prices import ReadPrices
from adapters.ports.reports import HasReports
from controller.decision.costs.cost_model import CostTerms, Pings, TopTerms
from controller.decision.events.event_demand import UpcomingEvent
from controller.decision.planning.observation import DataFreshness, DemandView, Proposal, is_stale
from controller.decision.selection.weighting import SelectionWeights
from controller.demand import selector_snapshot
from controller.demand.collector import DemandCollector
from controller.demand.event_tracker import EventTracker
from controller.demand.lead_signals import LeadSignals
from controller.demand.proposer import Proposer
from controller.demand.reading.plan import Decided
from controller.demand.silent_senders import SilentSenders
from controller.telemetry.tracing import span

SPANS_EVERY = timedelta(hours=6)
"""Interval at which changes of measured durations replace the selector: they vary by 1 min by chance."""

RETIMED_SHOWN = timedelta(hours=1)
"""Time for which plans state that the keep-alive has changed."""

TERMS, PROPOSED = "terms", "proposed"
log = structlog.get_logger("stoker.demand")


@dataclass(frozen=True, slots=True)
class Budget:
    """Capacity reads and writes that a tick may start for one group.

    They leave most of the provider's request limit to other clients.
    """

    reads: int
    writes: int


class PoolGroup:
    """Collector of one demand source, with the proposer of its pools.

    `terms`: returns the current cost terms of each pool. `snapshot`: file that keeps what was learned over a restart. `events`:
    the announced events of its pools. `leads`: the leading signals of all pools, if any pool has some.
    """

    def __init__(self, collector: DemandCollector, terms: Callable[[], Mapping[str, CostTerms]], budget: Budget,
                 snapshot: Path | None = None, events: EventTracker | None = None, leads: LeadSignals | None = None) -> None:
        self.collector, self.budget, self.events, self.leads = collector, budget, events, leads
        self._without_events = None if events is None else events.without_uplift
        self.reports = collector.source.reports if isinstance(collector.source, HasReports) else None
        """What accepts the reports of applications, if the source has any."""
        self._senders = None if self.reports is None else SilentSenders(self.reports)
        self.terms_now, self._snapshot = terms, snapshot
        self.pools = collector.pools
        """Pools of the collector that are planned: rows of retired ones stay, and are neither read nor planned."""
        self.is_added = False
        """Whether a reload has added this group to those of the start."""
        self._terms = dict(terms())
        self._lead_delays = self._measured_lead_delays()
        self.proposer = self._new_proposer(self._terms)
        self.followed_at: datetime | None = None
        """Time at which the proposer last read all demand; before the first time, its proposals are outdated."""
        self._restored: dict[str, Proposal] = {}
        """Proposals of the snapshot, used until a new minute is known."""
        self._following: asyncio.Task[None] | None = None
        self._settled: set[str] = set()
        self._retimed: dict[str, tuple[datetime, str]] = {}
        """Pools whose keep-alive has changed, with time and text."""
        self._tuned_at: datetime | None = None
        self._saved_at: datetime | None = None

    async def gather(self, now: datetime) -> bool:
        """Collect new demand and update the proposals; return whether something new was stored."""
        source, pools = self.collector.source.kind, len(self.pools)
        if self.leads is not None:
            self.leads.start(now)
        with span("collect", source=source, pools=pools) as mark:
            with nullcontext() if self.leads is None else self.leads.reading(self.collector, now):
                stored = await self.collector.collect(now)
            mark.set(failing=len(self.collector.errors))
        if self._senders is not None:
            self._senders.look(self.pools)
        with span("choose", source=source, pools=pools):
            if self.events is not None:
                await self.events.prepare(self.collector, now)
            if self.leads is not None:
                await self.leads.settle(self.pools, now)
            await self._follow(now)
        self.collector.reading.decide(self._decided, self.collector.delay_minutes)
        return stored

    def retire(self, names: Collection[str]) -> None:
        """Read and plan these pools no more: they have left the policy, or another group has them."""
        collector = self.collector
        self.pools = tuple(name for name in self.pools if name not in names)
        collector.reading.retire(names)
        collector.errors = {name: error for name, error in collector.errors.items() if name not in names}
        collector.to_reread = [name for name in collector.to_reread if name not in names]

    def _decided(self, name: str) -> tuple[Decided, float, int]:
        """Return the newest proposal for a pool, and its newest known peak and minute; 0 without one."""
        proposal, latest, row = self.proposer.proposal(name), self.collector.latest(name), self.collector.row[name]
        decided = Decided() if proposal is None else Decided((proposal.target, self.proposer.level(name)), proposal.trusted)
        if self.collector.reading.is_new(name):
            decided = decided._replace(idle_day=not bool((self.collector.day.peak[row] > 0).any()))
        newest = int(self.collector.day.newest[row])
        return decided, 0.0 if latest is None else latest[0], newest

    def view(self, name: str, now: datetime) -> DemandView:
        """Return the demand of a pool for a plan. It has a proposal only after the proposer has read all history."""
        freshness, age = self.collector.freshness(name, now)
        if freshness is DataFreshness.FRESH and self.collector.has_fresh_read(name):
            self._settled.add(name)
        proposal = (self.proposer.proposal(name) or self._restored.get(name)) if self.followed_at is not None else None
        collector, lead_time = self.collector, self._terms[name].lead_time
        announced = None if self.events is None else self.events.event_demand(name, now, lead_time, collector)
        return DemandView(freshness, name in self._settled, age, proposal, collector.unknown_minutes(name, now),
                          collector.quiet[collector.row[name]], self._retimed_by(name, now), collector.traffic(name, now),
                          collector.missing_since(name, now), announced,
                          None if self.reports is None else self.reports.in_flight(name))

    def upcoming_events(self, name: str, now: datetime) -> list[UpcomingEvent]:
        """Return the near windows of a pool's announced events."""
        return [] if self.events is None else self.events.upcoming(name, now)

    def event_warnings(self, name: str) -> list[str]:
        """Return a warning for each kind of event of a pool that had no effect."""
        return [] if self.events is None else self.events.warnings(name)

    def weights(self, name: str) -> tuple[CostTerms, SelectionWeights]:
        """Return the cost terms of a pool, and the rule that it follows now."""
        return self._terms[name], self.proposer.weights(name)

    def worth(self) -> NDArray[np.float64]:
        """Return the USD that a dollar of warm units has recently saved in each of `pools`: float64[pools], NaN where unknown."""
        worth = self.proposer.worth()
        return worth if len(worth) == len(self.pools) else worth[[self.collector.row[name] for name in self.pools]]

    def terms(self, name: str) -> CostTerms:
        """Return the cost terms by which the rules of a pool, also of a retired one, are scored."""
        return self._terms[name]

    def lead_minutes(self, name: str) -> int:
        """Return the minutes from the newest settled one of a pool to the first that a decision now can change."""
        return self._terms[name].metric_delay + self._terms[name].lead_time

    async def retune(self, now: datetime) -> bool:
        """Replace the proposer if the terms of a pool or the delay of a lead have changed enough, or the history of a lead has
        become known; return whether it was replaced.

        The new proposer reads the whole history before it replaces the old one, so that no decision is based on a part of it.
        """
        terms = self._terms | dict(self.terms_now())
        recently_tuned = self._tuned_at is not None and not is_stale(now - self._tuned_at, SPANS_EVERY)
        differing = sum(differ(terms[name], self._terms[name], prices_only=recently_tuned) for name in terms)
        late = self.leads is not None and self.leads.take_late(self.pools)
        delays = self._measured_lead_delays()
        delayed = not recently_tuned and delays != self._lead_delays
        if not (differing or late or delayed or self.collector.rewritten):
            return False
        self.collector.rewritten, self._lead_delays = False, delays
        log.info("retuned", source=self.collector.source.kind, pools=differing)
        proposer = self._new_proposer(terms)
        await proposer.follow(self.collector, now)
        was, self.proposer, self._terms, self._tuned_at, self.followed_at = self._terms, proposer, terms, now, now
        for name, new in terms.items():
            if new.keep_alive != was[name].keep_alive:
                change = f"keep-alive {was[name].keep_alive} -> {new.keep_alive} min"
                self._retimed[name] = now, f"{change}: all rules were scored again at {now:%H:%M} UTC"
        return True

    def _new_proposer(self, terms: Mapping[str, CostTerms]) -> Proposer:
        return Proposer(self.collector, terms, self._without_events, self.leads)

    def _measured_lead_delays(self) -> list[tuple[int, ...]]:
        """Return the delays of the leads of each pool, in minutes."""
        return [] if self.leads is None else [self.leads.delay(name) for name in self.collector.pools]

    def _fingerprint(self) -> str:
        """Return the digest of all that what was learned depends on, apart from demand and terms."""
        pools = self.collector.pools
        return selector_snapshot.fingerprint(pools if self.leads is None else
                                             [" ".join((name, *self.leads.series(name))) for name in pools])

    def _retimed_by(self, name: str, now: datetime) -> str:
        """Return a text about a changed keep-alive within `RETIMED_SHOWN` after the change, else an empty one."""
        at, text = self._retimed.get(name, (now - RETIMED_SHOWN, ""))
        return text if not is_stale(now - at, RETIMED_SHOWN) else ""

    async def save_snapshot(self, now: datetime, fresh: timedelta = timedelta(0)) -> None:
        """Write what the proposer has learned to the snapshot.

        Nothing is written before it has read all history, while it is learning, or if the snapshot is younger than `fresh`.
        """
        busy = self._following is not None and not self._following.done()
        if self._snapshot is None or self.followed_at is None or busy:
            return
        if self._saved_at is not None and not is_stale(now - self._saved_at, fresh):
            return
        arrays = self.proposer.state()
        arrays[TERMS] = np.array(json.dumps({name: asdict(terms) for name, terms in self._terms.items()}))
        proposed = {name: self.proposer.proposal(name) or self._restored.get(name) for name in self.collector.pools}
        arrays[PROPOSED] = np.array(json.dumps({name: stored_proposal(each) for name, each in proposed.items()
                                                if each is not None}))
        key = self._fingerprint()
        try:
            await asyncio.to_thread(selector_snapshot.save, self._snapshot, key, arrays)
            self._saved_at = now
        except OSError as error:
            log.warning("state-not-saved", file=str(self._snapshot), error=str(error),
                        text="the next start replays history instead")

    async def restore_snapshot(self, now: datetime) -> bool:
        """Restore what an earlier run learned, unless pools, prices or code have changed since; return whether that succeeded."""
        if self._snapshot is None:
            return False
        key = self._fingerprint()
        arrays = await asyncio.to_thread(selector_snapshot.load, self._snapshot, key)
        if arrays is None or not {TERMS, PROPOSED} <= arrays.keys():
            return False
        terms = {name: stored_terms(fields) for name, fields in json.loads(str(arrays.pop(TERMS))).items()}
        # a billing step is known only after the lever was read: until then that of the snapshot applies
        known = {name: replace(self._terms[name], billing_step=terms[name].billing_step) for name in terms}
        if any(differ(known[name], terms[name], prices_only=True) for name in terms):
            return False
        retimed = any(known[name].keep_alive != terms[name].keep_alive for name in terms)
        proposer, proposed = self._new_proposer(terms), json.loads(str(arrays.pop(PROPOSED)))
        try:
            proposer.restore(arrays)
        except (KeyError, ValueError):
            return False
        self.proposer, self._terms, self._tuned_at = proposer, terms, None if retimed else now
        self._restored = {name: Proposal(**fields) for name, fields in proposed.items()}
        return True

    async def _follow(self, now: datetime) -> None:
        """Run `follow` to its end, even if the caller is cancelled: a proposer interrupted within a minute cannot continue."""
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self.proposer.follow(self.collector, now), name="follow")
        try:
            await asyncio.shield(self._following)
        except Exception:
            self.proposer, self.followed_at = self._new_proposer(self._terms), None
            raise
        self.followed_at = now


def stored_terms(fields: dict[str, Any]) -> CostTerms:
    """Return the cost terms of a snapshot, which `asdict` wrote."""
    top, pings, reads = fields["top"], fields["pings"], fields["reads"]
    rebuilt = {"reads": None if reads is None else ReadPrices(*reads), "pings": None if pings is None else Pings(**pings),
               "top": None if top is None else TopTerms(top["idle"], Pings(**top["pings"]))}
    return CostTerms(**fields | rebuilt)


def stored_proposal(proposal: Proposal) -> dict[str, object]:
    """Return a proposal for the snapshot, with its numbers as text."""
    rule = proposal.candidate if proposal.basis is None else f"{proposal} (before the restart)"
    return {"target": proposal.target, "candidate": rule, "trusted": proposal.trusted}


def differ(terms: CostTerms, was: CostTerms, prices_only: bool) -> bool:
    """Return whether terms have changed so much that history must be replayed.

    They have after any change of a price or a rate, a change of the initialisation by 20 %, and, unless `prices_only`, any change
    of a duration. A lower billing step is no change: it is 0 until the lever was read. A price per second is compared as the
    policy states it, because the price of a cold start follows the measured initialisation.
    """
    prices = [(one.idle, one.warm_busy, one.on_demand, stated_price(one), one.warm_hit_rate, one.top and one.top.pings)
              for one in (terms, was)]
    if prices[0] != prices[1] or terms.billing_step > was.billing_step:
        return True
    short = 1.0 if terms.cold_start_cost_usd_per_second is None else 0.1
    if abs(terms.init_seconds - was.init_seconds) > 0.2 * max(was.init_seconds, short):
        return True
    spans, before = ((one.metric_delay, one.lead_time, one.keep_alive) for one in (terms, was))
    return not prices_only and spans != before


def stated_price(terms: CostTerms) -> tuple[float | None, float | None]:
    """Return the price of a cold start, or of each of its seconds, as the policy states it."""
    each_second = terms.cold_start_cost_usd_per_second
    return (terms.cold_start_cost_usd, None) if each_second is None else (None, each_second)

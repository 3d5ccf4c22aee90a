"""Pools that share a demand source: what is known of their demand and what is proposed for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from controller.chooser import Chooser
from controller.economics import Terms
from controller.intake import Intake
from controller.plan import Sight
from controller.reconcile import View

SPANS_EVERY = timedelta(hours=6)
"""Measured spans waver by a minute; a chooser is not taught anew for them more often than this."""

log = structlog.get_logger("stoker.region")


@dataclass(frozen=True, slots=True)
class Budget:
    """How many readings of capacity and how many writes a tick may begin in one region, so that Stoker leaves most of the
    provider's request limit to everybody else.
    """

    reads: int
    writes: int


class Region:
    """One intake with what chooses for its pools.

    `terms`: what each pool is judged by, as known now.
    """

    def __init__(self, intake: Intake, terms: Callable[[], Mapping[str, Terms]], budget: Budget) -> None:
        self.intake, self.budget = intake, budget
        self._terms_now = terms
        self._terms = dict(terms())
        self.chooser = Chooser(intake, self._terms)
        self.followed_at: datetime | None = None
        """When the chooser last followed demand to its end; before the first time its proposals are of the past."""
        self._settled: set[str] = set()
        self._tuned_at: datetime | None = None

    async def gather(self, now: datetime) -> None:
        """Ask the source for what is new and let the chooser follow."""
        await self.intake.collect(now)
        await self.chooser.follow(self.intake, now)
        self.followed_at = now

    def view(self, name: str, now: datetime) -> View:
        """What a plan may know. A proposal counts only once the chooser has followed history to its end."""
        sight, age = self.intake.sight(name, now)
        if sight is Sight.FRESH and self.intake.read_anew(name):
            self._settled.add(name)
        proposal = self.chooser.proposal(name) if self.followed_at is not None else None
        return View(sight, age, proposal, name in self._settled)

    async def retune(self, now: datetime) -> bool:
        """Choose anew where a pool's terms are no longer what the chooser was made with; whether that was worth it.

        The new chooser follows the whole history before it takes over, so nothing is decided by a half-taught one.
        """
        terms = dict(self._terms_now())
        patient = self._tuned_at is not None and now - self._tuned_at < SPANS_EVERY
        differing = sum(differ(terms[name], self._terms[name], prices_only=patient) for name in terms)
        if not differing:
            return False
        log.info("retuned", source=self.intake.source.kind, pools=differing)
        chooser = Chooser(self.intake, terms)
        await chooser.follow(self.intake, now)
        self.chooser, self._terms, self._tuned_at, self.followed_at = chooser, terms, now, now
        return True


def differ(terms: Terms, was: Terms, prices_only: bool) -> bool:
    """Whether terms have changed enough to judge anew: any price, an initialisation by a fifth, and spans where they count."""
    if (terms.idle, terms.warm_busy, terms.on_demand) != (was.idle, was.warm_busy, was.on_demand):
        return True
    if abs(terms.init_seconds - was.init_seconds) > 0.2 * max(was.init_seconds, 1.0):
        return True
    spans, before = (terms.metric_delay, terms.lead_time), (was.metric_delay, was.lead_time)
    return not prices_only and spans != before

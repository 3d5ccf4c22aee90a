"""Reconciliation of one pool: read its capacity when due, plan, and write the target through its lever."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from adapters.ports.errors import AdapterError, Misconfigured, OutcomeUnknown, QuotaExceeded, Refused, Throttled, Unreachable
from adapters.ports.lease_store import fenced
from adapters.ports.lever import Capacity, CountedColdStarts, CountsInstances, CountsPings, Lever, Phase, ResumesTarget, Traits
from adapters.runtime.clock import Clock
from config.model.policy import PoolPolicy
from controller.decision.costs.measurements import RECENT_RAISES, learned, median_span, ready_after
from controller.decision.planning.guardrails import guardrails_for
from controller.decision.planning.observation import Bound, CapacityView, DemandView, Observation, is_stale
from controller.decision.planning.overrides_in_force import Override
from controller.decision.planning.plan import Action, LimitCheck, PlannedDecision
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import LONG_AGO, PoolState, accepted, must_store, state_key
from controller.decision.planning.record.decision_record import redact_observation
from controller.leadership.handover import UNKNOWN
from controller.leadership.leader_term import NO_LEASE, LeaderTerm
from controller.redaction.redactor import without_secrets
from controller.store.async_store import StateStore
from controller.store.sqlite_file import StoreError
from controller.telemetry.tracing import span

TRAITS_EVERY, LIMIT_EVERY = timedelta(hours=1), timedelta(minutes=5)
"""Interval between readings of the traits; the second applies while a limit of the provider reduces the target."""

LOOK_AGAIN = timedelta(seconds=30)
"""A reading of this age is repeated right before a write."""

CALL_TIMEOUT_SECONDS = 120.0
"""Longer than every client's own timeout and its wait for a rate limit: stops calls that never return."""

STILL_COUNTS, ACCEPTED = timedelta(hours=1), "accepted"  # the age up to which a reading counts while a rate limit applies
T = TypeVar("T")


class Reconciler:
    """One pool with its lever, last reading and state. Not for concurrent use: the fleet runs one step at a time.

    `price`: USD per unit-minute of warm capacity, from the traits. `lead_seconds`: durations of earlier raises, oldest first.
    `term`: the leader's term under which an active pool writes.
    """

    def __init__(self, policy: PoolPolicy, lever: Lever, clock: Clock, store: StateStore, state: PoolState, read_every: timedelta,
                 price: Callable[[Traits], float], lead_seconds: Iterable[float] = (), traits: Traits | None = None,
                 call_timeout_seconds: float = CALL_TIMEOUT_SECONDS, term: LeaderTerm = NO_LEASE) -> None:
        self.policy, self.lever, self.state = policy, lever, state
        self.key, self.counted = state_key(policy), lever.counted if isinstance(lever, CountsInstances) else None
        self.cold_starts = lever.cold_starts if isinstance(lever, CountedColdStarts) else None
        self.pings_sent = lever.pings_sent if isinstance(lever, CountsPings) else None
        self._clock, self._store, self.read_every, self.price = clock, store, read_every, price
        self._timeout = call_timeout_seconds
        self._no_answer = f"{policy.lever.resource}: no answer within {call_timeout_seconds:g} s"
        self.capacity: Capacity | None = None
        self.error: AdapterError | None = None  # why capacity is unknown
        self.refusal: AdapterError | None = None
        """Why the last step's write failed."""
        self.unstored: StoreError | None = None
        """Why a result of the last step could not be stored; it is stored with the next step."""
        self.traits = traits or Traits(memory_mb=policy.memory_mb)
        self.usd_per_unit_minute = price(self.traits)
        self.overrides: tuple[Override, ...] = ()
        """Overrides of operators, set by `controller.overrides.active_overrides`."""
        self.pauses_below: Callable[[], tuple[Override, ...]] = tuple  # of the layer below: they hold this one too
        self.term = term if policy.mode == "active" else NO_LEASE
        self._published = state.written
        """Units that the lease store has as written by Stoker."""
        self.lead_seconds: deque[float] = deque(lead_seconds, maxlen=RECENT_RAISES)
        self.read_at: datetime | None = None
        self._read_seconds = 0.0
        """Time of the last reading on the monotonic clock: setting the wall clock back does not make a reading newer."""
        self.wrote_at: datetime | None = None
        self.outcomes: Counter[str] = Counter()
        """Writes since the start by outcome: accepted, or the code of an error."""
        self._traits_at: datetime | None = None
        self._at_quota = False  # whether a limit of the provider reduced the last target
        self._raising: tuple[int, float, datetime] | None = None
        """Target of a raise that is not ready yet, and the time it was sent on the monotonic and the wall clock."""
        self._stored = state

    @property
    def lead_time(self) -> timedelta | None:
        """Median duration of recent raises; None while there are too few."""
        return median_span(self.lead_seconds)

    def start_term(self, term: LeaderTerm) -> None:
        """Start the term of another leader, or of this daemon. As after a restart, capacity is read before the next write."""
        if term is self.term or self.policy.mode != "active":
            return
        self.term, self.state = term, term.state(self.policy.name, self.state)
        self._published = term.confirmed_units(self.policy.name)
        self.capacity = self.error = self.read_at = self._raising = None
        if isinstance(self.lever, ResumesTarget):  # where no provider keeps the capacity, only the leader does
            self.lever.resume(term.units(self.state))

    def read_due(self, now: datetime) -> bool:
        """Return whether capacity must be read: unknown, out of date, or a change is in progress."""
        if self.capacity is None or self.error is not None or self.read_at is None:
            return True
        return self.has_pending_change or self._unread_for(self.read_every, now)

    def _unread_for(self, limit: timedelta, now: datetime) -> bool:
        """Return whether the last reading is `limit` old by either clock: one may be set, the other may stop during sleep."""
        passed = timedelta(seconds=self._clock.monotonic() - self._read_seconds)
        return self.read_at is not None and (is_stale(now - self.read_at, limit) or passed >= limit)

    @property
    def has_pending_change(self) -> bool:
        """Whether a change is in progress or has not been read yet. Such pools are read first when calls are limited."""
        if self.state.intent is not None or any(at > (self.read_at or LONG_AGO) for at, _ in self.state.unconfirmed_writes):
            return True
        if self.capacity is None:
            return False
        unshown = self.state.foreign_since is None and self.state.written not in (None, self.capacity.requested)
        return unshown or self.capacity.phase is Phase.IN_PROGRESS

    @property
    def read_priority(self) -> tuple[bool, datetime]:
        """Sort key of due readings: pending changes first, then the oldest reading."""
        return not self.has_pending_change, self.read_at or LONG_AGO

    def plan(self, demand: DemandView, now: datetime, bounds: tuple[Bound, ...] = (),
             leaving: str | None = None) -> PlannedDecision:
        """Return the plan for `demand` and the last reading. Makes no call and changes nothing."""
        capacity = CapacityView(self.capacity if self.error is None else None, self.error, self.traits.allowed, self.traits.limit,
                                self.traits.billing_step, self.usd_per_unit_minute)
        seen = redact_observation(Observation(now, demand, capacity, (*self.overrides, *self.pauses_below()), bounds, leaving,
                                              self.term.write_blocked, self.term.number))
        plan = make_plan(self.policy, self.state, seen, guardrails_for(seen))
        return PlannedDecision(self.policy, self.state, seen, plan, self.lead_time)

    async def step(self, demand: DemandView, read: bool = True, limits: LimitCheck | None = None,
                   leaving: str | None = None) -> PlannedDecision:
        """Read capacity if due and allowed, plan, and write. External failures do not raise; the plan contains them."""
        self.refusal = self.unstored = None
        if read and self.read_due(self._clock.now()):
            await self.read()
        decision = self._plan_within(demand, limits, leaving)
        if decision.plan.action is Action.WRITE and self._unread_for(LOOK_AGAIN, self._clock.now()):
            throttled = await self.read()
            decision = self._plan_within(demand, limits, leaving)
            if throttled is not None and decision.plan.action is Action.WRITE:
                await self._save(decision.plan.state)
                return self._failed(decision, throttled)
        if decision.plan.action is Action.WRITE and decision.plan.target is not None:
            return await self._write(decision, decision.plan.target)
        await self._save(decision.plan.state)
        return decision

    def _plan_within(self, demand: DemandView, limits: LimitCheck | None, leaving: str | None) -> PlannedDecision:
        """Return the plan within the limits of the fleet."""
        decision = self.plan(demand, self._clock.now(), leaving=leaving)
        bounds = () if limits is None else limits(decision)
        if bounds:
            decision = self.plan(demand, decision.plan.at, bounds, leaving)
        self._at_quota = decision.at_quota
        return decision

    def adopt(self, decision: PlannedDecision) -> bool:
        """Accept a plan that needs no write. Return whether its state must be stored now."""
        self._at_quota = decision.at_quota
        return self.accept_state(decision.plan.state)

    def accept_state(self, state: PoolState) -> bool:
        """Replace the state. Return whether it must be stored now."""
        self.state = state
        if not must_store(state, self._stored):
            return False
        self._stored = state
        return True

    def mark_unsaved(self) -> None:
        """Mark the state as not stored: the next step stores it again."""
        self._stored = PoolState()

    async def read(self) -> Throttled | None:
        """Read capacity. A failure is kept in `error`, and the last reading stays for display.

        When a rate limit applies, a recent reading still counts, and the error is returned instead. This does not apply while a
        write's outcome is open: an earlier reading does not show that outcome.
        """
        now = self._clock.now()
        try:
            every = LIMIT_EVERY if self._at_quota else TRAITS_EVERY
            if self._traits_at is None or is_stale(now - self._traits_at, every):
                self._learn(await self._limited(self.lever.traits()), now)
            self.capacity, self.error = await self._limited(self.lever.read()), None
        except TimeoutError:
            self.error = Unreachable(self._no_answer)
        except Throttled as error:
            last = None if self.capacity is None or self.state.intent is not None else self.capacity.observed_at
            if last is not None and not is_stale(now - last, STILL_COUNTS):
                return error
            self.error = error
        except AdapterError as error:
            self.error = error
        self.read_at, self._read_seconds = self._clock.now(), self._clock.monotonic()
        await self._measure_raise()
        return None

    async def _limited(self, call: Awaitable[T]) -> T:
        async with asyncio.timeout(self._timeout):
            return await call

    def _learn(self, traits: Traits, now: datetime) -> None:
        self.traits, self._traits_at = learned(traits, self.traits, self.policy.memory_mb), now
        self.usd_per_unit_minute = self.price(self.traits)

    async def _measure_raise(self) -> None:
        """Store the duration of a raise that has become ready. Simulated capacity is not measured."""
        if self._raising is None or self.capacity is None or self.capacity.phase is not Phase.READY:
            return
        target, sent, sent_at = self._raising
        self._raising = None
        if self.policy.mode == "active" and self.capacity.ready >= target and self.capacity.requested == target:
            seconds, now = ready_after(self.counted, target, sent_at, self._clock.monotonic() - sent), self._clock.now()
            self.lead_seconds.append(seconds)
            try:
                await self._store.save_lead_time(self.policy.name, target, seconds, now)
            except StoreError as error:
                self.unstored = error

    async def _write(self, decision: PlannedDecision, target: int) -> PlannedDecision:
        """Send one write. The intent is stored first, so that a crash during the write does not look like a foreign write."""
        plan, sent = decision.plan, self._clock.monotonic()
        await self.store_state(plan.state)  # the original request and the last write's outcome cannot be read after this write
        sent_at, self._published = self._clock.now(), UNKNOWN
        try:
            fence = await self.term.fence(self.policy.name, target, plan.state, sent_at)
            await self._store.save_intent(self.key, target, sent_at)
            self.state = self._stored = replace(self.state, intent=target)  # the fallback may have changed since the plan
            with (span("write", pool=self.policy.name, lever=self.policy.lever.kind, mode=self.policy.mode, target=target),
                  fenced(fence)):
                self.capacity = await self._limited(self.lever.write(target))
        except TimeoutError:
            return self._unconfirmed(decision, OutcomeUnknown(self._no_answer))
        except OutcomeUnknown as error:
            return self._unconfirmed(decision, error)
        except AdapterError as error:
            return await self._refused(decision, error)
        self.outcomes[ACCEPTED] += 1
        self.read_at = self.wrote_at = self._clock.now()
        self._read_seconds = self._clock.monotonic()
        if target > (plan.requested or 0):
            self._raising = (target, sent, sent_at)
        answer, state = self.capacity, accepted(self.state, target, self._clock.now())
        if decision.seen.leaving == "release":
            state = replace(state, written=None, original_requested=None)
        await self._save(state)
        await self._measure_raise()
        return replace(decision, plan=replace(plan, state=self.state), answer=answer)

    def _unconfirmed(self, decision: PlannedDecision, error: AdapterError) -> PlannedDecision:
        """Return a hold; the write may take effect. The intent stays, and the next step reads its outcome first."""
        self.error = error
        self.outcomes[error.code] += 1
        return self._failed(decision, error)

    async def _refused(self, decision: PlannedDecision, error: AdapterError) -> PlannedDecision:
        """Return a hold; nothing was changed. A quota limits the next plans. After `Misconfigured`, capacity is read at once."""
        self.outcomes[error.code] += 1
        self.error = error if isinstance(error, Misconfigured) else self.error
        if isinstance(error, QuotaExceeded) and error.allowed is not None and error.allowed < (decision.plan.target or 0):
            self.traits = replace(self.traits, allowed=error.allowed, limit=without_secrets(error.limit))
        elif self.capacity is not None and isinstance(error, Refused):
            self.capacity = replace(self.capacity, blocked=error)
        await self._save(replace(self.state, intent=None))
        return self._failed(decision, error)

    def _failed(self, decision: PlannedDecision, error: AdapterError) -> PlannedDecision:
        self.refusal = error
        plan = decision.plan
        held = decision.failed(f"requesting {plan.target} failed ({error.code}): {error}", plan.requested)
        return replace(held, plan=replace(held.plan, state=self.state))

    async def _save(self, state: PoolState) -> None:
        """Store the state, and publish the last write for the next leader. A failure is kept in `unstored`."""
        try:
            await self.store_state(state)
        except StoreError as error:
            self.unstored = error
        if state.intent is None and state.written != self._published and \
                await self.term.publish_confirmed(self.policy.name, state, self._clock.now()):
            self._published = state.written

    async def store_state(self, state: PoolState) -> None:
        """Accept the state and store it if needed. Raise `StoreError`; the state is then stored with the next one."""
        before = self._stored
        if self.accept_state(state):
            try:
                await self._store.save_state(self.key, state)
            except BaseException:
                self._stored = before
                raise

"""One pool's part of a tick: read its capacity when that is due, plan, and carry the plan out through its lever."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from adapters.ports.errors import AdapterError, Misconfigured, OutcomeUnknown, QuotaExceeded, Refused, Throttled, Unreachable
from adapters.ports.lease_store import fenced
from adapters.ports.lever import Capacity, CountedColdStarts, CountsInstances, Lever, Phase, ResumesTarget, Traits
from adapters.runtime.clock import Clock
from config.model.policy import PoolPolicy
from controller.decision.costs.measurements import RECENT_RAISES, learned, median_span, ready_after
from controller.decision.planning.decision_record import PlannedDecision, redact_observation
from controller.decision.planning.guardrails import guardrails_for
from controller.decision.planning.observation import DemandView, Observation, is_stale
from controller.decision.planning.overrides import Override
from controller.decision.planning.plan import Action, LimitCheck, Plan
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state import PoolState, accepted
from controller.decision.planning.reasons import Reason, ReasonCode
from controller.leadership.handover import UNKNOWN
from controller.leadership.leader_term import NO_LEASE, LeaderTerm
from controller.redaction.redactor import without_secrets
from controller.store.async_store import Memory
from controller.store.sqlite_file import StoreError
from controller.telemetry.tracing import span

TRAITS_EVERY, LIMIT_EVERY = timedelta(hours=1), timedelta(minutes=5)
"""How often the traits are read; the second while a limit of the provider holds the pool down."""
METER_EVERY = timedelta(minutes=15)
"""How often the money spent is stored although nothing else changed: a kill loses at most this much of it."""

LOOK_AGAIN = timedelta(seconds=30)
"""A reading older than this is renewed right before a write."""

CALL_TIMEOUT_SECONDS = 120.0
"""Longer than any client's own timeout and its wait for a turn: a second net under a call that never returns."""

STILL_COUNTS, ACCEPTED = timedelta(hours=1), "accepted"  # how long a reading counts that a rate limit keeps from being renewed
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
T = TypeVar("T")


def state_key(policy: PoolPolicy) -> str:
    """Under what a pool's state is stored: what was written on paper must not pass for a real write once it is active."""
    return policy.name if policy.mode == "active" else f"{policy.name} (shadow)"


class Reconciler:
    """Holds one pool's lever, last reading and state. Not for concurrent use: the fleet runs one step at a time.

    `price`: USD per unit-minute of warm capacity, from the traits. `lead_seconds`: how long earlier raises took, oldest first.
    """

    def __init__(self, policy: PoolPolicy, lever: Lever, clock: Clock, memory: Memory, state: PoolState, read_every: timedelta,
                 price: Callable[[Traits], float], lead_seconds: Iterable[float] = (), traits: Traits | None = None,
                 call_timeout_seconds: float = CALL_TIMEOUT_SECONDS) -> None:
        self.policy, self.lever, self.state = policy, lever, state
        self.key, self.counted = state_key(policy), lever.counted if isinstance(lever, CountsInstances) else None
        self.cold_starts = lever.cold_starts if isinstance(lever, CountedColdStarts) else None
        self._clock, self._memory, self._read_every, self._price = clock, memory, read_every, price
        self._timeout = call_timeout_seconds
        self.capacity: Capacity | None = None
        self.error: AdapterError | None = None
        self.refusal: AdapterError | None = None
        """Why the last step's write failed."""
        self.unstored: StoreError | None = None
        """Why something that the last step did could not be remembered; it is tried again with the next."""
        self.made: PlannedDecision | None = None
        self.traits = traits or Traits(memory_mb=policy.memory_mb)
        self.usd_per_unit_minute = price(self.traits)
        self.overrides: tuple[Override, ...] = ()
        """What operators ordered for a while; `controller.overrides.active_overrides` sees to it."""
        self.tenure, self._known = NO_LEASE, state.written
        """Under whom it writes, if at all, and how many units the lease store says are ours."""
        self.lead_seconds: deque[float] = deque(lead_seconds, maxlen=RECENT_RAISES)
        self.read_at: datetime | None = None
        self._read_seconds = 0.0
        """The same on the monotonic clock: a wall clock that was put back makes no reading young."""
        self.wrote_at: datetime | None = None
        self.outcomes: Counter[str] = Counter()
        """Writes since the start by what came of them: accepted, or an error's code."""
        self._traits_at: datetime | None = None
        self._raising: tuple[int, float, datetime] | None = None
        """A raise that is not ready yet, and when it was sent on the monotonic clock and by the date."""
        self._stored = state

    @property
    def lead_time(self) -> timedelta | None:
        """How long a raise takes here: the median of the recent ones; None before there were enough."""
        return median_span(self.lead_seconds)

    def start_term(self, tenure: LeaderTerm) -> None:
        """Another daemon leads from now on, or this one: as after a restart, the provider is asked before anything is written."""
        if tenure is self.tenure or self.policy.mode != "active":
            return
        self.tenure, self.state = tenure, tenure.state(self.policy.name, self.state)
        self._known = tenure.known(self.policy.name)
        self.capacity = self.error = self.read_at = self._raising = None
        if isinstance(self.lever, ResumesTarget):  # what no provider keeps is kept by the leader alone
            self.lever.resume(tenure.units(self.state))

    def read_due(self, now: datetime) -> bool:
        """Whether the provider must be asked: never asked yet, the last answer failed or is old, or a change is under way."""
        if self.capacity is None or self.error is not None or self.read_at is None:
            return True
        return self.urgent or self._unread_for(self._read_every, now)

    def _unread_for(self, limit: timedelta, now: datetime) -> bool:
        """Whether the last reading is `limit` old by either clock: one may be set, the other stand still in a sleep."""
        passed = timedelta(seconds=self._clock.monotonic() - self._read_seconds)
        return self.read_at is not None and (is_stale(now - self.read_at, limit) or passed >= limit)

    @property
    def urgent(self) -> bool:
        """Whether a change is under way or not looked for yet, so that its reading goes before others' when calls are scarce."""
        if self.state.intent is not None or any(at > (self.read_at or LONG_AGO) for at, _ in self.state.unconfirmed_writes):
            return True
        if self.capacity is None:
            return False
        unshown = self.state.foreign_since is None and self.state.written not in (None, self.capacity.requested)
        return unshown or self.capacity.phase is Phase.IN_PROGRESS

    @property
    def turn(self) -> tuple[bool, datetime]:
        """Sorts those whose reading is due: changes under way first, then the longest unread."""
        return not self.urgent, self.read_at or LONG_AGO

    def plan(self, view: DemandView, now: datetime) -> Plan:
        """Decide from what is known; no call is made."""
        seen = redact_observation(Observation(
            now=now, capacity=self.capacity if self.error is None else None, capacity_error=self.error, proposal=view.proposal,
            freshness=view.freshness, data_age=view.data_age, settled=view.settled, unknown_minutes=view.unknown_minutes,
            quiet=view.quiet, allowed=self.traits.allowed, limit=self.traits.limit, billing_step=self.traits.billing_step,
            usd_per_unit_minute=self.usd_per_unit_minute, overrides=self.overrides, bounds=view.bounds, leaving=view.leaving,
            announced=view.announced, traffic=view.traffic, missing_since=view.missing_since,
            keep_alive_change=view.keep_alive_change,
            standby=self.tenure.write_blocked, fencing=self.tenure.number))
        plan = make_plan(self.policy, self.state, seen, guardrails_for(seen))
        self.made = PlannedDecision(self.policy, self.state, seen, plan)
        return plan

    def plan_within(self, view: DemandView, gate: LimitCheck | None) -> Plan:
        """Decide from what is known, within what the fleet leaves."""
        plan = self.plan(view, self._clock.now())
        bounds = () if gate is None else gate(plan)
        return self.plan(replace(view, bounds=bounds), plan.at) if bounds else plan

    async def step(self, view: DemandView, read: bool = True, gate: LimitCheck | None = None) -> Plan:
        """Read if due and allowed, plan, act. Never raises for what happens outside the process; the plan says it."""
        self.refusal = self.unstored = None
        if read and self.read_due(self._clock.now()):
            await self.read()
        plan = self.plan_within(view, gate)
        if plan.action is Action.WRITE and self._unread_for(LOOK_AGAIN, self._clock.now()):
            throttled = await self.read()
            plan = self.plan_within(view, gate)
            if throttled is not None and plan.action is Action.WRITE:
                await self._remember(plan.state)
                return self._held(plan, throttled)
        if plan.action is Action.WRITE and plan.target is not None:
            return await self._write(plan, plan.target)
        await self._remember(plan.state)
        return plan

    def accept_state(self, state: PoolState) -> bool:
        """Take over `state`; whether it must be stored now. The meter and the wishes alone are not worth a write each minute."""
        self.state, was = state, self._stored
        alike = replace(state, spent_usd=was.spent_usd, metered_at=was.metered_at, recommendations=was.recommendations)
        metered = state.metered_at is not None and is_stale(state.metered_at - (was.metered_at or LONG_AGO), METER_EVERY)
        if alike == was and not metered:
            return False
        self._stored = state
        return True

    def mark_unsaved(self) -> None:
        """What `adopt` handed out could not be stored: hand it out again."""
        self._stored = PoolState()

    async def read(self) -> Throttled | None:
        """Ask the provider; a failure is kept as the reason why capacity is not known, the last reading stays for display.

        When the provider or our own limit asks to slow down, a reading that is not old yet still counts, and the error is
        returned instead. That is not so while a write's outcome is open: what was read before it says nothing of it.
        """
        now = self._clock.now()
        try:
            every = LIMIT_EVERY if self.made and self.made.limited else TRAITS_EVERY
            if self._traits_at is None or is_stale(now - self._traits_at, every):
                self._learn(await self._limited(self.lever.traits()), now)
            self.capacity, self.error = await self._limited(self.lever.read()), None
        except TimeoutError:
            self.error = Unreachable(f"{self.policy.lever.resource}: no answer within {self._timeout:g} s")
        except Throttled as error:
            if self.capacity is not None and self.state.intent is None and not is_stale(now - self.capacity.observed_at,
                                                                                        STILL_COUNTS):
                return error
            self.error = error
        except AdapterError as error:
            self.error = error
        self.read_at, self._read_seconds = self._clock.now(), self._clock.monotonic()
        await self._follow()
        return None

    async def _limited(self, call: Awaitable[T]) -> T:
        async with asyncio.timeout(self._timeout):
            return await call

    def _learn(self, traits: Traits, now: datetime) -> None:
        self.traits, self._traits_at = learned(traits, self.traits, self.policy.memory_mb), now
        self.usd_per_unit_minute = self._price(self.traits)

    async def _follow(self) -> None:
        """Notice that a raise has become ready, and how long it took; what is ready on paper teaches nothing."""
        if self._raising is None or self.capacity is None or self.capacity.phase is not Phase.READY:
            return
        target, sent, sent_at = self._raising
        self._raising = None
        if self.policy.mode == "active" and self.capacity.ready >= target and self.capacity.requested == target:
            seconds, now = ready_after(self.counted, target, sent_at, self._clock.monotonic() - sent), self._clock.now()
            self.lead_seconds.append(seconds)
            try:
                await self._memory.save_lead_time(self.policy.name, target, seconds, now)
            except StoreError as error:
                self.unstored = error

    async def _write(self, plan: Plan, target: int) -> Plan:
        """Send one write. The intent is stored first, so that a crash in flight is not mistaken for somebody else's change."""
        before, sent = plan.requested or 0, self._clock.monotonic()
        await self._store_state(plan.state)  # what was there, and what became of the last write, is not to be seen after this one
        sent_at, self._known = self._clock.now(), UNKNOWN
        try:
            fence = await self.tenure.fence(self.policy.name, target, plan.state, sent_at)
            await self._memory.save_intent(self.key, target, sent_at)
            self.state = self._stored = replace(self.state, intent=target)  # it may have been told more meanwhile
            with (span("write", pool=self.policy.name, lever=self.policy.lever.kind, mode=self.policy.mode, target=target),
                  fenced(fence)):
                self.capacity = await self._limited(self.lever.write(target))
        except TimeoutError:
            return self._unsure(plan, OutcomeUnknown(f"{self.policy.lever.resource}: no answer within {self._timeout:g} s"))
        except OutcomeUnknown as error:
            return self._unsure(plan, error)
        except AdapterError as error:
            return await self._refused(plan, error)
        self.outcomes[ACCEPTED] += 1
        self.read_at = self.wrote_at = self._clock.now()
        self._read_seconds = self._clock.monotonic()
        if target > before:
            self._raising = (target, sent, sent_at)
        state = accepted(self.state, target, self._clock.now())
        released = self.made is not None and self.made.seen.leaving == "release"
        await self._remember(replace(state, written=None, original_requested=None) if released else state)
        await self._follow()
        return replace(plan, state=self.state)

    def _unsure(self, plan: Plan, error: AdapterError) -> Plan:
        """It may have happened. The intent stays: the next step reads what became of it before anything else."""
        self.error = error
        self.outcomes[error.code] += 1
        return self._held(plan, error)

    async def _refused(self, plan: Plan, error: AdapterError) -> Plan:
        """Nothing was changed. A quota teaches what may be asked; the rest waits for a reading, at once if none works either."""
        self.outcomes[error.code] += 1
        self.error = error if isinstance(error, Misconfigured) else self.error
        if isinstance(error, QuotaExceeded) and error.allowed is not None and error.allowed < (plan.target or 0):
            self.traits = replace(self.traits, allowed=error.allowed, limit=without_secrets(error.limit))
        elif self.capacity is not None and isinstance(error, Refused):
            self.capacity = replace(self.capacity, blocked=error)
        await self._remember(replace(self.state, intent=None))
        return self._held(plan, error)

    def _held(self, plan: Plan, error: AdapterError) -> Plan:
        self.refusal = error
        text = f"asking for {plan.target} failed ({error.code}): {error}"
        reason = Reason(ReasonCode.WRITE_FAILED, text, plan.target, plan.requested)
        return replace(plan, action=Action.HOLD, target=plan.requested, reasons=(*plan.reasons, reason), state=self.state)

    async def _remember(self, state: PoolState) -> None:
        """Store what has happened and tell the next leader what is there of ours; what happened is not lost if that fails."""
        try:
            await self._store_state(state)
        except StoreError as error:
            self.unstored = error
        if state.intent is None and state.written != self._known and \
                await self.tenure.settled(self.policy.name, state, self._clock.now()):
            self._known = state.written

    async def _store_state(self, state: PoolState) -> None:
        was = self._stored
        if self.accept_state(state):
            try:
                await self._memory.save_state(self.key, state)
            except BaseException:
                self._stored = was
                raise

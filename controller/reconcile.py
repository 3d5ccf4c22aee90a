"""One pool's part of a tick: read its capacity when that is due, plan, and carry the plan out through its lever."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from adapters.clock import Clock
from adapters.errors import AdapterError, OutcomeUnknown, QuotaExceeded, Refused
from adapters.protocol import Capacity, Lever, Phase, Traits
from config.policy import PoolPolicy
from controller.guardrails import GUARDRAILS
from controller.plan import Action, Code, Observation, Plan, PoolState, Proposal, Reason, Sight, accepted, make_plan

TRAITS_EVERY = timedelta(hours=1)
CALL_TIMEOUT_SECONDS = 30.0
"""Longer than any client's own timeout: a second net, so that a call that never returns cannot keep its pool for ever."""


class Memory(Protocol):
    """Where a pool's state is kept over restarts. Each call returns when the state is safe."""

    async def save_intent(self, pool: str, target: int, at: datetime) -> None:
        """Before a write of `target` is sent."""

    async def save_state(self, pool: str, state: PoolState) -> None:
        """After its outcome is known, and whenever the state changed."""

    async def save_lead_time(self, pool: str, target: int, seconds: float, at: datetime) -> None:
        """A raise became ready."""


@dataclass(frozen=True, slots=True)
class View:
    """What the fleet knows of a pool's demand at a tick."""

    sight: Sight = Sight.NONE
    data_age: timedelta | None = None
    proposal: Proposal | None = None
    settled: bool = False


def state_key(policy: PoolPolicy) -> str:
    """Under what a pool's state is stored: what was written on paper must not pass for a real write once it is active."""
    return policy.name if policy.mode == "active" else f"{policy.name} (shadow)"


class Reconciler:
    """Holds one pool's lever, last reading and state. Not for concurrent use: the fleet runs one step at a time."""

    def __init__(self, policy: PoolPolicy, lever: Lever, clock: Clock, memory: Memory, state: PoolState,
                 read_every: timedelta, price: Callable[[Traits], float]) -> None:
        self.policy, self.lever, self.state = policy, lever, state
        self.key = state_key(policy)
        self._clock, self._memory, self._read_every, self._price = clock, memory, read_every, price
        self.capacity: Capacity | None = None
        self.error: AdapterError | None = None
        self.traits = Traits(memory_mb=policy.memory_mb)
        self.lead_seconds: float | None = None
        self._read_at: datetime | None = None
        self._traits_at: datetime | None = None
        self._raising: tuple[int, datetime] | None = None
        self._allowed: int | None = None
        self._stored_month = state.month

    def read_due(self, now: datetime) -> bool:
        """Whether the provider must be asked: never asked yet, the last answer failed or is old, or a change is under way."""
        if self.capacity is None or self.error is not None or self._read_at is None or self.state.intent is not None:
            return True
        return self.capacity.phase is Phase.IN_PROGRESS or now - self._read_at >= self._read_every

    def plan(self, view: View, now: datetime) -> Plan:
        """Decide from what is known; no call is made."""
        seen = Observation(
            now=now, capacity=self.capacity if self.error is None else None, capacity_error=self.error, proposal=view.proposal,
            sight=view.sight, data_age=view.data_age, settled=view.settled, allowed=self._allowed,
            billing_step=self.traits.billing_step, usd_per_unit_minute=self._price(self.traits),
        )
        return make_plan(self.policy, self.state, seen, GUARDRAILS)

    async def step(self, view: View) -> Plan:
        """Read if due, plan, act. Never raises for what happens outside the process; the plan says it."""
        if self.read_due(self._clock.now()):
            await self.read()
        plan = self.plan(view, self._clock.now())
        if plan.action is Action.WRITE:
            # what was read a while ago may have changed: look again right before writing
            if self._read_at is not None and self._clock.now() - self._read_at > timedelta(seconds=30):
                await self.read()
                plan = self.plan(view, self._clock.now())
            if plan.action is Action.WRITE and plan.target is not None:
                return await self._write(plan, plan.target)
        await self.keep(plan)
        return plan

    async def keep(self, plan: Plan) -> None:
        """Take over the state of a plan that asks for no write."""
        await self._remember(plan.state)

    async def read(self) -> None:
        """Ask the provider; a failure is kept as the reason why capacity is not known, the last reading stays for display."""
        now = self._clock.now()
        try:
            if self._traits_at is None or now - self._traits_at >= TRAITS_EVERY:
                self._learn(await self.lever.traits(), now)
            self.capacity, self.error = await self.lever.read(), None
        except AdapterError as error:
            self.error = error
        self._read_at = self._clock.now()
        await self._follow()

    def _learn(self, traits: Traits, now: datetime) -> None:
        memory_mb = self.policy.memory_mb if self.policy.memory_mb is not None else traits.memory_mb
        self.traits, self._traits_at, self._allowed = replace(traits, memory_mb=memory_mb), now, traits.allowed

    async def _follow(self) -> None:
        """Notice that a raise has become ready, and how long it took."""
        if self._raising is None or self.capacity is None or self.capacity.phase is not Phase.READY:
            return
        target, since = self._raising
        self._raising = None
        if self.capacity.ready >= target and self.capacity.requested == target:
            self.lead_seconds = (self._clock.now() - since).total_seconds()
            await self._memory.save_lead_time(self.policy.name, target, self.lead_seconds, self._clock.now())

    async def _write(self, plan: Plan, target: int) -> Plan:
        """Send one write. The intent is stored first, so that a crash in flight is not mistaken for somebody else's change."""
        before = plan.requested or 0
        self.state = replace(plan.state, intent=target)
        sent_at = self._clock.now()
        await self._memory.save_intent(self.key, target, sent_at)
        try:
            self.capacity = await self.lever.write(target)
        except OutcomeUnknown as error:
            self.error = error  # the intent stays: the next step reads what became of it
            return self._held(plan, error)
        except AdapterError as error:
            return await self._refused(plan, error)
        self._read_at = self._clock.now()
        if target > before:
            self._raising = (target, sent_at)
        await self._remember(accepted(self.state, target, self._clock.now()))
        await self._follow()
        return replace(plan, state=self.state)

    async def _refused(self, plan: Plan, error: AdapterError) -> Plan:
        """Nothing was changed. A quota teaches how much may be asked; what will not pass by itself waits for the next reading."""
        if isinstance(error, QuotaExceeded) and error.allowed is not None:
            self._allowed = error.allowed
        if self.capacity is not None and isinstance(error, Refused):
            self.capacity = replace(self.capacity, blocked=error)
        await self._remember(replace(self.state, intent=None))
        return self._held(plan, error)

    def _held(self, plan: Plan, error: AdapterError) -> Plan:
        text = f"asking for {plan.target} failed ({error.code}): {error}"
        reason = Reason(Code.WRITE_FAILED, text, plan.target, plan.requested)
        return replace(plan, action=Action.HOLD, target=plan.requested, reasons=(*plan.reasons, reason), state=self.state)

    async def _remember(self, state: PoolState) -> None:
        """Store what a restart needs; the meter and the wishes alone are not worth a write each minute."""
        was = self.state
        durable = replace(state, spent_usd=was.spent_usd, metered_at=was.metered_at, month=was.month, wishes=was.wishes)
        changed, self.state = durable != self.state, state
        if changed or state.month != self._stored_month:
            self._stored_month = state.month
            await self._memory.save_state(self.key, state)

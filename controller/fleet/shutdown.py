"""What is done for a pool when its daemon ends, as its policy's `on_exit` says: on the way out, or later by `stoker release`."""

from collections.abc import Mapping
from dataclasses import replace

import structlog

from adapters.ports.errors import AdapterError, Throttled
from adapters.ports.lease_store import Unfenced, fenced
from adapters.ports.lever import SchedulesFallback
from adapters.runtime.clock import Clock
from controller.decision.planning.dead_man_schedule import with_confirmed
from controller.decision.planning.observation import DemandView
from controller.decision.planning.plan import Action, Plan
from controller.decision.planning.reasons import Reason, ReasonCode
from controller.fleet.reconciler import Reconciler
from controller.redaction.redactor import redact_text

log = structlog.get_logger("stoker.leaving")
TRIES = 20
MOST_WAIT_SECONDS = 10.0


def pools_to_release(reconcilers: Mapping[str, Reconciler]) -> list[str]:
    """The pools for which something may have to be done, the dearest first: active, set by Stoker, and not to be held."""
    due = [name for name, each in reconcilers.items()
           if each.policy.mode == "active" and each.policy.on_exit != "hold"
           and (each.state.written is not None or each.state.intent is not None or each.state.scheduled_fallback)]
    return sorted(due, key=lambda name: -(reconcilers[name].state.written or 0) * reconcilers[name].usd_per_unit_minute)


def view_of(reconciler: Reconciler) -> DemandView:
    """All that needs to be known for it: nothing of demand."""
    return DemandView(leaving=reconciler.policy.on_exit)


async def release_pool(reconciler: Reconciler, clock: Clock) -> Plan:
    """Read, and carry the order out; a provider that asks to slow down is obeyed and asked again."""
    for _ in range(TRIES):
        plan = await reconciler.step(view_of(reconciler))
        error = reconciler.error or reconciler.refusal
        if error is None and is_released(plan) and (error := await cancel_fallback(reconciler, clock)) is not None:
            plan = held(plan, error)
        if not isinstance(error, Throttled | Unfenced):
            return plan
        wait = error.retry_after if isinstance(error, Throttled) else None
        await clock.sleep(1.0 if wait is None else min(MOST_WAIT_SECONDS, wait.total_seconds()))
    return plan


def held(plan: Plan, error: AdapterError) -> Plan:
    """It is left as it was to be, and yet changes later."""
    text = f"the scheduled fallback could not be cancelled: {redact_text(str(error))}"
    reason = Reason(ReasonCode.WRITE_FAILED, text, plan.target, plan.requested)
    return replace(plan, action=Action.HOLD, reasons=(*plan.reasons, reason))


async def cancel_fallback(reconciler: Reconciler, clock: Clock) -> AdapterError | None:
    """What the provider was told to do later is not to undo what is left now. Why it still may."""
    name, tenure, state = reconciler.policy.name, reconciler.tenure, reconciler.state
    # A lost store holds no fallback, so the policy counts as well.
    ordered = state.scheduled_fallback or state.pending_fallback or reconciler.policy.dead_man is not None
    if not ordered or not isinstance(reconciler.lever, SchedulesFallback):
        return None
    try:
        with fenced(await tenure.fence_ahead(name, state)):
            await reconciler.lever.disarm()
        reconciler.state = with_confirmed(reconciler.state, (), clock.now())
        await tenure.settled_ahead(name, reconciler.state)
    except AdapterError as error:
        log.warning("fallback-not-cancelled", pool=name, error=redact_text(str(error)))
        return error
    return None


def is_released(plan: Plan | None) -> bool:
    """Whether the pool is left as its policy wants, not held back by an order, somebody else or the provider."""
    return plan is not None and plan.action is not Action.HOLD and any(reason.code is ReasonCode.ON_EXIT
                                                                       for reason in plan.reasons)

"""Release of pools at shutdown as `on_exit` of their policy says, by the daemon or by `stoker release`."""

from collections.abc import Mapping
from contextlib import suppress

import structlog

from adapters.ports.errors import AdapterError, Throttled
from adapters.ports.lease_store import Unfenced, fenced
from adapters.ports.lever import SchedulesFallback
from adapters.runtime.clock import Clock
from controller.decision.planning.dead_man.schedule import with_confirmed
from controller.decision.planning.observation import NO_DEMAND
from controller.decision.planning.plan import Action, Plan, PlannedDecision
from controller.decision.planning.reason_codes import ReasonCode
from controller.fleet.reconciler import Reconciler
from controller.redaction.redactor import redact_text
from controller.store.sqlite_file import StoreError

log = structlog.get_logger("stoker.leaving")
TRIES = 20
MOST_WAIT_SECONDS = 10.0


def pools_to_release(reconcilers: Mapping[str, Reconciler]) -> list[str]:
    """Return the pools that may need a release, highest cost first: active, set by Stoker, and `on_exit` is not `hold`."""
    due = [name for name, each in reconcilers.items()
           if each.policy.mode == "active" and each.policy.on_exit != "hold"
           and (each.state.written is not None or each.state.intent is not None or each.state.scheduled_fallback)]
    return sorted(due, key=lambda name: -(reconcilers[name].state.written or 0) * reconcilers[name].usd_per_unit_minute)


async def release_pool(reconciler: Reconciler, clock: Clock) -> PlannedDecision:
    """Read capacity and release the pool. Try up to `TRIES` times while the provider throttles."""
    for _ in range(TRIES):
        decision = await reconciler.step(NO_DEMAND, leaving=reconciler.policy.on_exit)
        error = reconciler.error or reconciler.refusal
        if error is None and is_released(decision.plan) and (error := await cancel_fallback(reconciler, clock)) is not None:
            text = f"the scheduled fallback could not be cancelled: {redact_text(str(error))}"
            decision = decision.failed(text, decision.plan.target)
        if not isinstance(error, Throttled | Unfenced):
            return decision
        wait = error.retry_after if isinstance(error, Throttled) else None
        await clock.sleep(1.0 if wait is None else min(MOST_WAIT_SECONDS, wait.total_seconds()))
    return decision


async def cancel_fallback(reconciler: Reconciler, clock: Clock) -> AdapterError | None:
    """Cancel the scheduled fallback, so that it does not change the released pool later. Return why it could not be cancelled."""
    name, term, state = reconciler.policy.name, reconciler.term, reconciler.state
    # A lost store holds no fallback, so the policy counts as well.
    may_exist = state.scheduled_fallback or state.pending_fallback or reconciler.policy.dead_man is not None
    if not may_exist or not isinstance(reconciler.lever, SchedulesFallback):
        return None
    try:
        with fenced(await term.fence_fallback(name, state)):
            await reconciler.lever.disarm()
        with suppress(StoreError):  # stored again when the fleet closes
            await reconciler.store_state(with_confirmed(reconciler.state, (), clock.now()))
        await term.publish_fallback(name, reconciler.state)
    except AdapterError as error:
        log.warning("fallback-not-cancelled", pool=name, mode=reconciler.policy.mode, error=redact_text(str(error)))
        return error
    return None


def is_released(plan: Plan | None) -> bool:
    """Return whether the pool is as `on_exit` says: no override, foreign write or provider prevented it."""
    return plan is not None and plan.action is not Action.HOLD and any(reason.code is ReasonCode.ON_EXIT
                                                                       for reason in plan.reasons)

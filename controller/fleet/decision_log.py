"""Decision log: stores plans that change something, with their inputs, and then logs them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import structlog

from controller.decision.costs.kinds import KIND_OF_MODE
from controller.decision.planning.plan import DEFERRED_CODES, Action, Plan, deciding_code
from controller.decision.planning.reason_codes import ReasonCode
from controller.decision.planning.record.changes import since_body
from controller.redaction.redactor import redact_text
from controller.store.sqlite_file import StoreError

log = structlog.get_logger("stoker.decision")

MOST_PENDING = 20_000
"""Most decisions that are kept in memory while the store fails; the oldest are dropped."""

WARNING_CODES = frozenset({
    ReasonCode.CAPACITY_UNKNOWN, ReasonCode.METRICS_MISSING, ReasonCode.METRICS_MISSING_LONG, ReasonCode.FOREIGN_WRITE,
    ReasonCode.FOREIGN_OWNER, ReasonCode.BLOCKED, ReasonCode.ALLOCATION_FAILED, ReasonCode.WRITE_FAILED, ReasonCode.QUOTA,
    ReasonCode.BUDGET, ReasonCode.INVALID_PROPOSAL,
})
"""Codes that an operator may need to check; such decisions are logged as warnings."""


class DecisionStore(Protocol):
    """Store of decisions."""

    async def save_decisions(self, batch: Iterable[tuple[Plan, Mapping[str, Any]]]) -> None:
        """Append all; they are stored on return."""


class DecisionLog:
    """Log of the plans that change something, with counts by action and deciding reason.

    `explain`: returns the rationale of a pool's proposal for the record; see `controller.forecasts.rationale`.
    """

    def __init__(self, store: DecisionStore,
                 explain: Callable[[Plan], Mapping[str, Any]] | None = None) -> None:
        self._store, self._explain = store, explain
        self.counts: dict[tuple[str, str], int] = {}
        """Recorded decisions by action and deciding reason."""
        self.last_change: dict[str, Plan] = {}
        """Last recorded decision of each pool since the start."""
        self._earlier: dict[str, Plan] = {}
        """The recorded decision before that one."""
        self._pending: list[tuple[Plan, Mapping[str, Any]]] = []
        """Decisions that could not be stored; they are stored with the next ones."""

    async def note(self, plans: Sequence[tuple[Plan, Plan | None, Mapping[str, Any]]]) -> None:
        """Store the plans that are worth recording in one transaction, and then log them. Raise `StoreError`."""
        new = [(plan, self.with_rationale(plan, inputs)) for plan, before, inputs in plans if is_worth_recording(plan, before)]
        batch = self._pending + new
        if not batch:
            return
        self._pending = []
        try:
            await self._store.save_decisions(batch)
        except StoreError:
            self._pending = [*batch, *self._pending][-MOST_PENDING:]
            raise
        for plan, _ in batch:
            key = (plan.action_name, deciding_code(plan).value)
            self.counts[key] = self.counts.get(key, 0) + 1
            if (earlier := self.last_change.get(plan.pool)) is not None:
                self._earlier[plan.pool] = earlier
            self.last_change[plan.pool] = plan
            write_line = log.warning if deciding_code(plan) in WARNING_CODES else log.info
            fencing = {} if plan.fencing is None else {"fencing": plan.fencing}
            kind = KIND_OF_MODE[plan.mode]
            units = {f"{kind}_requested": plan.requested, f"{kind}_ready": plan.ready}
            write_line("decision", pool=plan.pool, mode=plan.mode, action=plan.action_name, target=plan.target, **units,
                       reasons=[reason.code.value for reason in plan.reasons], text=redact_text(plan.text), **fencing)

    def with_rationale(self, plan: Plan, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the inputs with the rationale of the proposal, and what changed since the decision before it. It only explains:
        an error in it is logged and has no effect.
        """
        if self._explain is None:
            return inputs
        last = self.last_change.get(plan.pool)
        before = self._earlier.get(plan.pool) if last is plan else last
        try:
            return {**inputs, "weighed": {**self._explain(plan), "since": None if before is None else since_body(before, plan)}}
        except Exception:
            log.exception("not-explained", pool=plan.pool, mode=plan.mode)
            return inputs


def is_worth_recording(plan: Plan, before: Plan | None) -> bool:
    """Return whether a plan is recorded: a write always, else when writing stops, resumes or is blocked for another reason.

    Unchanged capacity and pools that wait for a call to the provider are not recorded.
    """
    if plan.action is Action.WRITE:
        return True
    if deciding_code(plan) in DEFERRED_CODES:
        return False
    if before is None or deciding_code(before) in DEFERRED_CODES:
        return plan.action is Action.HOLD
    if plan.action is not before.action and before.action is not Action.WRITE:
        return True
    return plan.action is Action.HOLD and (before.action is not Action.HOLD or deciding_code(plan) is not deciding_code(before))
